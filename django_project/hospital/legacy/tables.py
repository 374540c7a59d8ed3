"""The old system's tables, and how they get into its database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from .chance import Row

BATCH = 1_000


@dataclass(frozen=True)
class Table:
    """A legacy table: its columns with their SQL types, in order."""

    name: str
    columns: dict[str, str]

    def values(self, rows: Iterable[Row]) -> Iterator[Sequence[Any]]:
        return ([row[column] for column in self.columns] for row in rows)


DEPARTMENTS = Table(
    "legacy_departments",
    {
        "dept_id": "integer PRIMARY KEY",
        "code": "varchar(10)",
        "name": "varchar(100)",
        "building": "varchar(100)",
        "phone": "varchar(40)",
        "email": "varchar(254)",
        "opened": "varchar(10)",
        "active": "varchar(1)",
    },
)

# The key of this table was dropped for an import one day, and never came back: some are there twice.
PATIENTS = Table(
    "legacy_patients",
    {
        "patient_id": "integer",
        "hosp_no": "varchar(20)",
        "first_name": "varchar(250)",
        "last_name": "varchar(250)",
        "date_of_birth": "varchar(10)",
        "gender": "varchar(1)",
        "email": "varchar(254)",
        "phone": "varchar(40)",
        "address": "varchar(250)",
        "postcode": "varchar(12)",
        "ssn": "varchar(20)",
        "dept_id": "integer",
        "registered_at": "varchar(19)",
        "notes": "text",
        "updated_at": "varchar(19)",
    },
)

APPOINTMENTS = Table(
    "legacy_appointments",
    {
        "appt_id": "integer PRIMARY KEY",
        "patient_id": "integer",
        "dept_id": "integer",
        "starts_at": "varchar(16)",
        "ends_at": "varchar(16)",
        "status": "varchar(5)",
        "clinician_title": "varchar(20)",
        "clinician": "varchar(100)",
        "room": "varchar(20)",
        "fee": "varchar(20)",
        "reason": "text",
    },
)


def replace_table(connection: BaseDatabaseWrapper, table: Table, rows: Iterable[Row]) -> int:
    """Drop the table, make it again, fill it; return how many rows it has.

    The caller's transaction keeps the old table where this fails half-way.
    """
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(name)} {sql_type}" for name, sql_type in table.columns.items())
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {quote(table.name)}")
        cursor.execute(f"CREATE TABLE {quote(table.name)} ({columns})")
    fill = copy_rows if connection.vendor == "postgresql" else insert_rows
    return fill(connection, table, rows)


def copy_rows(connection: BaseDatabaseWrapper, table: Table, rows: Iterable[Row]) -> int:
    """Fill a table of PostgreSQL, which takes a stream several times faster than inserts."""
    columns = ", ".join(map(connection.ops.quote_name, table.columns))
    statement = f"COPY {connection.ops.quote_name(table.name)} ({columns}) FROM STDIN"
    count = 0
    # Django translates the errors of its own calls only; `copy` is psycopg's.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for values in table.values(rows):
            copy.write_row(values)
            count += 1
    return count


def insert_rows(connection: BaseDatabaseWrapper, table: Table, rows: Iterable[Row]) -> int:
    """Fill a table batch by batch: Django's `executemany` keeps all that it is given until it ends."""
    columns = ", ".join(map(connection.ops.quote_name, table.columns))
    places = ", ".join(["%s"] * len(table.columns))
    statement = f"INSERT INTO {connection.ops.quote_name(table.name)} ({columns}) VALUES ({places})"
    values = table.values(rows)
    count = 0
    with connection.cursor() as cursor:
        while batch := list(islice(values, BATCH)):
            cursor.executemany(statement, batch)
            count += len(batch)
    return count
