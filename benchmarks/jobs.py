"""The jobs: where their rows come from, which transformers do them, and what must be there afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from django_project.hospital.legacy.chance import Row
from django_project.hospital.legacy.tables import Table

from .job import cleaning, hospital, legacy
from .many import NUMBER
from .many import tables as many
from .outputs import Output
from .shapes import tables as shapes

Tables = Iterable[tuple[Table, Iterable[Row]]]
Expected = Callable[[sqlite3.Connection], Iterator[Output]]


@dataclass(frozen=True)
class Job:
    name: str
    title: str
    transformers: str
    """The module with its transformers."""
    models: tuple[str, ...]
    """What it fills, parents first."""
    legacy: Callable[[int, float], Tables]
    """The legacy tables with so many rows, of which a share is bad."""
    expected: Expected
    """What is to become of the legacy rows in this database, by a plain loop."""
    apps: str = "benchmarks.job"
    only: tuple[str, ...] = ()
    """Which of the transformers to run; none are all."""
    cleaning: str = ""
    """The module with the same job in plain Python, for contenders who clean there."""
    shape: str = ""
    """Which of the shapes it is, if it is one."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "BENCH_TRANSFORMERS": self.transformers,
            "BENCH_APPS": self.apps,
            "BENCH_ONLY": ",".join(self.only),
            "BENCH_CLEANING": self.cleaning,
            "BENCH_MODELS": ",".join(self.models),
            "BENCH_SHAPE": self.shape,
        }


def expected_patients(source: sqlite3.Connection) -> Iterator[Output]:
    return cleaned(source, cleaning, "bench", {})


def expected_hospital(source: sqlite3.Connection) -> Iterator[Output]:
    clocks = {"created_at": "2000-01-01", "updated_at": "2000-01-01"}
    return cleaned(source, hospital, "hospital", clocks)


def cleaned(
    source: sqlite3.Connection, by: ModuleType, app: str, unchecked: dict[str, str]
) -> Iterator[Output]:
    """Clean departments and patients. A department's key is its legacy id, as the limit loads it."""
    known = source.execute(
        f"SELECT {', '.join(by.DEPARTMENT_SOURCE)} FROM legacy_departments ORDER BY dept_id"
    )
    departments = [by.clean_department(row) for row in known]
    rows = [(one[0], *one) for one in departments]
    yield Output(f"{app}_department", ("id", *by.DEPARTMENT_TARGET), rows, unchecked)
    cleaner = by.Cleaning({one[0]: one[0] for one in departments})
    columns, order = ", ".join(by.SOURCE), ", ".join(by.READING_ORDER)
    patients = source.execute(f"SELECT {columns} FROM legacy_patients ORDER BY {order}")
    yield Output(f"{app}_patient", by.TARGET, cleaner.good(patients), unchecked)


def expected_copy(source: sqlite3.Connection) -> Iterator[Output]:
    columns = tuple(legacy.PLAIN.columns)
    rows = source.execute(f"SELECT {', '.join(columns)} FROM plain_patients ORDER BY patient_id")
    yield Output("plain_patients", columns, rows)


PATIENTS = Job(
    "patients",
    "patients and departments, cleaned, validated, linked and merged",
    "benchmarks.job.patients",
    ("bench.Department", "bench.Patient"),
    legacy.hospital,
    expected_patients,
    cleaning=cleaning.__name__,
)
HOSPITAL = Job(
    "hospital",
    "the demo hospital's own transformers, with `phone`, `fix_encoding`, row rules and a check constraint",
    "django_project.hospital.transformers",
    ("hospital.Department", "hospital.Patient"),
    legacy.hospital,
    expected_hospital,
    only=("departments", "patients"),
    cleaning=hospital.__name__,
)
COPY = Job(
    "copy",
    "the plain copy, no verb at all",
    "benchmarks.job.plain",
    ("bench.PlainPatient",),
    legacy.plain,
    expected_copy,
)

MANY = Job(
    "many",
    f"{NUMBER} small transformers",
    "benchmarks.many.transformers",
    tuple(f"many.Small{number}" for number in range(NUMBER)),
    many.tables,
    many.expected,
    "benchmarks.many",
)


def shape(name: str, title: str, legacy: Callable[[int, float], Tables], expected: Expected) -> Job:
    model = f"shapes.{'Shape' * name.isdigit()}{name.capitalize()}"
    return Job(
        f"shape-{name}",
        title,
        "benchmarks.shapes.transformers",
        (model,),
        legacy,
        expected,
        "benchmarks.shapes",
        shape=name,
    )


def columns_shape(columns: int) -> Job:
    def tables(rows: int, bad: float) -> Tables:
        return [(shapes.table_of(columns), shapes.rows_of(columns, rows))]

    return shape(str(columns), f"{columns} columns", tables, shapes.expected_columns)


COLUMN_SHAPES = tuple(map(columns_shape, shapes.COLUMNS))
WIDE = shape(
    "wide",
    "a text of 10,000 characters in each row",
    lambda rows, bad: [(shapes.WIDE, shapes.wide_rows(rows))],
    shapes.expected_wide,
)
NARROW = shape(
    "narrow",
    "a key and a number",
    lambda rows, bad: [(shapes.NARROW, shapes.narrow_rows(rows))],
    shapes.expected_narrow,
)

JOBS = {job.name: job for job in (PATIENTS, HOSPITAL, COPY, MANY, *COLUMN_SHAPES, WIDE, NARROW)}
