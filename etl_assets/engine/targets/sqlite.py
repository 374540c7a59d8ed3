"""SQLite as a target."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeGuard

import pyarrow as pa
import pyarrow.compute as pc
from django.db import IntegrityError
from django.db.models import ForeignKey

from ..batch import Positions
from ..kinds import column_of, kind
from ..overlap import STEPPING
from .base import ROW, Packed, Part
from .sql import Sql, SqlTarget

CACHE_KB = 32 * 1024
"""Of indexes, which new rows touch all over. SQLite's own 2 MB send most of these pages to disk and back."""
PAGE_KB = 4

HAS_JSON = sqlite3.sqlite_version_info >= (3, 38)
"""Older ones lack `->>`."""
NUL = "\\u0000"
"""As JSON writes it; SQLite ends a text there."""
encode = json.JSONEncoder(ensure_ascii=False).encode


class SqliteTarget(SqlTarget):
    """Stages by `executemany`, in the representation that Django gives each type in SQLite."""

    stage_table = "temp.etl_stage"
    differs = "COLLATE BINARY IS NOT"  # a change of case is one, whatever the column takes for equal
    equals = "IS"
    _numbers_rows = False  # its sequences roll back

    def open(self) -> None:
        ((self._cache_before,),) = self.fetch("PRAGMA cache_size")
        if -CACHE_KB < self._cache_before < CACHE_KB // PAGE_KB:
            self.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        super().open()
        self._broken_before = self._broken_keys() if self.dry_run else 0

    def close(self) -> None:
        super().close()
        self.execute(f"PRAGMA cache_size = {self._cache_before}")

    def verify(self) -> None:
        """Check foreign keys, which SQLite does at commit; what was broken before is not held against us."""
        if self.dry_run and self._broken_keys() > self._broken_before:
            raise IntegrityError(f"foreign keys of or to {self.meta.db_table} are violated")

    def _broken_keys(self) -> int:
        """Count broken foreign keys of this table, and of those that refer to it."""
        tables = {self.meta.db_table, *(one.model._meta.db_table for one in self._referring)}
        return sum(len(self.fetch(f"PRAGMA foreign_key_check({self.quote(name)})")) for name in tables)

    @cached_property
    def _referring(self) -> list[ForeignKey[Any, Any]]:
        """Foreign keys to this table, in tables that this database has."""
        there = set(self.connection.introspection.table_names())
        fields = (
            getattr(one, "field", None)
            for one in self.meta.get_fields(include_hidden=True)
            if one.auto_created
        )
        return [field for field in fields if _is_enforced(field) and field.model._meta.db_table in there]

    def insert(self, chosen: Positions) -> int:
        """Refuse now what SQLite would refuse at commit, when it no longer says which row it was."""
        condition, parameters = self.among(chosen)
        for field in self.unmapped:
            if len(chosen) and _is_enforced(field) and field.has_default():
                parent, target = field.target_field.model._meta.db_table, self.column(field.target_field)
                self._must_be_none(
                    f"SELECT 1 FROM {self.stage_table} s LEFT JOIN {self.quote(parent)} p "
                    f"ON p.{target} = s.{self.column(field)} "
                    f"WHERE {condition} AND s.{self.column(field)} IS NOT NULL AND p.{target} IS NULL "
                    "LIMIT 1",
                    parameters,
                    f"the default of {field.name} is no row of {parent}",
                )
        return super().insert(chosen)

    def update(self, chosen: Positions) -> int:
        """Refuse now to change a value that other tables refer to, for the same reason."""
        condition, parameters = self.among(chosen)
        for child in self._referring:
            field = child.target_field
            if not len(chosen) or field not in self.compared:
                continue
            table = child.model._meta.db_table
            self._must_be_none(
                f"SELECT 1 FROM {self.stage_table} s JOIN {self.table} t ON {self._same_key('s', 't')} "
                f"JOIN {self.quote(table)} c ON c.{self.column(child)} = t.{self.column(field)} "
                f"WHERE {condition} AND t.{self.column(field)} IS NOT s.{self.column(field)} LIMIT 1",
                parameters,
                f"{field.name} is what rows of {table} refer to",
            )
        return super().update(chosen)

    def _must_be_none(self, sql: str, parameters: Sequence[Any], refusal: str) -> None:
        if self.fetch(sql, parameters):
            raise IntegrityError(refusal)

    @property
    def can_append(self) -> bool:  # type: ignore[override]
        """Rows whose defaults refer to other tables go the way on which `insert` looks at them."""
        return not any(_is_enforced(field) and field.has_default() for field in self.unmapped)

    def pack(self, rows: pa.Table) -> Packed:
        """Turn columns into rows of what Django stores, beside the names of their columns.

        As one JSON text where that says the same: SQLite then takes all of them in one go, while other
        threads of Python work. Of a list it takes row by row, and waits for its turn at each.
        """
        kinds = {column_of(field): kind(field) for field in self.staged_fields}
        columns = [self._stored(rows.column(name), kinds.get(name, "")) for name in rows.column_names]
        packed = list(zip(*columns, strict=True))
        if HAS_JSON and not any(map(_is_lossy, rows.schema.types)):
            text = encode(packed)
            if NUL not in text:
                return rows.column_names, text
        return rows.column_names, packed

    def load(self, packed: Packed, table: str) -> int:
        names, rows = packed
        insert = f"INSERT INTO {table} ({', '.join(map(self.quote, names))})"
        with self.connection.cursor() as cursor:
            if isinstance(rows, str):
                values = ", ".join(f"value ->> {place}" for place in range(len(names)))
                cursor.execute(f"{insert} SELECT {values} FROM json_each(%s)", [rows])
            else:
                with STEPPING:
                    cursor.executemany(f"{insert} VALUES ({', '.join(['%s'] * len(names))})", rows)
            return int(cursor.rowcount)  # a trigger may have let some go by

    def among(self, rows: Positions) -> Sql:
        return f"{ROW} IN (SELECT value FROM json_each(%s))", [json.dumps(rows.tolist())]

    can_rebuild = True

    def set_aside(self) -> list[Part]:
        """Drop the indexes that were created as such; SQLite checks foreign keys quickly by itself."""
        found = self.fetch(
            "SELECT m.name, m.sql FROM pragma_index_list(%s) i JOIN sqlite_master m USING (name) "
            "WHERE m.type = 'index' AND i.origin = 'c' AND NOT i.\"unique\"",
            [self.meta.db_table],
        )
        parts = [Part(name, f"DROP INDEX {self.connection.ops.quote_name(name)}", sql) for name, sql in found]
        for part in parts:
            self.execute_as_written(part.drop)
        return parts

    def advance_sequence(self) -> None:
        """Do nothing: SQLite goes on after the largest key by itself."""

    def _stored(self, column: pa.ChunkedArray, field_kind: str) -> list[Any]:
        convert = STORED.get(field_kind)
        if field_kind == "DateTimeField":
            return self._times(column)
        return convert(column) if convert else column.to_pylist()

    def _times(self, column: pa.ChunkedArray) -> list[Any]:
        """Write times as Django does: in the connection's time zone, microseconds only where there are."""
        if column.type.tz is not None:
            column = pc.local_timestamp(column.cast(pa.timestamp("us", tz=self.connection.timezone_name)))
        whole = column.cast(pa.timestamp("s"), safe=False)
        if pc.all(pc.equal(whole.cast(pa.timestamp("us")), column)).as_py() is not False:
            return pc.strftime(whole, format="%Y-%m-%d %H:%M:%S").to_pylist()
        return [None if value is None else str(value) for value in column.to_pylist()]


