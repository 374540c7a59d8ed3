"""Reading PostgreSQL: COPY as CSV, in one read-only snapshot, parsed by Arrow."""

from __future__ import annotations

import datetime as dt
import io
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pyarrow import csv

from ...exceptions import SourceError
from .base import TIE_BREAK, Position, Reader, Relation
from .changes import Condition, PostgresChanges
from .portions import portions

TYPES: dict[str, pa.DataType] = {
    "int2": pa.int64(),
    "int4": pa.int64(),
    "int8": pa.int64(),
    "oid": pa.int64(),
    "float4": pa.float64(),
    "float8": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "bytea": pa.binary(),
}
"""PostgreSQL's types that Arrow has; all others travel as their text."""


class PostgresReader(Reader):
    """Reads over a connection of its own, whose one transaction is read-only.

    A dry run's source may be what an earlier transformer of it wrote, which no other connection sees: it
    is read over the connection that wrote it, into a file first, since that connection has more to do.
    """

    nulls_first = False
    changes = PostgresChanges

    def connect(self) -> None:
        joined = self._joined_alias() if self.joins_transaction else None
        self._is_joined = joined is not None
        self.reads_ahead = joined is None
        if joined is not None:
            self.database: psycopg.Connection[Any] = connections[joined].connection
        else:
            self._wrapper = self.connection.copy()
            self._wrapper.ensure_connection()
            self.database = self._wrapper.connection
            self.database.autocommit = False
            self.database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self.database.read_only = True
        self.database.execute(
            "SELECT set_config(name, value, true) FROM (VALUES ('TimeZone', 'UTC'), ('DateStyle', 'ISO'),"
            " ('IntervalStyle', 'iso_8601'), ('extra_float_digits', '3'), ('bytea_output', 'hex'))"
            " AS wanted(name, value)"
        )

    def close(self) -> None:
        if hasattr(self, "_wrapper"):
            self._wrapper.close()

    def give_up(self) -> None:
        self.database.cancel_safe()

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with psycopg.ClientCursor(self.database) as cursor:
            return cursor.execute(sql, tuple(parameters)).fetchall()

    def tables(self) -> list[str]:
        return [
            name
            for (name,) in self.fetch(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p', 'f')"
                " AND pg_table_is_visible(oid) AND relnamespace <> 'pg_catalog'::regnamespace"
            )
        ]

    def find(self, name: str) -> str | None:
        candidates = [self.quote(name)]
        if "." in name:
            candidates.append(".".join(self.quote(part) for part in name.split(".", 1)))
        for quoted in candidates:
            if self.fetch("SELECT to_regclass(%s)", (quoted.replace("%%", "%"),))[0][0] is not None:
                return quoted
        return None

    def describe(self, relation: Relation) -> dict[str, pa.DataType]:
        try:
            with psycopg.ClientCursor(self.database) as cursor:
                cursor.execute(f"SELECT * FROM {relation.sql} LIMIT 0", relation.parameters)
                described = cursor.description or []
        except psycopg.Error as error:
            raise SourceError(
                f"Database {self.connection.alias!r} cannot read the source: {_first_line(error)}. "
                f"Check {self.source_given_by}."
            ) from error
        names = [column.name for column in described]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise SourceError(f"The query gives two columns named {twice!r}: name one of them with AS.")
        type_names = self._type_names({column.type_code for column in described})
        self._casts = {column.name: type_names[column.type_code][0] for column in described}
        self.type_names = self._casts
        self.tie_break = self._row_id(relation, names)
        return {column.name: self._arrow_type(column, type_names) for column in described}

    def primary_key(self, relation: Relation) -> tuple[str, ...]:
        if relation.table is None:
            return ()
        columns = self.fetch(
            "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(number, place)"
            " JOIN pg_attribute a ON a.attnum = k.number"
            " WHERE i.indrelid = %s::regclass AND a.attrelid = i.indrelid AND i.indisprimary"
            " ORDER BY k.place",
            (relation.sql.replace("%%", "%"),),
        )
        return tuple(name for (name,) in columns)

    def read(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[pa.RecordBatch]:
        names = [*self.columns, *([TIE_BREAK] if self.tie_break else [])]
        with psycopg.ClientCursor(self.database) as cursor:
            statement = cursor.mogrify(sql, tuple(parameters))
            with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)") as copy:
                messages = _messages(self.database.pgconn, copy)
                if not self._is_joined:
                    yield from self._parsed(messages, size, names)
                    return
                spool = _spooled(messages)
        with spool:
            yield from self._parsed(_lines(spool), size, names)

    def _parsed(self, rows: Iterator[bytes], size: int, names: list[str]) -> Iterator[pa.RecordBatch]:
        for some in portions(lambda count: list(islice(rows, count)), size, _weight):
            yield self._parse(some, names)

    def _joined_alias(self) -> str | None:
        """Return the alias that writes to this very database, if one does."""
        place = _place(self.connection)
        same = (alias for alias in self.written if _place(connections[alias]) == place)
        return next((alias for alias in same if connections[alias].in_atomic_block), None)

    @property
    def is_resumable(self) -> bool:
        # A row's place on disk orders ties of one snapshot, but means nothing in the next.
        return bool(self.unique_key)

    @property
    def order_columns(self) -> list[str]:
        return [by.column for by in self.order]

    def position(self, batch: pa.RecordBatch) -> Position:
        """Return where a batch ends, as the texts that PostgreSQL reads back."""
        return [_literal(batch.column(name)[-1]) for name in self.order_columns]

    def marker(self, column: str) -> str:
        # By their usual names these two mean one character, or one bit.
        cast = {"character": "bpchar", "bit": "varbit"}.get(self._casts[column], self._casts[column])
        return f"%s::{cast}"

    def _after(self, position: Position) -> Condition:
        tie_break, self.tie_break = self.tie_break, None
        try:
            return super()._after(position)
        finally:
            self.tie_break = tie_break

    def _row_id(self, relation: Relation, names: list[str]) -> str | None:
        """Where a table has no primary key, keep ties in the order stored."""
        if relation.table is None or "ctid" in names or self.primary_key(relation):
            return None
        kind = self.fetch(
            "SELECT relkind::text FROM pg_class WHERE oid = %s::regclass", (relation.sql.replace("%%", "%"),)
        )
        return "ctid" if kind == [("r",)] else None

    def _type_names(self, oids: set[int]) -> dict[int, tuple[str, str]]:
        rows = self.fetch(
            "SELECT oid, format_type(oid, NULL), typname::text FROM pg_type WHERE oid = ANY(%s)",
            (list(oids),),
        )
        return {oid: (written, name) for oid, written, name in rows}

    def _arrow_type(self, column: psycopg.Column, names: dict[int, tuple[str, str]]) -> pa.DataType:
        name = names[column.type_code][1]
        if name == "numeric" and column.precision and 0 <= (column.scale or 0) <= column.precision <= 38:
            return pa.decimal128(column.precision, column.scale or 0)
        return TYPES.get(name, pa.string())

    def _parse(self, rows: list[bytes], names: list[str]) -> pa.RecordBatch:
        """Parse CSV rows, first as the declared types, and column by column where that fails."""
        data = b"".join(rows)
        try:
            table = _read_csv(data, names, self.columns)
        except pa.ArrowInvalid:
            table = _read_csv(data, names, {})
        if table.num_rows != len(rows):
            raise SourceError(
                f"PostgreSQL sent {len(rows)} rows and {table.num_rows} were understood: "
                "this is a defect of etl_assets, please report it."
            )
        columns = [_typed(table.column(name), self.columns.get(name, pa.string())) for name in names]
        return pa.RecordBatch.from_arrays(columns, names)


