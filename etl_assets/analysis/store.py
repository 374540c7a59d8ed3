"""A copy of a table's rows in a temporary DuckDB file, to be asked many questions in little memory."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import types

from ..engine.verbs import as_text
from ..engine.verbs.plain import plain
from .table import LegacyTable, open_table

MEMORY = "192MB"
"""What DuckDB may use before it goes to disk."""
THREADS = 2
BATCH_BYTES = 16 * 2**20
"""How large a batch of rows may be, about: of wide rows fewer are read at once."""
MOST_ROWS = 20_000
FEWEST_ROWS = 100
BATCHES_AT_ONCE = 4
LOOKED_AT = 50
"""Rows that are read to learn how wide they are."""
ROWS_IN_GROUP = 40_960
"""DuckDB keeps as many rows of each column in memory before it writes them."""
FEW_VALUES = 500_000
"""So many are kept in memory: each table in a file costs a few milliseconds."""
LOST_IN_FLOAT = 2**53

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": MEMORY,
    "preserve_insertion_order": False,
    # A copy that is gone in a minute is not worth the time of compressing it.
    "force_compression": "uncompressed",
    # Nothing is fetched from anywhere.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
NUMERIC_AFFINITY = re.compile(r"(?i)\b(?:num|dec|money|number|bool)")
DUCKDB_TYPES: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (types.is_boolean, "BOOLEAN"),
    (types.is_integer, "BIGINT"),
    (types.is_floating, "DOUBLE"),
    (types.is_date, "DATE"),
    (types.is_timestamp, "TIMESTAMP"),
    (types.is_time, "TIME"),
    (types.is_binary, "BLOB"),
)

Rows = list[tuple[Any, ...]]
Told = Callable[[int], None]


class Store:
    """Some columns of a table, copied. Columns are named c0, c1, ..., so that no name can do harm."""

    def __init__(self, table: LegacyTable, columns: Sequence[str], folder: Path) -> None:
        self.table = table
        self.names = {name: f"c{place}" for place, name in enumerate(columns)}
        self.instants = {name for name in columns if getattr(table.columns[name], "tz", None)}
        """Columns whose times are those of UTC; DuckDB has them without the zone."""
        self.types = {name: duckdb_type(table.columns[name]) for name in columns}
        self.rows = 0
        self._seen: set[str] = set()
        """Columns that had a value which is not null, so that their type is settled."""
        is_small = table.row_count * len(columns) <= FEW_VALUES
        place = ":memory:" if is_small else str(folder / "rows.duckdb")
        threads = 1 if is_small else THREADS
        settings = {**SETTINGS, "threads": threads, "temp_directory": str(folder / "spill")}
        self.connection = duckdb.connect(config=settings)
        self.connection.execute(f"ATTACH {literal(place)} AS store (ROW_GROUP_SIZE {ROWS_IN_GROUP})")
        self.connection.execute("USE store")

    # Filling

    def fill(self, told: Told) -> None:
        """Copy the rows: this thread reads, another writes."""
        columns = ", ".join(f"{short} {self.types[name]}" for name, short in self.names.items())
        self.query(f"CREATE TABLE t ({columns})")
        size = rows_at_once(self.table, list(self.names))
        with ThreadPoolExecutor(1) as writer:
            pending: Future[None] | None = None
            batches = self.table.batches(list(self.names), size=size)
            while some := list(islice(batches, BATCHES_AT_ONCE)):
                if pending is not None:
                    pending.result()
                pending = writer.submit(self._write, some)
                self.rows += sum(batch.num_rows for batch in some)
                told(self.rows)
            if pending is not None:
                pending.result()
        for name in self.names:
            self._settle(name)

    def _write(self, batches: list[pa.RecordBatch]) -> None:
        """Append some batches at once, so that DuckDB can write them side by side."""
        alike: list[pa.RecordBatch] = []
        for batch in batches:
            columns = {name: storable(batch.column(name)) for name in self.names}
            if alike and any(map(self._differs, columns, columns.values())):
                self.add("t", _joined(alike))
                alike = []
            fitted = [self._fit(name, values) for name, values in columns.items()]
            alike.append(pa.RecordBatch.from_arrays(fitted, list(self.names.values())))
        self.add("t", _joined(alike))

    def _differs(self, name: str, values: pa.Array) -> bool:
        is_new = name not in self._seen or duckdb_type(values.type) != self.types[name]
        return is_new and values.null_count < len(values)

    def _fit(self, name: str, values: pa.Array) -> pa.Array:
        """Bring a batch's values and the column to one type: text, where they differ."""
        if values.null_count == len(values):
            return pa.nulls(len(values))
        given, stored, is_first = duckdb_type(values.type), self.types[name], name not in self._seen
        self._seen.add(name)
        if given == stored:
            return values
        if is_first:
            self._alter(name, given, f"CAST(NULL AS {given})")
            return values
        if {given, stored} == {"BIGINT", "DOUBLE"} and self._is_exact(name, values):
            self._alter(name, "DOUBLE", f"{self.names[name]}::DOUBLE")
            return values.cast(pa.float64())
        self._alter(name, "VARCHAR", text_of(self.names[name], stored))
        return as_text(values)

    def _is_exact(self, name: str, values: pa.Array) -> bool:
        """Tell whether whole numbers and fractions can be one column of floats."""
        short, limit = self.names[name], LOST_IN_FLOAT
        if types.is_integer(values.type):
            return all(value is None or abs(value) <= limit for value in values.to_pylist())
        if self.types[name] == "DOUBLE":
            return True
        return not self.one(f"SELECT count(*) FROM t WHERE {short} NOT BETWEEN {-limit} AND {limit}")[0]

    def _alter(self, name: str, to: str, using: str) -> None:
        if self.types[name] != to:
            self.query(f"ALTER TABLE t ALTER {self.names[name]} TYPE {to} USING {using}")
            self.types[name] = to

    def _settle(self, name: str) -> None:
        """Give numbers that came as text their type back.

        PostgreSQL's numeric without a precision has no Arrow type, and a SQLite column that is declared to
        be numeric may hold whole numbers and others: text in it is none that looks like a number.
        """
        if self.types[name] != "VARCHAR" or not NUMERIC_AFFINITY.search(self.table.type_name(name)):
            return
        short = self.names[name]
        number = rf"regexp_full_match({short}, '-?[0-9]+(\.[0-9]+)?')"
        others, whole, places = self.one(
            f"SELECT count(*) FILTER (NOT {number}), max(length(split_part(ltrim({short}, '-'), '.', 1))),"
            f" max(length(split_part({short}, '.', 2))) FROM t"
        )
        if whole is None:
            return
        if not others and whole + places <= 38:
            to = "BIGINT" if not places and whole <= 18 else f"DECIMAL({whole + places}, {places})"
            self._alter(name, to, f"{short}::{to}")
        elif not self.one(
            f"SELECT count(*) FROM t WHERE {short} IS NOT NULL AND try_cast({short} AS DOUBLE) IS NULL"
        )[0]:
            self._alter(name, "DOUBLE", f"{short}::DOUBLE")

    # Asking

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        return self.connection.execute(sql, list(parameters)).fetchall()

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        return self.query(sql, parameters)[0]

    def stream(self, sql: str, size: int = 50_000) -> Iterator[pa.RecordBatch]:
        """Read a result in batches, while other questions may be asked."""
        with self.connection.cursor() as cursor:
            cursor.execute("USE store")
            yield from cursor.sql(sql).to_arrow_reader(size)

    def add(self, table: str, rows: pa.RecordBatch | pa.Table) -> None:
        """Append rows to a table of the store."""
        self.connection.register("added", rows)
        self.query(f"INSERT INTO {table} SELECT * FROM added")
        self.connection.unregister("added")

    def count_distinct(self, *columns: str) -> int:
        """Count the combinations of values; null is a value here."""
        chosen = ", ".join(self.names[name] for name in columns)
        return int(self.one(f"SELECT count(*) FROM (SELECT DISTINCT {chosen} FROM t)")[0])

    def make_distinct(self, column: str) -> None:
        """Make the table `d`: each value `v` of a column that is not null, with its number of rows `n`.

        The view `w` has the same, and text without the spaces around it as `t`.
        """
        short = self.names[column]
        self.query(
            f"CREATE OR REPLACE TABLE d AS SELECT {short} AS v, count(*) AS n FROM t"
            f" WHERE {short} IS NOT NULL GROUP BY {short}"
        )


