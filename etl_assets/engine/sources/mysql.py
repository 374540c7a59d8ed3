"""Reading MySQL and MariaDB: values as the texts that the server sends, made into columns by Arrow."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import DatabaseError

from ...exceptions import SourceError
from ..verbs.distinct import map_distinct
from .base import Position, Reader, Relation
from .portions import portions, weight_of_values

INSTANT = pa.timestamp("us", tz="UTC")
DURATION = pa.duration("us")
DECIMALS = (0, 246)
FLOAT = 4
BIT = 16
ANY_SCALE = 31
TYPES: dict[int, pa.DataType] = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13, BIT), pa.int64()),  # tinyint .. bigint, year
    **dict.fromkeys((4, 5), pa.float64()),
    **dict.fromkeys((10, 14), pa.date32()),
    **dict.fromkeys((12, 18), pa.timestamp("us")),
    **dict.fromkeys((7, 17), INSTANT),
    **dict.fromkeys((11, 19), DURATION),
}
"""The protocol's numbers of the types that Arrow has; all others travel as text, or as bytes."""

SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",  # at any other there is no snapshot
    "SET SESSION TRANSACTION READ ONLY",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION net_write_timeout = 86400",  # a batch may take longer than the usual minute
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)
MISSING = {1049, 1102, 1103, 1146}
"""Error numbers for: there is no such database or table, and cannot be one of that name."""
TIME = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


