"""A legacy table or view, opened to be looked at: only read, never written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
from django.db import InterfaceError, OperationalError

from ..engine.sources import Reader, configured, make_reader
from ..exceptions import ConfigurationError, SourceError, nearest
from .whereabouts import database_of, unreachable

ROWS_AT_ONCE = 50_000


@dataclass
class LegacyTable:
    """One table or view of one database."""

    name: str
    database: str
    """Alias."""
    reader: Reader
    progress: Callable[[int, int], None] | None = None
    """Is told how many rows of how many have been read."""

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
        self,
        columns: Sequence[str] | None = None,
        *,
        size: int = ROWS_AT_ONCE,
        ordered: bool = False,
        limit: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Read the rows, or some columns of them; the types of a SQLite column may differ by batch."""
        all_columns, tie_break = self.reader.columns, self.reader.tie_break
        self.reader.columns = {name: all_columns[name] for name in columns or all_columns}
        if not ordered:
            self.reader.tie_break = None
        try:
            # Counted first: a connection that is in the midst of sending rows cannot be asked.
            done, of = 0, self.row_count if self.progress is not None else 0
            for batch in self.reader.batches(size, ordered=ordered, limit=limit):
                yield self.reader.visible(batch)
                done += batch.num_rows
                if self.progress is not None:
                    self.progress(done, of)
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

    def first(self, columns: Sequence[str], limit: int, *, ordered: bool = True) -> pa.RecordBatch | None:
        """Return the first rows in reading order, or any rows; None where there are none."""
        batches = list(self.batches(columns, size=limit, ordered=ordered, limit=limit))
        return batches[0] if batches else None


@contextmanager
def open_table(name: str, database: str | None = None) -> Iterator[LegacyTable]:
    """Open a table or view.

    Without a database, `default` is meant; where it lacks the table and exactly one other configured
    database has it, that one is opened, and the caller can tell by `LegacyTable.database`.

    Raises:
        ConfigurationError: the database is not configured, or cannot be reached.
        SourceError: there is no such table; the message names near ones.
    """
    alias = configured(database, "--database") if database else database_of(name)
    reader = make_reader(alias, name)
    reader.source_given_by, reader.database_given_by = "--table", "--database"
    try:
        try:
            reader.open((), ())
        except (OperationalError, InterfaceError) as error:
            raise ConfigurationError(unreachable(alias, error)) from error
        yield LegacyTable(name, alias, reader)
    finally:
        reader.close()
