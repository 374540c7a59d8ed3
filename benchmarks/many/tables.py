"""The legacy tables of the small transformers, and what becomes of their rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from django_project.hospital.legacy.chance import Chance, Row
from django_project.hospital.legacy.tables import Table
from django_project.hospital.legacy.words import LAST_NAMES

from ..outputs import Output
from . import NUMBER


def tables(rows: int, bad: float) -> Iterator[tuple[Table, Iterator[Row]]]:
    """Yield the tables; `rows` are those of all of them."""
    for number in range(NUMBER):
        yield (
            Table(f"small{number}", {"key": "integer PRIMARY KEY", "name": "varchar(60)"}),
            _rows(rows // NUMBER),
        )


def _rows(count: int) -> Iterator[Row]:
    chance = Chance("small")
    return ({"key": key, "name": f" {chance.of(LAST_NAMES).upper()} "} for key in range(1, count + 1))


def expected(source: sqlite3.Connection) -> Iterator[Output]:
    for number in range(NUMBER):
        rows = source.execute(f"SELECT key, name FROM small{number} ORDER BY key")
        cleaned = ((key, " ".join(name.split()).title()) for key, name in rows)
        yield Output(f"many_small{number}", ("key", "name"), cleaned)
