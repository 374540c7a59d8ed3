"""What a source can tell of its watermark, and the conditions that choose rows by it or by name."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from ...exceptions import SourceError, nearest
from ...source import source_label
from ..watermarks import Kind

if TYPE_CHECKING:
    from .base import Reader

Condition = tuple[str, list[Any]]
"""SQL and its parameters."""

Key = tuple[Any, ...]
"""Values that name a source row, as JSON can hold them."""

IN_ONE_LIST = 1_000
"""Values that every database takes in one list."""


class Changes:
    """The watermark column of one source."""

    names_at_most: ClassVar[int] = 100_000
    """Rows that can be asked for by name, in one statement and in memory."""

    def __init__(self, reader: Reader, column: str) -> None:
        self.reader = reader
        self.column = column
        if column not in reader.columns:
            raise SourceError(
                f"{source_label(reader.source)} has no column {column!r} to be the watermark."
                f"{nearest(column, reader.columns)} Its columns are {', '.join(reader.columns)}."
            )
        self.name = reader.quote(column)

    def kinds(self) -> tuple[Kind, ...]:
        """Return what the column may hold; where it is more than one kind, the one to be preferred first.

        Raises:
            SourceError: the column's type has no order that can be relied on.
        """
        declared = self.reader.columns[self.column]
        if pa.types.is_string(declared):
            return ("text",)
        if pa.types.is_integer(declared) or pa.types.is_floating(declared) or pa.types.is_decimal(declared):
            return ("number",)
        if pa.types.is_date(declared):
            return ("date",)
        if pa.types.is_timestamp(declared):
            return ("instant",) if declared.tz else ("time",)
        raise self.unordered(f"is a column of type {self.reader.type_names.get(self.column, declared)}")

    def unordered(self, what: str) -> SourceError:
        return SourceError(
            f"{source_label(self.reader.source)} has the watermark {self.column!r}, which {what}: name a "
            "column of numbers, dates or times, or of texts that are ISO dates or times."
        )

    def largest(self, kind: Kind, below: str | None) -> str | None:
        """Return the largest value, or the largest below one, as text."""
        condition, parameters = self._of_kind(kind, below)
        value = self._text(f"MAX({self.reader.selected(self.column)})")
        relation = self.reader.relation
        where = f" WHERE {condition}" if condition else ""
        sql = f"SELECT {value} FROM {relation.sql}{where}"
        ((found,),) = self.reader.fetch(sql, (*relation.parameters, *parameters))
        return None if found is None else str(found)

    def since(self, kind: Kind, beginning: str) -> Condition:
        """Choose rows at or above a watermark, and those that have none."""
        marker = self.reader.marker(self.column)
        return f"{self.name} >= {marker} OR {self.name} IS NULL", [self.parameter(kind, beginning)]

    def among(self, columns: Sequence[str], keys: Sequence[Key]) -> Condition:
        """Choose rows by name."""
        mark = ", ".join(map(self.reader.marker, columns))
        mark = f"({mark})" if len(columns) > 1 else mark
        lists = [keys[first : first + IN_ONE_LIST] for first in range(0, len(keys), IN_ONE_LIST)]
        named = (f"{self._names(columns)} IN ({', '.join([mark] * len(one))})" for one in lists)
        return " OR ".join(named), [value for key in keys for value in key]

    def nameless(self, columns: Sequence[str]) -> Condition:
        """Choose rows that no list can name."""
        return " OR ".join(f"{self.reader.quote(column)} IS NULL" for column in columns), []

    def alike(self, columns: Sequence[str], chosen: Condition) -> Condition:
        """Choose rows that agree in these columns with a chosen one."""
        condition, parameters = chosen
        selected = ", ".join(map(self.reader.quote, columns))
        relation = self.reader.relation
        return (
            f"{self._names(columns)} IN (SELECT {selected} FROM {relation.sql} WHERE {condition})",
            [*relation.parameters, *parameters],
        )

    def parameter(self, kind: Kind, value: str) -> Any:
        """Return a watermark as the database compares it with its column."""
        if kind != "number":
            return value
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else value

    def _of_kind(self, kind: Kind, below: str | None) -> Condition:
        if below is None:
            return "", []
        return f"{self.name} < {self.reader.marker(self.column)}", [self.parameter(kind, below)]

    def _text(self, expression: str) -> str:
        return expression

    def _names(self, columns: Sequence[str]) -> str:
        names = ", ".join(map(self.reader.quote, columns))
        return f"({names})" if len(columns) > 1 else names


class CursorChanges(Changes):
    """For drivers that compare a column with values of its own type only."""

    names_at_most = 10_000

    def kinds(self) -> tuple[Kind, ...]:
        """Tell decimals from texts, which are described alike, by a value."""
        kinds = super().kinds()
        relation = self.reader.relation
        sql = f"SELECT MAX({self.name}) FROM {relation.sql}"
        if kinds == ("text",) and isinstance(self.reader.fetch(sql, relation.parameters)[0][0], Decimal):
            return ("number",)
        return kinds

    def parameter(self, kind: Kind, value: str) -> Any:
        if kind == "number":
            return Decimal(value)
        if kind == "text":
            return value
        return dt.date.fromisoformat(value) if kind == "date" else dt.datetime.fromisoformat(value)


class PostgresChanges(Changes):
    """Names go as arrays, one parameter for each column."""

    numbers = frozenset({"numeric"})
    texts = frozenset({"text", "character varying", "character", "bpchar"})

    def kinds(self) -> tuple[Kind, ...]:
        name = self.reader.type_names[self.column]
        if pa.types.is_string(self.reader.columns[self.column]) and name not in self.texts:
            if name not in self.numbers:
                raise self.unordered(f"is a column of type {name}")
            return ("number",)
        return super().kinds()

    def among(self, columns: Sequence[str], keys: Sequence[Key]) -> Condition:
        arrays = [list(map(str, values)) for values in zip(*keys, strict=True)]
        marks = [f"{self.reader.marker(column)}[]" for column in columns]
        if len(columns) == 1:
            return f"{self._names(columns)} = ANY({marks[0]})", arrays
        return f"{self._names(columns)} IN (SELECT * FROM unnest({', '.join(marks)}))", arrays

    def _text(self, expression: str) -> str:
        return f"{expression}::text"


class SqliteChanges(Changes):
    """Any row may hold any type. Numbers sort before texts, and these before blobs."""

    def kinds(self) -> tuple[Kind, ...]:
        super().kinds()
        return ("text", "number")

    def since(self, kind: Kind, beginning: str) -> Condition:
        condition, parameters = super().since(kind, beginning)
        return (f"{condition} OR {self.name} < ''" if kind == "text" else condition), parameters

    def among(self, columns: Sequence[str], keys: Sequence[Key]) -> Condition:
        if len(columns) == 1:
            return (
                f"{self._names(columns)} IN (SELECT value FROM json_each(?))",
                [json.dumps([form for (value,) in keys for form in _forms(value)])],
            )
        parts = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(len(columns)))
        return f"{self._names(columns)} IN (SELECT {parts} FROM json_each(?))", [json.dumps(keys)]

    def nameless(self, columns: Sequence[str]) -> Condition:
        names = [self.reader.quote(column) for column in columns]
        return " OR ".join(f"{name} IS NULL OR {name} >= x''" for name in names), []

    def parameter(self, kind: Kind, value: str) -> Any:
        found = super().parameter(kind, value)
        is_whole = isinstance(found, int) and abs(found) < 2**63
        return float(found) if kind == "number" and not is_whole else found

    def _of_kind(self, kind: Kind, below: str | None) -> Condition:
        below_it, parameters = super()._of_kind(kind, below)
        of_kind = f"{self.name} < ''" if kind == "number" else f"{self.name} >= ''"
        return " AND ".join(filter(None, (of_kind, below_it))), parameters


def _forms(value: Any) -> list[Any]:
    """Return a value as number and as text: which one the row holds, what was read of it does not tell."""
    if not isinstance(value, str):
        return [value, str(value)]
    try:
        return [value, int(value)]
    except ValueError:
        return [value]