@contextmanager
def filled_store(table: LegacyTable, columns: Sequence[str], told: Told) -> Iterator[Store]:
    """Copy some columns of a table; the copy is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="etl-analysis-", ignore_cleanup_errors=True) as folder:
        store = Store(table, columns, Path(folder))
        try:
            store.fill(told)
            yield store
        finally:
            store.connection.close()


def rows_at_once(table: LegacyTable, columns: Sequence[str]) -> int:
    """Choose a batch size by the width of the first rows.

    They are read over a connection of their own, since that reading is cut off.
    """
    with open_table(table.name, table.database) as looked_at:
        batches = looked_at.batches(columns, size=LOOKED_AT)
        first = next(batches, None)
        batches.close()  # type: ignore[attr-defined]
    if first is None:
        return MOST_ROWS
    # A Python value takes some fifty bytes besides its content.
    width = first.nbytes / first.num_rows + 50 * len(columns)
    return min(MOST_ROWS, max(FEWEST_ROWS, int(BATCH_BYTES / width)))


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Return batches as one table; a column that is all null in one of them has its type from the others."""
    tables = [pa.Table.from_batches([batch]) for batch in batches]
    return pa.concat_tables(tables, promote_options="default")


def duckdb_type(kind: pa.DataType) -> str:
    """Return the DuckDB type for an Arrow one; what it has no type for is text."""
    if types.is_decimal128(kind) and 0 <= kind.scale <= kind.precision:
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return next((name for is_kind, name in DUCKDB_TYPES if is_kind(kind)), "VARCHAR")


def storable(values: pa.Array) -> pa.Array:
    """Return an array in a type that DuckDB has too."""
    values = plain(values)
    if types.is_timestamp(values.type):
        return values.cast(pa.timestamp("us"))
    return as_text(values) if duckdb_type(values.type) == "VARCHAR" else values


def text_of(short: str, stored: str) -> str:
    """Return SQL for a stored value as the text that the engine makes of it."""
    if stored == "BLOB":
        return f"coalesce(try(decode({short})), '\\x' || lower(hex({short})))"
    return f"{short}::VARCHAR"


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"
