"""What a legacy database has to be able to do: say what a source looks like, count it, read it in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet

from ...exceptions import SourceError, nearest
from ...source import Query, Source, source_label
from .changes import Changes, Condition

TIE_BREAK = "etl_tie_break"
"""Name under which a hidden column is read along."""

Position = list[Any]
"""Values of the reading order's columns in the last row read, as JSON can hold them."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A source as SQL: what stands after FROM."""

    sql: str
    parameters: tuple[Any, ...] = ()
    table: str | None = None
    """Its name where it is a table or view."""


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One column of a reading order."""

    column: str
    descending: bool = False

    @classmethod
    def parse(cls, name: str) -> OrderBy:
        return cls(name.removeprefix("-"), name.startswith("-"))

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column


class Reader(ABC):
    """Reads one source, over a connection of its own that writes nothing.

    Use as a context manager; what is open is closed at the end.
    """

    quote_mark: ClassVar[str] = '"'
    placeholder: ClassVar[str] = "%s"
    nulls_first: ClassVar[bool] = True
    """Where this database sorts nulls in ascending order."""
    type_names: Mapping[str, str] = {}
    """Column -> its type in the database's own words, where the database says so."""
    source_given_by: str = "Meta.source"
    database_given_by: str = "Meta.database"
    """Where whoever reads wrote the source and the database; messages say so."""
    joins_transaction: bool = False
    """Must it see what the run has written and not committed, as a dry run must?"""
    reads_ahead: bool = False
    """May another thread read, over a connection that nobody else uses?"""
    stops_writing: bool = False
    """Does reading change how the run's own connection answers, so that nothing may be written meanwhile?"""
    tie_break: str | None = None
    """A hidden column that tells rows apart and keeps them in the order stored."""
    changes: ClassVar[type[Changes]] = Changes
    """How this kind of database is asked for what is new."""
    only: Condition | None = None
    """Which rows to count and to read; None for all."""

    def __init__(self, connection: BaseDatabaseWrapper, source: Source, written: Sequence[str] = ()) -> None:
        self.connection = connection
        self.source = source
        self.written = written
        """Aliases that the run writes to meanwhile."""

    def open(self, order_by: Sequence[str], key_columns: Sequence[str]) -> None:
        """Connect, and find out columns and reading order.

        Raises:
            SourceError: there is no such table, view or column, or the query is wrong.
        """
        self.connect()
        self.relation = self._relation()
        self.columns: dict[str, pa.DataType] = self.describe(self.relation)
        self.unique_key: tuple[str, ...] = self.primary_key(self.relation)
        self.order = self._order(order_by, key_columns)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What differs by database

    @abstractmethod
    def connect(self) -> None:
        """Open a read-only connection, and on it one snapshot for everything that is read."""

    @abstractmethod
    def close(self) -> None:
        """Close what `connect` opened."""

    @abstractmethod
    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a small select and return all its rows."""

    @abstractmethod
    def tables(self) -> list[str]:
        """Names of all tables and views."""

    @abstractmethod
    def find(self, name: str) -> str | None:
        """Return a table's or view's quoted name, or None where there is none."""

    @abstractmethod
    def describe(self, relation: Relation) -> dict[str, pa.DataType]:
        """Return the columns with the types that they are declared to have."""

    @abstractmethod
    def primary_key(self, relation: Relation) -> tuple[str, ...]:
        """Return the primary key's columns, or nothing."""

    @abstractmethod
    def read(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[pa.RecordBatch]:
        """Stream a select in batches of `size` rows; the last may have fewer."""

    def give_up(self) -> None:  # noqa: B027 - only where another thread reads
        """End a read early that another thread is waiting for."""

    # What does not

    @property
    def key_is_typed(self) -> bool:
        """Tell whether the primary key holds only values of its declared type."""
        return True

    @property
    def is_resumable(self) -> bool:
        """Tell whether the reading order ends in something unique, so that one can go on after a row."""
        return bool(self.tie_break) or bool(self.unique_key)

    @property
    def order_columns(self) -> list[str]:
        names = [by.column for by in self.order]
        return [*names, TIE_BREAK] if self.tie_break else names

    def count(self, after: Position | None = None) -> int:
        """Count the rows to read, or those after a position."""
        where, parameters = self._where(after)
        sql = f"SELECT COUNT(*) FROM {self.relation.sql}{where}"
        return int(self.fetch(sql, (*self.relation.parameters, *parameters))[0][0])

    def batches(
        self,
        size: int,
        after: Position | None = None,
        *,
        ordered: bool = True,
        limit: int | None = None,
        offset: int = 0,
    ) -> Iterator[pa.RecordBatch]:
        """Read everything, or what comes after a position, in reading order or as it comes.

        With a `limit` no more rows than that, after the first `offset` ones.
        """
        where, parameters = self._where(after)
        hidden = f", {self.tie_break} AS {TIE_BREAK}" if self.tie_break else ""
        columns = ", ".join(map(self.selected, self.columns)) + hidden
        order = self._order_sql() if ordered else ""
        end = ""
        if limit is not None:
            end = f" {self.connection.ops.limit_offset_sql(offset, offset + limit)}"
        sql = f"SELECT {columns} FROM {self.relation.sql}{where}{order}{end}"
        yield from self.read(sql, (*self.relation.parameters, *parameters), size)

    def position(self, batch: pa.RecordBatch) -> Position:
        """Return where a batch ends."""
        return [batch.column(name)[-1].as_py() for name in self.order_columns]

    def visible(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Leave the hidden column out."""
        return batch.select(list(self.columns)) if self.tie_break else batch

    def selected(self, column: str) -> str:
        """Return what to select for a column."""
        return self.quote(column)

    def quote(self, name: str) -> str:
        mark = self.quote_mark
        return self.literal(mark + name.replace(mark, mark * 2) + mark)

    def literal(self, sql: str) -> str:
        """Protect what is not a placeholder: every statement is sent with parameters, be they none."""
        return sql.replace("%", "%%")

    def _relation(self) -> Relation:
        if isinstance(self.source, Query):
            return Relation(f"({self.literal(self.source.sql.strip().rstrip(';'))}\n) etl_source")
        if isinstance(self.source, QuerySet):
            return self._queryset_relation(self.source)
        name = self.source if isinstance(self.source, str) else self.source._meta.db_table
        quoted = self.find(name)
        if quoted is None:
            raise SourceError(
                f"Database {self.connection.alias!r} has no table or view {name!r}."
                f"{nearest(name, self.tables())} Check {self.source_given_by} and {self.database_given_by}."
            )
        return Relation(quoted, table=name)

    def _queryset_relation(self, rows: QuerySet[Model]) -> Relation:
        sql, parameters = rows.query.clone().get_compiler(connection=self.connection).as_sql()
        return Relation(f"({sql}) etl_source", tuple(parameters))

    def _order(self, order_by: Sequence[str], key_columns: Sequence[str]) -> list[OrderBy]:
        """Meta.order_by, else the primary key, else the key's columns; a primary key breaks ties."""
        wanted = [OrderBy.parse(name) for name in order_by]
        chosen = wanted or [OrderBy(name) for name in self.unique_key]
        if not chosen:
            chosen = [OrderBy(name) for name in key_columns if name in self.columns]
        named = {by.column for by in chosen}
        for name in named - set(self.columns):
            raise SourceError(
                f"{source_label(self.source)} has no column {name!r} to be read in the order of."
                f"{nearest(name, self.columns)} Its columns are {', '.join(self.columns)}."
            )
        return chosen + [OrderBy(name) for name in self.unique_key if name not in named]

    def _order_sql(self) -> str:
        parts = [self.quote(by.column) + (" DESC" if by.descending else "") for by in self.order]
        if self.tie_break:
            parts.append(self.tie_break)
        return f" ORDER BY {', '.join(parts)}" if parts else ""

    def _where(self, after: Position | None) -> Condition:
        chosen = [one for one in (self.only, self._after(after) if after is not None else None) if one]
        where = " AND ".join(f"({condition})" for condition, _ in chosen)
        return f" WHERE {where}" if where else "", [value for _, given in chosen for value in given]

    def _after(self, position: Position) -> Condition:
        """Choose what comes after a position in the reading order, nulls included.

        (a, b) > (x, y) spelt out, since row comparison knows neither nulls nor directions.
        """
        order = [*self.order, *([OrderBy(self.tie_break)] if self.tie_break else [])]
        alternatives: list[str] = []
        parameters: list[Any] = []
        same: list[str] = []
        same_parameters: list[Any] = []
        for by, value in zip(order, position, strict=True):
            column = self.tie_break if by.column == self.tie_break else self.quote(by.column)
            later, is_same, given = self._compare(by, str(column), value)
            if later:
                alternatives.append(" AND ".join([*same, later]))
                parameters += [*same_parameters, *given]
            same.append(is_same)
            same_parameters += given
        return " OR ".join(f"({one})" for one in alternatives), parameters

    def _compare(self, by: OrderBy, column: str, value: Any) -> tuple[str, str, list[Any]]:
        """Return the conditions "comes later" ('' where nothing can) and "is the same", and their value."""
        nulls_first = self.nulls_first != by.descending
        if value is None:
            return (f"{column} IS NOT NULL" if nulls_first else ""), f"{column} IS NULL", []
        mark = self.marker(by.column)
        later = f"{column} {'<' if by.descending else '>'} {mark}"
        if not nulls_first:
            later = f"({later} OR {column} IS NULL)"
        return later, f"{column} = {mark}", [value]

    def marker(self, column: str) -> str:
        """Return the placeholder for a value of this column."""
        return self.placeholder
