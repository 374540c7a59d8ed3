"""What a Django developer writes first: iterate, clean, `bulk_create`."""

from __future__ import annotations

from collections.abc import Iterator
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


def load_departments() -> None:
    from benchmarks.job.cleaning import clean_department
    from benchmarks.job.models import Department

    fields = ("legacy_id", "code", "name")
    rows = map(clean_department, legacy_rows("legacy_departments", ("dept_id", "code", "name"), ("dept_id",)))
    Department.objects.bulk_create(
        [Department(**dict(zip(fields, row, strict=True))) for row in rows],
        update_conflicts=True,
        unique_fields=["legacy_id"],
        update_fields=["code", "name"],
    )


def cleaned_patients() -> Iterator[dict[str, Any]]:
    """The good patients as they are to be; their departments are loaded."""
    from benchmarks.job.cleaning import READING_ORDER, SOURCE, TARGET, Cleaning
    from benchmarks.job.models import Department

    cleaning = Cleaning(dict(Department.objects.values_list("legacy_id", "pk")))
    for row in cleaning.good(legacy_rows("legacy_patients", SOURCE, READING_ORDER)):
        yield dict(zip(TARGET, row, strict=True))


def load_patients() -> int:
    from benchmarks.job.models import Patient

    update = [field.name for field in Patient._meta.concrete_fields if field.name not in ("id", "legacy_id")]
    values = cleaned_patients()
    loaded = 0
    while batch := [Patient(**one) for one in islice(values, BATCH)]:
        Patient.objects.bulk_create(
            batch, update_conflicts=True, unique_fields=["legacy_id"], update_fields=update
        )
        loaded += len(batch)
    return loaded


if __name__ == "__main__":
    main()
