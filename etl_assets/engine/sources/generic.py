"""Reading any other database through its driver's own cursor."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import pyarrow as pa

from ...exceptions import SourceError
from ..frames import array_from_values
from .base import Reader, Relation


class CursorReader(Reader):
    """Reads over the driver's cursor, beneath Django's converters, which would hide the dirt."""

    def connect(self) -> None:
        self._wrapper = self.connection.copy()
        self._wrapper.ensure_connection()
        self.database: Any = self._wrapper.connection
        if self.connection.vendor == "mysql":
            self.quote_mark = "`"
            self._run("SET SESSION TRANSACTION READ ONLY")
            self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def close(self) -> None:
        if hasattr(self, "_wrapper"):
            self._wrapper.close()

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._wrapper.cursor() as cursor:
            cursor.execute(sql, tuple(parameters))
            return list(cursor.fetchall())

    def tables(self) -> list[str]:
        with self._wrapper.cursor() as cursor:
            return self._wrapper.introspection.table_names(cursor, include_views=True)

    def find(self, name: str) -> str | None:
        known = self.tables()
        fold = self._wrapper.introspection.identifier_converter
        if name in known or fold(name) in {fold(one) for one in known}:
            return self.quote(name)
        schema, _, table = name.partition(".")
        if not table:
            return None
        quoted = f"{self.quote(schema)}.{self.quote(table)}"
        try:
            self.fetch(f"SELECT COUNT(*) FROM {quoted} WHERE 1 = 0")
        except self._wrapper.Database.Error:
            return None
        return quoted

    def describe(self, relation: Relation) -> dict[str, pa.DataType]:
        try:
            with self._wrapper.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {relation.sql} WHERE 1 = 0", relation.parameters)
                names = [column[0] for column in cursor.description]
        except self._wrapper.Database.Error as error:
            raise SourceError(
                f"Database {self.connection.alias!r} cannot read the source: {error}. Check Meta.source."
            ) from error
        return dict.fromkeys(names, pa.string())

    def primary_key(self, relation: Relation) -> tuple[str, ...]:
        if relation.table is None or "." in relation.table:
            return ()
        with self._wrapper.cursor() as cursor:
            columns = self._wrapper.introspection.get_primary_key_columns(cursor, relation.table)
        return tuple(columns or ())

    def read(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[pa.RecordBatch]:
        cursor = self._streaming_cursor()
        try:
            cursor.execute(sql, tuple(parameters))
            names = [column[0] for column in cursor.description]
            while rows := cursor.fetchmany(size):
                columns = [_column(list(values)) for values in zip(*rows, strict=True)]
                yield pa.RecordBatch.from_arrays(columns, names)
        finally:
            cursor.close()

    def _streaming_cursor(self) -> Any:
        """Return a cursor that does not fetch the whole result first, as MySQL's usual one does."""
        if self.connection.vendor != "mysql":
            return self._wrapper.cursor()
        package = type(self.database).__module__.partition(".")[0]
        import_module(f"{package}.cursors")
        return sys.modules[f"{package}.cursors"].SSCursor(self.database)

    def _run(self, sql: str) -> None:
        with self._wrapper.cursor() as cursor:
            cursor.execute(sql)


def _column(values: list[Any]) -> pa.Array:
    column = array_from_values(values)
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column
