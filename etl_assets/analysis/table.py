"""A legacy table or view, opened to be looked at: only read, never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from django.db import DEFAULT_DB_ALIAS, connections

from ..engine.sources import Reader, configured, make_reader
from ..exceptions import SourceError, nearest

ROWS_AT_ONCE = 50_000


@dataclass
class LegacyTable:
    """One table or view of one database."""

    name: str
    database: str
    """Alias."""
    reader: Reader

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """Column -> the Arrow type that it is declared to have."""
        return self.reader.columns

    @property
    def primary_key(self) -> tuple[str, ...]:
        return self.reader.unique_key

    @cached_property
    def row_count(self) -> int:
        return self.reader.count()

    def type_name(self, column: str) -> str:
        """Return a column's type in the database's own words, or Arrow's where it has none."""
        return self.reader.type_names.get(column) or str(self.columns[column])

    def require(self, columns: Sequence[str]) -> None:
        """Refuse a column that is not there.

        Raises:
            SourceError: it names the nearest one and all there are.
        """
        for column in columns:
            if column not in self.columns:
                raise SourceError(
                    f"Table {self.name!r} in database {self.database!r} has no column {column!r}."
                    f"{nearest(column, self.columns)} Its columns are {', '.join(self.columns)}."
                )

    def batches(
        self, columns: Sequence[str] | None = None, *, size: int = ROWS_AT_ONCE, ordered: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Read the rows, or some columns of them; the types of a SQLite column may differ by batch."""
        all_columns, tie_break = self.reader.columns, self.reader.tie_break
        self.reader.columns = {name: all_columns[name] for name in columns or all_columns}
        if not ordered:
            self.reader.tie_break = None
        try:
            for batch in self.reader.batches(size, ordered=ordered):
                yield self.reader.visible(batch)
        finally:
            self.reader.columns, self.reader.tie_break = all_columns, tie_break

    def select(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        extra: Mapping[str, pa.DataType] | None = None,
        size: int = ROWS_AT_ONCE,
    ) -> Iterator[pa.RecordBatch]:
        """Read what a statement of one's own selects: the extra columns, then all of the table's."""
        all_columns, tie_break = self.reader.columns, self.reader.tie_break
        self.reader.columns, self.reader.tie_break = {**(extra or {}), **all_columns}, None
        try:
            yield from self.reader.read(sql, parameters, size)
        finally:
            self.reader.columns, self.reader.tie_break = all_columns, tie_break


@contextmanager
def open_table(name: str, database: str | None = None) -> Iterator[LegacyTable]:
    """Open a table or view.

    Without a database, `default` is meant; where it lacks the table and exactly one other configured
    database has it, that one is opened, and the caller can tell by `LegacyTable.database`.

    Raises:
        ConfigurationError: the database is not configured.
        SourceError: there is no such table; the message names near ones.
    """
    alias = configured(database, "--database") if database else _database_of(name)
    reader = make_reader(alias, name)
    try:
        reader.open((), ())
        yield LegacyTable(name, alias, reader)
    finally:
        reader.close()


def _database_of(name: str) -> str:
    if _has(DEFAULT_DB_ALIAS, name):
        return DEFAULT_DB_ALIAS
    having = [alias for alias in connections if alias != DEFAULT_DB_ALIAS and _has(alias, name)]
    return having[0] if len(having) == 1 else DEFAULT_DB_ALIAS


def _has(alias: str, name: str) -> bool:
    reader = make_reader(alias, name)
    try:
        reader.connect()
        return reader.find(name) is not None
    finally:
        reader.close()
