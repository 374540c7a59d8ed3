"""The legacy rows: the hospital's, as dirty as one likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from django_project.hospital.legacy.chance import Chance, Row
from django_project.hospital.legacy.departments import departments
from django_project.hospital.legacy.dirt import PATIENT_DIRT, DirtTable
from django_project.hospital.legacy.rows import spoiled, tidy_patient
from django_project.hospital.legacy.tables import DEPARTMENTS, PATIENTS, Table

SEED = "benchmark"
USUAL_SHARE = 0.02
"""Bad rows in the hospital's own dirt."""

PLAIN = Table("plain_patients", {**PATIENTS.columns, "patient_id": "integer PRIMARY KEY"})


def hospital(rows: int, bad: float) -> Iterator[tuple[Table, Iterator[Row]]]:
    """Yield departments and patients; of these the share `bad` cannot be loaded."""
    yield DEPARTMENTS, departments()
    yield PATIENTS, patients(rows, bad)


def patients(rows: int, bad: float, dirt: Counter[str] | None = None) -> Iterator[Row]:
    """Yield patients; count in `dirt` what is wrong with them."""
    kinds = (
        replace(kind, rate=kind.rate * bad / USUAL_SHARE) if kind.fate == "rejected" else kind
        for kind in PATIENT_DIRT.kinds
    )
    chance = Chance(SEED)
    tidy = (tidy_patient(index, chance) for index in range(rows))
    return spoiled(tidy, DirtTable(*kinds), chance, Counter() if dirt is None else dirt)


def plain(rows: int, bad: float) -> Iterator[tuple[Table, Iterator[Row]]]:
    """Yield patients with the usual dirt that all can be copied, their numbers being a primary key."""
    yield PLAIN, patients(rows, 0.0)
