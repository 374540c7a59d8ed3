"""petl: a table of rows, mapped lazily, appended with the driver's `executemany`. It has no upsert."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS

from .telling import set_up, tell


def main() -> None:
    set_up()
    import petl
    from django.db import connections

    from benchmarks.job import cleaning

    for alias in ("legacy", DEFAULT_DB_ALIAS):
        connections[alias].ensure_connection()
    source = connections["legacy"].connection
    target = connections[DEFAULT_DB_ALIAS].connection

    departments = petl.rowmap(
        petl.fromdb(source, "SELECT dept_id, code, name FROM legacy_departments"),
        lambda row: cleaning.clean_department(tuple(row)),
        header=("legacy_id", "code", "name"),
    )
    petl.appenddb(departments, target, "bench_department", commit=False)
    keys = dict(petl.fromdb(target, "SELECT legacy_id, id FROM bench_department").skip(1))
    clean = cleaning.Cleaning(keys).clean
    columns, order = ", ".join(cleaning.SOURCE), ", ".join(cleaning.READING_ORDER)
    patients = petl.rowmap(
        petl.fromdb(cursors(source), f"SELECT {columns} FROM legacy_patients ORDER BY {order}"),
        lambda row: clean(tuple(row)),
        header=cleaning.TARGET,
        failonerror=False,  # a row that cannot be cleaned is left out
    )
    petl.appenddb(patients, target, "bench_patient", commit=True)
    tell()


def cursors(connection: Any) -> Any:
    """A server-side cursor where there is one, so that petl does not hold the whole table."""
    if connection.__class__.__module__.startswith("psycopg"):
        connection.autocommit = False
        return lambda: connection.cursor(name="benchmark")
    return connection


if __name__ == "__main__":
    main()
