"""MySQL and MariaDB as a target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DataError
from django.db.models import Field, Min

from ...exceptions import ConfigurationError
from ..kinds import kind
from .generic import GenericTarget

MODES = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO"
"""Refuse what does not fit instead of cutting it, and take a key that is 0 for 0."""
ESCAPED = b"\x00\n\r\\'\"\x1a"
"""Bytes that take two in a statement."""


class MysqlTarget(GenericTarget):
    """Never runs DDL, which would commit; wants tables that can roll back."""

    def open(self) -> None:
        self._require_transactions()
        ((self._modes, self._packet),) = self._fetch("SELECT @@SESSION.sql_mode, @@max_allowed_packet")
        self._set_modes(f"{self._modes},{MODES}")
        super().open()

    def close(self) -> None:
        super().close()
        self._set_modes(self._modes)

    def advance_sequence(self) -> None:
        """Do nothing: InnoDB's counter follows the keys that are given."""

    def keys_to_try(self, count: int) -> Iterable[int]:
        """Go down from 0: a key above the largest would move InnoDB's counter, which does not roll back."""
        smallest = min(self._all.aggregate(smallest=Min("pk"))["smallest"] or 0, 0)
        return range(smallest - 1, smallest - 1 - count, -1)

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        for row in rows:
            self._require_room(row)
        return super().write(sql, rows)

    def is_cast(self, field: Field[Any, Any]) -> bool:
        return super().is_cast(field) or kind(field) in ("DateField", "DateTimeField", "TimeField")

    def _require_transactions(self) -> None:
        """Refuse a table whose engine cannot roll back.

        Raises:
            ConfigurationError: it names the table and its engine.
        """
        table = self.meta.db_table
        engines = self._fetch(
            "SELECT t.ENGINE FROM information_schema.TABLES t JOIN information_schema.ENGINES e"
            " ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME = %s"
            " AND COALESCE(e.TRANSACTIONS, 'NO') <> 'YES'",
            [table],
        )
        for (engine,) in engines:
            raise ConfigurationError(
                f"Table {table!r} of database {self.connection.alias!r} is kept by {engine}, which cannot "
                f"take back what a failed run has written: run ALTER TABLE {table} ENGINE = InnoDB first."
            )

    def _require_room(self, row: Sequence[Any]) -> None:
        """Refuse a row that fills more than one packet: the server would end the connection over it."""
        texts = [value for value in row if isinstance(value, (str, bytes))]
        if 8 * sum(map(len, texts)) < self._packet:
            return
        sent = [value if isinstance(value, bytes) else value.encode() for value in texts]
        size = sum(len(value) + sum(value.count(byte) for byte in ESCAPED) for value in sent)
        if size > self._packet - 64 * 1024:
            raise DataError(
                f"the row has {size} bytes, and the server's max_allowed_packet is {self._packet}"
            )

    def _set_modes(self, modes: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = %s", [modes])

    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, list(parameters))
            return cursor.fetchall()
