"""django-import-export in bulk mode, with what its documentation says makes it fast."""

from __future__ import annotations

import os
import sys
from itertools import islice

from .django_loop import BATCH, cleaned_patients, load_departments
from .telling import set_up, tell


def main() -> None:
    set_up()
    from django.db import transaction

    with transaction.atomic():
        load_departments()
        tell(loaded=load_patients(fresh=os.environ["BENCH_SITUATION"] == "empty"))


def load_patients(*, fresh: bool) -> int:
    """Import batch by batch, since a dataset lies in memory as a whole."""
    import tablib

    resource = resource_class(fresh)()
    values = cleaned_patients()
    loaded = 0
    while batch := list(islice(values, BATCH)):
        headers = list(batch[0])
        dataset = tablib.Dataset(*(tuple(row.values()) for row in batch), headers=headers)
        result = resource.import_data(dataset, raise_errors=True)
        if result.has_validation_errors():
            sys.exit(f"refused: {result.invalid_rows[0].error}")
        loaded += len(batch)
    return loaded


def resource_class(fresh: bool) -> type:
    from import_export import fields, resources, widgets
    from import_export.instance_loaders import CachedInstanceLoader

    from benchmarks.job.cleaning import TARGET
    from benchmarks.job.models import Patient

    class Meta:
        model = Patient
        fields = TARGET
        import_id_fields = ("legacy_id",)
        use_bulk = True
        batch_size = 1_000  # its default, and the fastest here
        # Into an empty table nothing has to be looked up; otherwise one query for a whole batch.
        force_init_instance = fresh
        instance_loader_class = CachedInstanceLoader
        skip_unchanged = not fresh
        skip_diff = True
        report_skipped = False

    # Values arrive in their types: no text has to be read, and no department looked up.
    columns = {name: fields.Field(name, name, widgets.Widget()) for name in TARGET}
    return type("PatientResource", (resources.ModelResource,), {"Meta": Meta, **columns})


if __name__ == "__main__":
    main()
