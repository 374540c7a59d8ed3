"""Makes the old system: a believable, dirty legacy database of any size, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from . import tables
from .departments import departments
from .dirt import APPOINTMENT_DIRT, PATIENT_DIRT, DirtTable
from .rows import MOST_PATIENTS, appointments, patients

__all__ = ["CannotMakeHospital", "Made", "make_legacy_hospital"]


class CannotMakeHospital(ValueError):
    """The old system cannot be made as asked; the message says why."""


@dataclass
class Made:
    """What was written, and how dirty it is."""

    database: str
    location: str
    departments: int = 0
    patients: int = 0
    appointments: int = 0
    patient_dirt: Counter[str] = field(default_factory=Counter)
    """Rows of legacy_patients by the name of their dirt."""
    appointment_dirt: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"Wrote {self.departments} departments, {self.patients:,} patients and "
            f"{self.appointments:,} appointments to '{self.database}' ({self.location}). "
            f"Of the patients {_dirty(PATIENT_DIRT, self.patient_dirt, self.patients)}; "
            f"of the appointments {_dirty(APPOINTMENT_DIRT, self.appointment_dirt, self.appointments)}."
        )


def make_legacy_hospital(patient_count: int, seed: int, database: str = "legacy") -> Made:
    """Replace the three legacy tables in `database`, all of them or, where it fails, none.

    Memory does not grow with `patient_count`.

    Raises:
        CannotMakeHospital: the count or the alias is impossible, or the database refuses.
    """
    if not 1 <= patient_count <= MOST_PATIENTS:
        raise CannotMakeHospital(
            f"A hospital of {patient_count} patients cannot be made: "
            f"--patients takes a number from 1 to {MOST_PATIENTS:,}."
        )
    if database not in connections:
        raise CannotMakeHospital(
            f"The database '{database}' is not configured: "
            f"--database takes one of {', '.join(sorted(connections))}."
        )
    connection = connections[database]
    made = Made(database, _location(connection))
    try:
        with transaction.atomic(using=database):
            _write(connection, made, patient_count, seed)
    except DatabaseError as error:
        raise CannotMakeHospital(
            f"The legacy tables in '{database}' ({made.location}) could not be written, "
            f"and are as they were: {' '.join(str(error).split()).rstrip('.')}."
        ) from error
    return made


def _write(connection: BaseDatabaseWrapper, made: Made, patient_count: int, seed: int) -> None:
    people = patients(patient_count, seed, made.patient_dirt)
    visits = appointments(patient_count, seed, made.appointment_dirt)
    made.departments = tables.replace_table(connection, tables.DEPARTMENTS, departments())
    made.patients = tables.replace_table(connection, tables.PATIENTS, people)
    made.appointments = tables.replace_table(connection, tables.APPOINTMENTS, visits)


def _location(connection: BaseDatabaseWrapper) -> str:
    """Name the database without its password."""
    name, host = connection.settings_dict["NAME"], connection.settings_dict.get("HOST")
    return f"{connection.vendor} {name} on {host}" if host else f"{connection.vendor} {name}"


def _dirty(kinds: DirtTable, dirt: Counter[str], total: int) -> str:
    bad = sum(count for name, count in dirt.items() if kinds.named(name).fate == "rejected")
    return f"{(dirt.total() - bad) / total:.1%} are untidy and {bad / total:.1%} unusable"
