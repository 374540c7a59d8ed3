"""Reading any other database through its driver's own cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from django.db import DatabaseError

from ...exceptions import SourceError
from ..frames import array_from_values
from .base import Reader, Relation
from .changes import CursorChanges
from .portions import portions, weight_of_values

TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("SmallIntegerField", "IntegerField", "BigIntegerField"), pa.int64()),
    "BinaryField": pa.binary(),
    "BooleanField": pa.bool_(),
    "DateField": pa.date32(),
    "DateTimeField": pa.timestamp("us"),
    "DurationField": pa.duration("us"),
    "FloatField": pa.float64(),
    "TimeField": pa.time64("us"),
}
"""Types by the names that Django's introspection gives them; all others are taken for text."""


class CursorReader(Reader):
    """Reads over a connection of its own, by whatever its Django backend knows of the database.

    Only rows in the order of whole numbers and texts can be gone on after: those alone does every database
    take back as it gave them.
    """

    changes = CursorChanges

    def connect(self) -> None:
        self._wrapper = self.connection.copy()
        self._wrapper.ensure_connection()
        if self.connection.vendor == "oracle":
            self.fetch("SET TRANSACTION READ ONLY")

    def close(self) -> None:
        if hasattr(self, "_wrapper"):
            self._wrapper.close()

    @property
    def nulls_first(self) -> bool:  # type: ignore[override]
        return not self.connection.features.nulls_order_largest

    @property
    def is_resumable(self) -> bool:
        plain = (pa.int64(), pa.string())
        return super().is_resumable and all(self.columns[by.column] in plain for by in self.order)

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._wrapper.cursor() as cursor:
            cursor.execute(sql, tuple(parameters))
            return list(cursor.fetchall()) if cursor.description else []

    def tables(self) -> list[str]:
        with self._wrapper.cursor() as cursor:
            return self._wrapper.introspection.table_names(cursor, include_views=True)

    def find(self, name: str) -> str | None:
        known = self.tables()
        fold = self._wrapper.introspection.identifier_converter
        same = [one for one in known if one == name] or [one for one in known if fold(one) == fold(name)]
        if same:
            return self._quoted(same[0])
        schema, _, table = name.partition(".")
        if not table:
            return None
        quoted = f"{self._quoted(schema)}.{self._quoted(table)}"
        try:
            self.fetch(f"SELECT COUNT(*) FROM {quoted} WHERE 1 = 0")
        except DatabaseError:  # each database has its own way of saying that there is none
            return None
        return quoted

    def describe(self, relation: Relation) -> dict[str, pa.DataType]:
        try:
            with self._wrapper.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {relation.sql} WHERE 1 = 0", relation.parameters)
                described = list(cursor.description)
        except DatabaseError as error:
            raise SourceError(
                f"Database {self.connection.alias!r} cannot read the source: {error}. "
                f"Check {self.source_given_by}."
            ) from error
        known = self._wrapper.introspection.data_types_reverse
        return {column[0]: TYPES.get(known.get(column[1], ""), pa.string()) for column in described}

    def primary_key(self, relation: Relation) -> tuple[str, ...]:
        if relation.table is None or "." in relation.table:
            return ()
        with self._wrapper.cursor() as cursor:
            columns = self._wrapper.introspection.get_primary_key_columns(cursor, relation.table)
        return tuple(columns or ())

    def read(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[pa.RecordBatch]:
        with self._wrapper.chunked_cursor() as cursor:
            cursor.execute(sql, tuple(parameters))
            for rows in portions(cursor.fetchmany, size, weight_of_values):
                values = zip(self.columns, zip(*rows, strict=True), strict=True)
                columns = [_column(list(column), self.columns[name]) for name, column in values]
                yield pa.RecordBatch.from_arrays(columns, list(self.columns))

    def _quoted(self, name: str) -> str:
        return self.literal(self._wrapper.ops.quote_name(name))


def _column(values: list[Any], declared: pa.DataType) -> pa.Array:
    column = array_from_values(values)
    return column.cast(declared) if pa.types.is_null(column.type) else column
