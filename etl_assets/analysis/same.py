"""When two values are the same to the last character, in the words of each database.

A database's own `=` may follow a collation in which 'Jane' is 'JANE', or not exist, as for JSON. Here text is
the same where its characters are, on every database; numbers, dates and times compare as themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pyarrow as pa

from ..engine.sources import Reader

Row = tuple[Any, ...]


class Sameness:
    """How a database compares, and how a value it was asked for can be given back to it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def key(self, column: str) -> str:
        """Return the SQL that is grouped by."""
        return self.reader.quote(column)

    def order(self, key: str, column: str) -> str:
        """Return the SQL to sort by a key that was selected under a name."""
        return key

    def shown(self, key: str, column: str) -> str:
        """Return the SQL that fetches a key in a form that `given` takes."""
        return key

    def given(self, column: str, value: Any) -> tuple[str, Any]:
        """Return the SQL and the parameter that stand for a key that was fetched."""
        return self.reader.placeholder, value

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self.reader.fetch(sql, parameters)

    def keep_stored_order(self) -> None:
        """Make a select without ORDER BY give the same rows each time."""


class SqliteSameness(Sameness):
    """SQLite keeps text that is no UTF-8, and gives it back only as bytes."""

    class Raw(bytes):
        """Text as it is stored."""

    def key(self, column: str) -> str:
        return f"{super().key(column)} COLLATE BINARY"

    def order(self, key: str, column: str) -> str:
        return f"{key} COLLATE BINARY"

    def given(self, column: str, value: Any) -> tuple[str, Any]:
        if not isinstance(value, self.Raw):
            return "?", value
        try:
            return "?", value.decode()
        except UnicodeDecodeError:
            return "CAST(? AS TEXT)", bytes(value)

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._raw_text():
            return super().fetch(sql, parameters)

    @contextmanager
    def _raw_text(self) -> Iterator[None]:
        database = self.reader.database  # type: ignore[attr-defined]
        usual, database.text_factory = database.text_factory, self.Raw
        try:
            yield
        finally:
            database.text_factory = usual


class PostgresSameness(Sameness):
    """PostgreSQL cannot compare all of its types, and all of them have a text."""

    COMPARED: ClassVar[frozenset[str]] = frozenset(
        (
            "smallint",
            "integer",
            "bigint",
            "real",
            "double precision",
            "numeric",
            "boolean",
            "bytea",
            "date",
            "timestamp without time zone",
            "timestamp with time zone",
            "time without time zone",
            "interval",
            "uuid",
        )
    )
    """Types that are compared as themselves, by the names that the reader has for them."""

    def key(self, column: str) -> str:
        quoted = super().key(column)
        return quoted if self._is_compared(column) else f'{quoted}::text COLLATE "C"'

    def shown(self, key: str, column: str) -> str:
        return f"{key}::text"

    def given(self, column: str, value: Any) -> tuple[str, Any]:
        cast = self.reader.type_names[column] if self._is_compared(column) else "text"
        return f"%s::{cast}", value

    def keep_stored_order(self) -> None:
        self.fetch(
            "SELECT set_config(name, value, false) FROM (VALUES ('synchronize_seqscans', 'off'),"
            " ('max_parallel_workers_per_gather', '0')) AS wanted(name, value)"
        )

    def _is_compared(self, column: str) -> bool:
        return self.reader.type_names[column] in self.COMPARED


class MysqlSameness(Sameness):
    """MySQL's collations take 'a', 'A' and 'a ' for the same."""

    def key(self, column: str) -> str:
        quoted = super().key(column)
        return f"CAST({quoted} AS BINARY)" if pa.types.is_string(self.reader.columns[column]) else quoted

    def given(self, column: str, value: Any) -> tuple[str, Any]:
        if isinstance(value, bytes):
            return "UNHEX(%s)", value.hex()
        return self.reader.marker(column), value


SAMENESS = {"mysql": MysqlSameness, "postgresql": PostgresSameness, "sqlite": SqliteSameness}


def sameness(reader: Reader) -> Sameness:
    """Return how this reader's database compares."""
    return SAMENESS.get(reader.connection.vendor, Sameness)(reader)
