"""Columns that identify rows, and columns that refer to rows of other tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa

from ..engine.sources import Reader, make_reader
from ..engine.sources.base import Relation
from .column import ColumnFacts
from .copied import storable
from .issues import ALMOST_UNIQUE, Issue
from .paste import call, chain
from .store import Store
from .table import LegacyTable, open_table

MOST_TABLES = 300
PROBABLE = 0.8
"""So many of a column's distinct values must stand in the other table for it to be a foreign key."""
MOST_PAIRS = 6
KEY_TYPES = ("BIGINT", "VARCHAR", "DECIMAL")
SUFFIX = re.compile(r"(?i)(?<=[a-z0-9])_?(?:id|no|nr|num|number|code|key|ref|fk)$")


@dataclass(frozen=True, slots=True)
class Parent:
    """A column of another table that a column may refer to."""

    table: str
    column: str


def candidate_keys(store: Store, columns: list[ColumnFacts]) -> Iterator[Issue]:
    """Find the columns, or else the pairs of columns, that identify a row."""
    rows, primary = store.rows, store.table.primary_key
    if not rows:
        return
    singles = [one for one in columns if one.distinct_count == rows and one.stored not in ("DOUBLE", "BLOB")]
    for one in singles:
        message = (
            "It identifies each row, and is the primary key."
            if primary == (one.name,)
            else ("It identifies each row: no value is null or there twice.")
        )
        yield Issue("candidate_key", one.name, rows, message, f"{chain(one.name, [], start='key')}")
    pairs = [primary] if len(primary) > 1 and set(primary) <= set(store.columns) else []
    if not singles and not pairs and not any(one.distinct_count >= ALMOST_UNIQUE * rows for one in columns):
        full = [one for one in columns if not one.null_count and one.stored not in ("DOUBLE", "BLOB")]
        both = [(a, b) for a, b in combinations(full, 2) if a.distinct_count * b.distinct_count >= rows]
        both.sort(key=lambda pair: pair[0].distinct_count * pair[1].distinct_count)
        pairs = [(a.name, b.name) for a, b in both[:MOST_PAIRS]]
    for names in pairs:
        if store.count_distinct(*names) == rows:
            listed = " and ".join(map(repr, names))
            mapped = "; ".join(f"... = {chain(name, [])}" for name in names)
            yield Issue(
                "candidate_key", None, rows, f"{listed} identify each row together.", f"key = (...); {mapped}"
            )


class Neighbours:
    """The other tables of the same database: their columns and keys, looked up when first asked for."""

    def __init__(self, table: LegacyTable, loaders: Mapping[str, str]) -> None:
        self.table = table
        self.loaders = loaders
        """Table -> the name of the transformer that reads it."""
        self._keys: dict[str, tuple[list[str], tuple[str, ...]]] | None = None

    @property
    def keys(self) -> dict[str, tuple[list[str], tuple[str, ...]]]:
        """Table -> its columns and its primary key."""
        if self._keys is None:
            reader = make_reader(self.table.database, self.table.name)
            try:
                reader.connect()
                self._keys = dict(self._describe(reader))
            finally:
                reader.close()
        return self._keys

    def _describe(self, reader: Reader) -> Iterator[tuple[str, tuple[list[str], tuple[str, ...]]]]:
        for name in sorted(reader.tables())[:MOST_TABLES]:
            quoted = reader.find(name)
            if name != self.table.name and quoted is not None:
                relation = Relation(quoted, table=name)
                yield name, (list(reader.describe(relation)), reader.primary_key(relation))

    def parents(self, column: str) -> list[Parent]:
        """Return what a column may refer to by its name, the likeliest first.

        That is a primary key of the same name, or the table that the column is named after: `dept_id` the
        table `dept`, `depts` or `legacy_departments`.
        """
        found: dict[Parent, int] = {}
        stem = SUFFIX.sub("", column).lower()
        for table, (columns, key) in self.keys.items():
            is_named_after = stem != column.lower() and len(stem) > 2 and _is_named_after(table, stem)
            same = next((one for one in columns if one.lower() == column.lower()), None)
            if same is not None and key == (same,):
                found[Parent(table, same)] = 0 if is_named_after else 1
            elif is_named_after and same is not None and not key:
                found[Parent(table, same)] = 2
            elif is_named_after and len(key) == 1:
                found[Parent(table, key[0])] = 3
        return sorted(found, key=lambda parent: (found[parent], parent.table))


def _is_named_after(table: str, stem: str) -> bool:
    """Tell whether a part of a table's name is the stem, goes on after it, or is shortened to it.

    patient: legacy_patients; dept: departments.
    """
    parts = re.split(r"[^a-z0-9]+", table.lower())
    return any(part[:1] == stem[0] and _is_shortened(stem.rstrip("s"), part) for part in parts)


def _is_shortened(short: str, word: str) -> bool:
    letters = iter(word)
    return all(letter in letters for letter in short)


def foreign_keys(store: Store, facts: ColumnFacts, neighbours: Neighbours) -> Iterator[Issue]:
    """Find the table that a column refers to, and the rows whose parent is missing; reads `d`."""
    is_own_key = store.table.primary_key == (facts.name,)
    if is_own_key or not facts.distinct_count or not facts.stored.startswith(KEY_TYPES):
        return
    for parent in neighbours.parents(facts.name):
        _read_parents(store, parent)
        missing, orphans = store.one(
            "SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM d"
            " WHERE v::VARCHAR NOT IN (SELECT p FROM parents)"
        )
        if missing > (1 - PROBABLE) * facts.distinct_count:
            continue
        where = f"{parent.table}.{parent.column}"
        name = neighbours.loaders.get(parent.table, parent.table)
        there = f"{facts.distinct_count - missing} of {facts.distinct_count} values"
        message = f"Probably refers to {where}: {there} stand there."
        yield Issue(
            "foreign_key", facts.name, facts.values - orphans, message, call("link", name, facts.name)
        )
        if orphans:
            message = f"{orphans} rows refer to a row of {where} that does not exist."
            suggestion = call("link", name, facts.name, missing="null")
            yield Issue("orphan", facts.name, orphans, message, suggestion)
        return


def _read_parents(store: Store, parent: Parent) -> None:
    """Make the table `parents` of the other table's keys, as text."""
    store.query("CREATE OR REPLACE TABLE parents (p VARCHAR)")
    with open_table(parent.table, store.table.database) as table:
        for batch in table.batches([parent.column]):
            values = storable(batch.column(0)).drop_null()
            store.add("parents", pa.table({"p": values}))