def _is_enforced(field: object) -> TypeGuard[ForeignKey[Any, Any]]:
    """Tell whether the database itself holds a field to its parent."""
    return isinstance(field, ForeignKey) and bool(field.db_constraint)  # type: ignore[attr-defined]


def _is_lossy(of: pa.DataType) -> bool:
    """Tell whether JSON may bring another value: SQLite rounds numbers of it, and has no bytes in it."""
    return bool(pa.types.is_floating(of) or pa.types.is_binary(of) or pa.types.is_nested(of))


def _as_text(column: pa.ChunkedArray) -> list[Any]:
    return column.cast(pa.string()).to_pylist()


def _python_text(column: pa.ChunkedArray) -> list[Any]:
    return [None if value is None else str(value) for value in column.to_pylist()]


STORED: dict[str, Callable[[pa.ChunkedArray], list[Any]]] = {
    "BooleanField": lambda column: column.cast(pa.int64()).to_pylist(),
    "DateField": _as_text,
    "DecimalField": _as_text,
    "DurationField": lambda column: column.cast(pa.int64()).to_pylist(),
    "TimeField": _python_text,
    "UUIDField": lambda column: pc.replace_substring(column, "-", "").to_pylist(),
}
"""Kinds of field whose values are stored as another type than they have; see Django's SQLite backend."""
