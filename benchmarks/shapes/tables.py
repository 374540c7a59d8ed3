"""The shapes' legacy tables, and what becomes of a row, in plain Python."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from typing import Any

from django_project.hospital.legacy.chance import Chance, Row
from django_project.hospital.legacy.tables import Table
from django_project.hospital.legacy.words import LAST_NAMES, STREETS

from ..outputs import Output

COLUMNS = (5, 15, 60)
"""Columns of the three tables that differ in nothing else, their key among them."""

KINDS = ("text", "number", "day")
WIDE_TEXT = 10_000
"""Characters in each text of the wide table."""

WIDE = Table("shape_wide", {"key": "integer PRIMARY KEY", "text": "text"})
NARROW = Table("shape_narrow", {"key": "integer PRIMARY KEY", "number": "integer"})


def names_of(columns: int) -> dict[str, str]:
    """Columns besides the key, with their kinds."""
    return {f"{KINDS[place % 3]}_{place}": KINDS[place % 3] for place in range(columns - 1)}


def table_of(columns: int) -> Table:
    types = {"text": "varchar(100)", "number": "integer", "day": "varchar(10)"}
    named = {name: types[kind] for name, kind in names_of(columns).items()}
    return Table(f"shape_{columns}", {"key": "integer PRIMARY KEY", **named})


def rows_of(columns: int, count: int) -> Iterator[Row]:
    chance = Chance(f"shape {columns}")
    named = names_of(columns)
    for key in range(1, count + 1):
        yield {"key": key, **{name: _value(kind, chance) for name, kind in named.items()}}


def _value(kind: str, chance: Chance) -> Any:
    if kind == "text":
        return f" {chance.of(LAST_NAMES).upper()}  {chance.of(STREETS)}"
    if kind == "number":
        return chance.below(1_000_000)
    return f"{1 + chance.below(28):02}/{1 + chance.below(12):02}/{1930 + chance.below(90)}"


def wide_rows(count: int) -> Iterator[Row]:
    chance = Chance("wide")
    words = [chance.of(LAST_NAMES) for _ in range(4_000)]
    text = " ".join(words)
    for key in range(1, count + 1):
        start = chance.below(len(text) - WIDE_TEXT)
        yield {"key": key, "text": text[start : start + WIDE_TEXT]}


def narrow_rows(count: int) -> Iterator[Row]:
    chance = Chance("narrow")
    return ({"key": key, "number": chance.below(1_000_000)} for key in range(1, count + 1))


def expected_columns(source: sqlite3.Connection) -> Iterator[Output]:
    """Clean whichever of the three tables is there."""
    (table,) = source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
    named = names_of(int(table.removeprefix("shape_")))
    kinds = tuple(named.values())
    rows = source.execute(f"SELECT * FROM {table} ORDER BY key")
    yield Output(table, ("key", *named), ((row[0], *map(_cleaned, kinds, row[1:])) for row in rows))


def _cleaned(kind: str, value: Any) -> Any:
    if kind == "text":
        return " ".join(value.split()).title()
    if kind == "number":
        return value
    day, month, year = map(int, value.split("/"))
    return dt.date(year, month, day)


def expected_wide(source: sqlite3.Connection) -> Iterator[Output]:
    rows = source.execute("SELECT key, trim(text) FROM shape_wide ORDER BY key")
    yield Output("shape_wide", ("key", "text"), rows)


def expected_narrow(source: sqlite3.Connection) -> Iterator[Output]:
    yield Output("shape_narrow", ("key", "number"), source.execute("SELECT * FROM shape_narrow ORDER BY key"))
