"""What a Django developer writes first: iterate, clean, `bulk_create`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from typing import Any

from .telling import set_up, tell

BATCH = 5_000


def main() -> None:
    set_up()
    from django.db import transaction

    with transaction.atomic():
        load_departments()
        tell(loaded=load_patients())


def legacy_rows(table: str, columns: tuple[str, ...], order: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Stream a legacy table through an unmanaged model, as tuples: instances would only cost."""
    from django.db import models

    fields: dict[str, Any] = {name: models.TextField() for name in columns}
    fields[columns[0]] = models.IntegerField(primary_key=True)
    meta = type("Meta", (), {"managed": False, "db_table": table, "app_label": "bench"})
    model: Any = type(f"Legacy_{table}", (models.Model,), {"__module__": __name__, "Meta": meta, **fields})
    return model.objects.using("legacy").order_by(*order).values_list(*columns).iterator(chunk_size=BATCH)


def models() -> tuple[Any, Any]:
    """The job's Department and Patient."""
    from django.apps import apps

    department, patient = map(apps.get_model, os.environ["BENCH_MODELS"].split(","))
    return department, patient


def load_departments() -> None:
    by = import_module(os.environ["BENCH_CLEANING"])
    rows = map(by.clean_department, legacy_rows("legacy_departments", by.DEPARTMENT_SOURCE, ("dept_id",)))
    department, _ = models()
    upsert(department, [dict(zip(by.DEPARTMENT_TARGET, row, strict=True)) for row in rows])


def cleaned_patients() -> Iterator[dict[str, Any]]:
    """The good patients as they are to be; their departments are loaded."""
    by = import_module(os.environ["BENCH_CLEANING"])
    department, _ = models()
    cleaning = by.Cleaning(dict(department.objects.values_list("legacy_id", "pk")))
    for row in cleaning.good(legacy_rows("legacy_patients", by.SOURCE, by.READING_ORDER)):
        yield dict(zip(by.TARGET, row, strict=True))


def load_patients() -> int:
    _, patient = models()
    values = cleaned_patients()
    loaded = 0
    while batch := list(islice(values, BATCH)):
        upsert(patient, batch)
        loaded += len(batch)
    return loaded


def upsert(model: Any, rows: list[dict[str, Any]]) -> None:
    never = ("id", "legacy_id", "created_at")
    update = [field.name for field in model._meta.concrete_fields if field.name not in never]
    model.objects.bulk_create(
        [model(**row) for row in rows],
        update_conflicts=True,
        unique_fields=["legacy_id"],
        update_fields=update,
    )


if __name__ == "__main__":
    main()
