"""Which texts a database takes for one: MySQL's usual collations tell 'a' neither from 'A' nor from 'a '."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field

from .kinds import TEXT_FIELDS, column_of, kind, stored_field

Fold = Callable[[Sequence[str]], list[str]]
"""Gives each text one that all those have in common which the database takes for it."""

AT_ONCE = 500


def fold_of(connection: BaseDatabaseWrapper, field: Field[Any, Any]) -> Fold | None:
    """Return how a column of text is compared; None where only identical values are equal."""
    if kind(field) not in TEXT_FIELDS:
        return None
    if connection.vendor == "mysql":
        return _mysql_fold(connection, field)
    if connection.vendor == "sqlite":
        return SQLITE_FOLDS.get((getattr(stored_field(field), "db_collation", None) or "").upper())
    return None


def folded(fold: Fold | None, values: Sequence[Any]) -> list[Any]:
    """Fold values, null among them, asking once for each that is different."""
    if fold is None:
        return list(values)
    distinct = [value for value in dict.fromkeys(values) if value is not None]
    found: dict[Any, Any] = dict(zip(distinct, fold(distinct), strict=True))
    return [found.get(value) for value in values]


def _nocase(texts: Sequence[str]) -> list[str]:
    return [bytes(text, "utf-8").lower().decode() for text in texts]  # ASCII letters only, as SQLite does


def _without_padding(texts: Sequence[str]) -> list[str]:
    return [text.rstrip(" ") for text in texts]


SQLITE_FOLDS: dict[str, Fold] = {"NOCASE": _nocase, "RTRIM": _without_padding}


def _mysql_fold(connection: BaseDatabaseWrapper, field: Field[Any, Any]) -> Fold | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND COLUMN_NAME = %s",
            [field.model._meta.db_table, column_of(field)],
        )
        charset, collation = cursor.fetchone() or (None, None)
    if charset is None or collation is None:  # a binary column, or a table that is elsewhere
        return None
    pads = "nopad" not in collation and "0900" not in collation
    if collation.endswith("_bin"):
        return _without_padding if pads else None
    return MysqlFold(connection, charset, collation, pads)


class MysqlFold:
    """Asks the server for the weights that a collation gives a text: equal texts have the same."""

    def __init__(self, connection: BaseDatabaseWrapper, charset: str, collation: str, pads: bool) -> None:
        self.connection = connection
        self.weight = f"HEX(WEIGHT_STRING(CONVERT(%s USING {charset}) COLLATE {collation}))"
        self.pads = pads

    def __call__(self, texts: Sequence[str]) -> list[str]:
        asked = _without_padding(texts) if self.pads else texts
        weights: list[str] = []
        with self.connection.cursor() as cursor:
            for first in range(0, len(asked), AT_ONCE):
                some = list(asked[first : first + AT_ONCE])
                cursor.execute(f"SELECT {', '.join([self.weight] * len(some))}", some)
                weights += cursor.fetchone()
        return [blake2b(_bytes(weight), digest_size=16).hexdigest() for weight in weights]


def _bytes(weight: str | bytes | None) -> bytes:
    return weight if isinstance(weight, bytes) else (weight or "").encode()