class MysqlReader(Reader):
    """Reads over a connection of its own, by MySQLdb or PyMySQL.

    Neither the driver nor Django converts a value: '0000-00-00' would be lost, and '838:59:59' an error.
    """

    quote_mark = "`"

    def connect(self) -> None:
        self.database: Any = self._connected()
        for statement in SESSION:
            self.fetch(statement)

    @property
    def _driver(self) -> Any:
        backend: Any = self.connection
        return backend.Database

    def _connected(self) -> Any:
        parameters = self.connection.get_connection_params()
        as_texts = dict.fromkeys((*TYPES, *DECIMALS), str)
        del as_texts[BIT]
        parameters["conv"] = {**parameters["conv"], **as_texts}
        with self.connection.wrap_database_errors:
            return self._driver.connect(**parameters)

    def close(self) -> None:
        if hasattr(self, "database"):
            self.database.close()

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.connection.wrap_database_errors, self.database.cursor() as cursor:
            cursor.execute(sql, tuple(parameters))
            return list(cursor.fetchall())

    def tables(self) -> list[str]:
        return [name for (name,) in self.fetch("SHOW TABLES")]

    def find(self, name: str) -> str | None:
        candidates = [self.quote(name)]
        if "." in name:
            candidates.append(".".join(self.quote(part) for part in name.split(".", 1)))
        for quoted in candidates:
            try:
                self.fetch(f"SELECT 1 FROM {quoted} LIMIT 0")
            except DatabaseError as error:
                if error.args and error.args[0] in MISSING:
                    continue
                raise self._unreadable(error) from error
            return quoted
        return None

    def describe(self, relation: Relation) -> dict[str, pa.DataType]:
        try:
            with self.connection.wrap_database_errors, self.database.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {relation.sql} LIMIT 0", relation.parameters)
                described = cursor.description
        except DatabaseError as error:
            raise self._unreadable(error) from error
        self._are_bits = {column[0] for column in described if column[1] == BIT}
        self._are_rounded = {
            column[0] for column in described if column[1] == FLOAT and column[5] == ANY_SCALE
        }
        return {column[0]: _declared(column[1], column[4], column[5]) for column in described}

    def selected(self, column: str) -> str:
        """Ask for a FLOAT as a double: as itself it is sent with six digits, whatever it holds."""
        return f"{self.quote(column)} + 0e0" if column in self._are_rounded else self.quote(column)

    def primary_key(self, relation: Relation) -> tuple[str, ...]:
        if relation.table is None:
            return ()
        keys = self.fetch(f"SHOW KEYS FROM {relation.sql} WHERE Key_name = 'PRIMARY'")
        return tuple(key[4] for key in keys)  # listed by their place in the key

    def read(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[pa.RecordBatch]:
        cursors = import_module(f"{self._driver.__name__}.cursors")
        cursor = cursors.SSCursor(self.database)
        ended = False
        try:
            with self.connection.wrap_database_errors:
                cursor.execute(sql, tuple(parameters))
            for rows in portions(partial(self._next, cursor), size, weight_of_values):
                values = zip(self.columns, zip(*rows, strict=True), strict=True)
                columns = [self._column(name, list(column)) for name, column in values]
                yield pa.RecordBatch.from_arrays(columns, list(self.columns))
            ended = True
        finally:
            self._close(cursor, ended)

    def _close(self, cursor: Any, ended: bool) -> None:
        """Close a stream. One that is left in the middle is stopped: the driver would read it to its end."""
        with suppress(self._driver.Error):  # what is stopped says so, and a lost server is known
            if not ended:
                other = self._connected()
                with other.cursor() as killer:
                    killer.execute(f"KILL QUERY {self.database.thread_id()}")
                other.close()
            cursor.close()

    def position(self, batch: pa.RecordBatch) -> Position:
        """Return where a batch ends, as texts and numbers that MySQL compares with its columns."""
        return [_literal(batch.column(name)[-1].as_py(), self.columns[name]) for name in self.order_columns]

    def marker(self, column: str) -> str:
        declared = self.columns[column]
        if pa.types.is_decimal(declared):  # beside a text it would be compared as a float
            return f"CAST(%s AS DECIMAL(65, {declared.scale}))"
        return "UNHEX(%s)" if pa.types.is_binary(declared) else "%s"

    def _next(self, cursor: Any, size: int) -> Sequence[tuple[Any, ...]]:
        with self.connection.wrap_database_errors:
            return cursor.fetchmany(size)

    def _column(self, name: str, values: list[Any]) -> pa.Array:
        if name in self._are_bits:
            values = [None if value is None else str(int.from_bytes(value, "big")) for value in values]
        declared = self.columns[name]
        column = pa.array(values)
        if name in self._are_rounded:  # a FLOAT that is nearest to 0.1 is meant to be 0.1
            return column.cast(declared).cast(pa.float32()).cast(pa.string()).cast(declared)
        if pa.types.is_string(declared):
            return column.cast(declared) if pa.types.is_null(column.type) else column
        return _typed(column, declared)

    def _unreadable(self, error: DatabaseError) -> SourceError:
        return SourceError(
            f"Database {self.connection.alias!r} cannot read the source: {error.args[-1]}. "
            f"Check {self.source_given_by}."
        )


def _declared(number: int, length: int, scale: int) -> pa.DataType:
    """Return the type of a column. The length of a decimal counts its sign and its point."""
    if number not in DECIMALS:
        return TYPES.get(number, pa.string())
    return pa.decimal128(38, scale) if length <= 40 else pa.decimal256(76, scale)


def _typed(column: pa.Array, declared: pa.DataType) -> pa.Array:
    """Cast texts to a column's own type; where one of them does not fit, as '0000-00-00', all stay texts."""
    try:
        if declared == INSTANT:
            return column.cast(pa.timestamp("us")).cast(INSTANT)
        return map_distinct(column, _duration, DURATION) if declared == DURATION else column.cast(declared)
    except pa.ArrowInvalid:
        # An instant has to remain one: as text it would be taken for a local time.
        return pc.binary_join_element_wise(column, "+00:00", "") if declared == INSTANT else column


def _duration(text: str) -> dt.timedelta:
    found = TIME.fullmatch(text)
    if found is None:
        raise pa.ArrowInvalid(f"{text!r} is no TIME")
    sign, hours, minutes, seconds, fraction = found.groups()
    span = dt.timedelta(
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "").ljust(6, "0")),
    )
    return -span if sign else span


def _time(span: dt.timedelta) -> str:
    """Write a TIME as MySQL does."""
    sign = "-" if span < dt.timedelta() else ""
    seconds, micros = divmod(abs(span) // dt.timedelta(microseconds=1), 1_000_000)
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}"


LITERALS: dict[type, Callable[[Any], Any]] = {
    bytes: bytes.hex,
    dt.timedelta: _time,
    dt.datetime: lambda time: str(time.replace(tzinfo=None)),
    int: int,
    float: float,
    type(None): lambda _: None,
}


def _literal(value: Any, declared: pa.DataType) -> Any:
    if pa.types.is_integer(declared) and isinstance(value, str):
        return int(value)  # beyond int64
    if isinstance(value, str):
        return value.removesuffix("+00:00") if declared == INSTANT else value
    return LITERALS.get(type(value), str)(value)
