"""Many rows of this package's own models at once: `bulk_create` makes an object of each, which takes most of
the time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from pyarrow import csv

STAGE = "etl_bulk"

Row = Sequence[Any]


def upsert(
    model: type[models.Model],
    using: str,
    rows: Iterable[Row],
    *,
    fields: Sequence[str],
    updated: Sequence[str],
) -> bool:
    """Insert rows, or write `updated` fields over a row that has the same values in a unique constraint.

    The constraint is the model's only one. Values are as the driver stores them: JSON as text, a foreign
    key as its value.

    Returns:
        Whether it was done; False for a database that this module has no short way into.
    """
    connection = connections[using]
    constraint = next(one for one in model._meta.constraints if isinstance(one, models.UniqueConstraint))
    columns = [_column(connection, model, name) for name in fields]
    unique = [_column(connection, model, name) for name in constraint.fields]
    table = connection.ops.quote_name(model._meta.db_table)
    conflict = f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET " + ", ".join(
        f"{column} = excluded.{column}" for column in (_column(connection, model, name) for name in updated)
    )
    insert = f"INSERT INTO {table} ({', '.join(columns)})"
    if connection.vendor == "postgresql":
        _copy(connection, table, columns, rows)
        with connection.cursor() as cursor:
            # In the order given: who is told of a first run reads them in the order that it met them.
            cursor.execute(f"{insert} SELECT {', '.join(columns)} FROM {STAGE} ORDER BY etl_row {conflict}")
            cursor.execute(f"DROP TABLE {STAGE}")
        return True
    if connection.vendor == "sqlite":
        marks = ", ".join(["%s"] * len(columns))
        with connection.cursor() as cursor:
            cursor.executemany(f"{insert} VALUES ({marks}) {conflict}", list(rows))
        return True
    return False


def _column(connection: BaseDatabaseWrapper, model: type[models.Model], name: str) -> str:
    return connection.ops.quote_name(str(model._meta.get_field(name).column))  # type: ignore[union-attr]


def _copy(connection: BaseDatabaseWrapper, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Put rows into a temporary table with these columns, numbered."""
    names = ", ".join(columns)
    arrays = [pa.array(values) for values in zip(*rows, strict=True)]
    buffer = io.BytesIO()
    if arrays:
        numbers = pa.array(range(len(arrays[0])))
        numbered = pa.table([numbers, *arrays], names=["etl_row", *columns])
        csv.write_csv(numbered, buffer, csv.WriteOptions(include_header=False))
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE {STAGE} AS SELECT 0::bigint AS etl_row, {names} FROM {table} WHERE false"
        )
        with (
            connection.wrap_database_errors,
            cursor.copy(f"COPY {STAGE} (etl_row, {names}) FROM STDIN (FORMAT csv)") as copy,
        ):
            copy.write(buffer.getbuffer())