def _place(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Return what tells one database from another: kind, host, port, name."""
    settings = connection.settings_dict
    return (connection.vendor, *(str(settings[part]) for part in ("HOST", "PORT", "NAME")))


def _messages(connection: psycopg.pq.abc.PGconn, copy: psycopg.Copy) -> Iterator[bytes]:
    """Return each row as the server sends it, in a message of its own.

    `Copy.read` prepares to wait before it looks, which costs more than the row where many have come already.
    """
    while True:
        length, row = connection.get_copy_data(1)
        if length > 0:
            yield bytes(row)
        elif length == 0:
            waited_for = copy.read()
            if not waited_for:
                return
            yield bytes(waited_for)
        else:
            _end(connection)
            return


def _end(connection: psycopg.pq.abc.PGconn) -> None:
    """Take what the server says at the end of a COPY."""
    while result := connection.get_result():
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)


def _spooled(rows: Iterator[bytes]) -> IO[bytes]:
    """Write rows, which may have line ends in them, to a temporary file, each behind its length."""
    spool = tempfile.TemporaryFile(prefix="etl-source-")  # noqa: SIM115 - the caller closes it
    for row in rows:
        spool.write(len(row).to_bytes(8) + row)
    spool.seek(0)
    return spool


def _lines(spool: IO[bytes]) -> Iterator[bytes]:
    while length := spool.read(8):
        yield spool.read(int.from_bytes(length))


def _weight(rows: Sequence[bytes]) -> int:
    return sum(map(len, rows))


def _read_csv(data: bytes, names: list[str], types: dict[str, pa.DataType]) -> pa.Table:
    quick = {name: to for name, to in types.items() if not pa.types.is_binary(to)}
    return csv.read_csv(
        io.BytesIO(data),
        csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(data), 1) + 1),
        # Where one column is read, a null is an empty line.
        csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types={name: quick.get(name, pa.string()) for name in names},
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            check_utf8=True,
        ),
    )


def _typed(column: pa.ChunkedArray, to: pa.DataType) -> pa.Array:
    """Cast text to a column's own type; 'infinity' and years before Christ leave it text."""
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    if values.type == to:
        return values
    if pa.types.is_binary(to):
        return pa.array([None if one is None else bytes.fromhex(one[2:]) for one in values.to_pylist()], to)
    try:
        if pa.types.is_time(to):  # Arrow reads these from CSV only
            return pa.array([one and dt.time.fromisoformat(one) for one in values.to_pylist()], to)
        return pc.equal(values, "t") if pa.types.is_boolean(to) else values.cast(to)
    except ValueError:  # Arrow's own errors are such
        return values


def _literal(value: pa.Scalar) -> str | None:
    plain = value.as_py()
    return None if plain is None else str(plain)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
