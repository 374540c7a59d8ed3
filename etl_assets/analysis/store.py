"""A copy of a table's rows in temporary files, to be asked many questions in little memory.

Copied are columns, each to a file of its own. Questions are answered by DuckDB, from the table of a column's
distinct values, which it makes from such a file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from .copied import CopiedColumn, duckdb_type, together
from .table import LegacyTable

MEMORY = "192MB"
"""What DuckDB may use before it goes to disk."""
BATCH_BYTES = 16 * 2**20
"""How large a batch of rows may be, about: of wide rows fewer are read at once."""
MOST_ROWS = 20_000
FEWEST_ROWS = 100
LOOKED_AT = 50
"""Rows that are read to learn how wide they are."""
MANY_ROWS = 2_000_000
"""Of a larger table, the distinct values go to disk at once: there they are dearer, but need no memory."""
ROWS_IN_GROUP = 40_960
"""DuckDB keeps as many rows of each column in memory before it writes them."""

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": MEMORY,
    # Whoever has several questions asks them in several threads.
    "threads": 1,
    "preserve_insertion_order": False,
    # A copy that is gone in a minute is not worth the time of compressing it.
    "force_compression": "uncompressed",
    # Nothing is fetched from anywhere.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
NUMERIC_AFFINITY = re.compile(r"(?i)\b(?:num|dec|money|number|bool)")

Rows = list[tuple[Any, ...]]
Told = Callable[[int], None]


class Store:
    """Some columns of a table, copied."""

    def __init__(self, table: LegacyTable, columns: Sequence[str], folder: Path) -> None:
        self.table = table
        self.folder = folder
        # Numbered, so that no name can do harm.
        self.columns = {
            name: CopiedColumn(folder / f"c{place}", table.columns[name])
            for place, name in enumerate(columns)
        }
        self.instants = {name for name in columns if getattr(table.columns[name], "tz", None)}
        """Columns whose times are those of UTC; DuckDB has them without the zone."""
        self.types: dict[str, str] = {}
        """Column -> DuckDB's type of its values, known when all are read."""
        self.rows = 0
        self.schema = "main"
        """Where tables are made and looked for."""
        place = ":memory:" if table.row_count <= MANY_ROWS else str(folder / "values.duckdb")
        self.connection = duckdb.connect(config={**SETTINGS, "temp_directory": str(folder / "spill")})
        self.connection.execute(f"ATTACH {literal(place)} AS store (ROW_GROUP_SIZE {ROWS_IN_GROUP})")
        self.connection.execute("USE store")

    def desk(self, name: str) -> Store:
        """Return this store over a connection of its own, for another thread, with tables of its own."""
        desk = copy(self)
        desk.connection, desk.schema = self.connection.cursor(), name
        desk.query(f"CREATE SCHEMA store.{name}")
        desk.query(f"USE store.{name}")
        return desk

    # Filling

    def fill(self, told: Told) -> None:
        """Copy the rows."""
        names = list(self.columns)
        for batch in self.table.batches(names, size=rows_at_once(self.table, names)):
            for name, column in self.columns.items():
                column.add(batch.column(name))
            self.rows += batch.num_rows
            told(self.rows)
        for name, column in self.columns.items():
            self.types[name] = duckdb_type(column.type)
            self._settle(name)

    def _settle(self, name: str) -> None:
        """Give numbers that came as text their type back.

        PostgreSQL's numeric without a precision has no Arrow type, and a SQLite column that is declared to
        be numeric may hold whole numbers and others: text in it is none that looks like a number.
        """
        if self.types[name] != "VARCHAR" or not NUMERIC_AFFINITY.search(self.table.type_name(name)):
            return
        number = r"regexp_full_match(v, '-?[0-9]+(\.[0-9]+)?')"
        others, whole, places = self._of_column(
            name,
            f"SELECT count(*) FILTER (NOT {number}), max(length(split_part(ltrim(v, '-'), '.', 1))),"
            " max(length(split_part(v, '.', 2))) FROM copied",
        )[0]
        if whole is None:
            return
        if not others and whole + places <= 38:
            self.types[name] = (
                "BIGINT" if not places and whole <= 18 else f"DECIMAL({whole + places}, {places})"
            )
            return
        no_number = "v IS NOT NULL AND try_cast(v AS DOUBLE) IS NULL"
        if not self._of_column(name, f"SELECT count(*) FROM copied WHERE {no_number}")[0][0]:
            self.types[name] = "DOUBLE"

    def _of_column(self, name: str, sql: str) -> Rows:
        """Ask the table `copied`, which has the column as `v`; its nulls may be missing."""
        self.connection.register("copied", self.columns[name].reader())
        try:
            return self.query(sql)
        finally:
            self.connection.unregister("copied")

    # Asking

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        return self.connection.execute(sql, list(parameters)).fetchall()

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        return self.query(sql, parameters)[0]

    def stream(self, sql: str, size: int = 50_000) -> Iterator[pa.RecordBatch]:
        """Read a result in batches, while other questions may be asked."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"USE store.{self.schema}")
            yield from cursor.sql(sql).to_arrow_reader(size)

    def ask_rows(self, columns: Sequence[CopiedColumn], sql: str) -> Rows:
        """Ask the table `rows`, which has some columns as `v0`, `v1`, and so on."""
        self.connection.register("rows", together(columns))
        try:
            return self.query(sql)
        finally:
            self.connection.unregister("rows")

    def count_distinct(self, *names: str) -> int:
        """Count the combinations of values; null is a value here."""
        columns = [self.columns[name] for name in names]
        return int(self.ask_rows(columns, "SELECT count(*) FROM (SELECT DISTINCT * FROM rows)")[0][0])

    def make_distinct(self, name: str) -> None:
        """Make the table `d`: each value `v` of a column that is not null, with its number of rows `n`."""
        value = f"v::{self.types[name]}"
        self._of_column(
            name,
            f"CREATE OR REPLACE TABLE d AS SELECT {value} AS v, count(*) AS n FROM copied"
            f" WHERE v IS NOT NULL GROUP BY {value}",
        )


@contextmanager
def filled_store(table: LegacyTable, columns: Sequence[str], told: Told) -> Iterator[Store]:
    """Copy some columns of a table; the copy is gone afterwards."""
    with _frugal(), tempfile.TemporaryDirectory(prefix="etl-analysis-", ignore_cleanup_errors=True) as folder:
        store = Store(table, columns, Path(folder))
        try:
            store.fill(told)
            yield store
        finally:
            store.connection.close()


@contextmanager
def _frugal() -> Iterator[None]:
    """Let Arrow give back what it no longer needs: its usual allocator keeps some sixty megabytes."""
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(usual)


def rows_at_once(table: LegacyTable, columns: Sequence[str]) -> int:
    """Choose a batch size by the width of the first rows."""
    first = table.first(columns, LOOKED_AT, ordered=False)
    if first is None:
        return MOST_ROWS
    # A Python value takes some fifty bytes besides its content.
    width = first.nbytes / first.num_rows + 50 * len(columns)
    return min(MOST_ROWS, max(FEWEST_ROWS, int(BATCH_BYTES / width)))


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"
