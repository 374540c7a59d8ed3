"""The same loop, with Django's own validation of each object before it is stored."""

from __future__ import annotations

from itertools import islice

from .django_loop import BATCH, cleaned_patients, load_departments
from .telling import set_up, tell


def main() -> None:
    set_up()
    from django.db import transaction

    with transaction.atomic():
        load_departments()
        tell(loaded=load_patients())


def load_patients() -> int:
    from django.core.exceptions import ValidationError

    from benchmarks.job.models import Patient

    values = cleaned_patients()
    loaded = 0
    while batch := [Patient(**one) for one in islice(values, BATCH)]:
        good = []
        for patient in batch:
            try:
                patient.full_clean()
            except ValidationError:
                continue
            good.append(patient)
        Patient.objects.bulk_create(good)
        loaded += len(good)
    return loaded


if __name__ == "__main__":
    main()
