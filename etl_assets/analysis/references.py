"""Columns that refer to rows of other tables: as declared, or as their names and values tell."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from ..engine.sources import Reader, make_reader
from ..engine.sources.base import Relation
from ..exceptions import SourceError
from .column import ColumnFacts
from .copied import CopiedColumn, duckdb_type
from .declared import Reference, declared_references
from .issues import Issue
from .paste import call
from .store import Store
from .table import LegacyTable, open_table

MOST_TABLES = 300
PROBABLE = 0.8
"""So many of a column's distinct values must stand in the other table for it to be a foreign key."""
KEY_TYPES = ("BIGINT", "VARCHAR", "DECIMAL")
NUMBERS = ("BIGINT", "DOUBLE", "DECIMAL")
SUFFIX = re.compile(r"(?i)(?<=[a-z0-9])_?(?:id|no|nr|num|number|code|key|ref|fk)$")


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

    @cached_property
    def declared(self) -> list[Reference]:
        """The foreign keys that the table declares."""
        return declared_references(self.table.reader)

    def parents(self, column: str) -> list[Reference]:
        """Return what a column may refer to by its name, the likeliest first.

        That is a primary key of the same name, or the table that the column is named after: `dept_id` the
        table `dept`, `depts` or `legacy_departments`.
        """
        found: dict[Reference, int] = {}
        stem = SUFFIX.sub("", column).lower()
        for table, (columns, key) in self.keys.items():
            is_named_after = stem != column.lower() and len(stem) > 2 and _is_named_after(table, stem)
            same = next((one for one in columns if one.lower() == column.lower()), None)
            if same is not None and key == (same,):
                found[Reference((column,), table, (same,))] = 0 if is_named_after else 1
            elif is_named_after and same is not None and not key:
                found[Reference((column,), table, (same,))] = 2
            elif is_named_after and len(key) == 1:
                found[Reference((column,), table, key)] = 3
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
    """Find the tables that a column refers to, and the rows whose parent is missing; reads `d`.

    What is declared is believed. Where nothing is, a column's name and its values speak for a table.
    """
    declared = [one for one in neighbours.declared if one.columns == (facts.name,)]
    for reference in declared:
        missing, orphans = _without_parent(store, facts, reference)
        yield from _found(facts, neighbours, reference, missing, orphans, "Is declared to refer to")
    is_own_key = store.table.primary_key == (facts.name,)
    if declared or is_own_key or not facts.distinct_count or not facts.stored.startswith(KEY_TYPES):
        return
    for reference in neighbours.parents(facts.name):
        missing, orphans = _without_parent(store, facts, reference)
        if missing <= (1 - PROBABLE) * facts.distinct_count:
            yield from _found(facts, neighbours, reference, missing, orphans, "Probably refers to")
            return


def references_of_several(store: Store, neighbours: Neighbours) -> Iterator[Issue]:
    """Tell the declared keys of several columns, and the rows whose parent is missing."""
    for reference in neighbours.declared:
        if len(reference.columns) == 1 or not set(reference.columns) <= set(store.columns):
            continue
        columns = [store.columns[name] for name in reference.columns]
        there = " AND ".join(f"v{place} IS NOT NULL" for place in range(len(columns)))
        with _parents(store, reference) as types:
            same = " AND ".join(
                _same(f"rows.v{place}", duckdb_type(column.type), f"p.v{place}", types[place])
                for place, column in enumerate(columns)
            )
            complete = store.ask_rows(columns, f"SELECT count(*) FROM rows WHERE {there}")[0][0]
            lonely = f"{there} AND NOT EXISTS (SELECT 1 FROM parents p WHERE {same})"
            orphans = store.ask_rows(columns, f"SELECT count(*) FROM rows WHERE {lonely}")[0][0]
        names = " and ".join(map(repr, reference.columns))
        message = f"{names} are declared to refer to {reference} together."
        yield Issue("foreign_key", None, complete - orphans, message, "")
        if orphans:
            yield Issue("orphan", None, orphans, _orphans(orphans, reference), "")


def _found(
    facts: ColumnFacts, neighbours: Neighbours, to: Reference, missing: int, orphans: int, how: str
) -> Iterator[Issue]:
    name = neighbours.loaders.get(to.table, to.table)
    values = facts.distinct_count
    there = f": {values - missing} of {values} values stand there" if values else ""
    link = call("link", name, facts.name)
    yield Issue("foreign_key", facts.name, facts.values - orphans, f"{how} {to}{there}.", link)
    if orphans:
        link = call("link", name, facts.name, missing="null")
        yield Issue("orphan", facts.name, orphans, _orphans(orphans, to), link)


def _orphans(rows: int, to: Reference) -> str:
    return f"{rows} rows refer to a row of {to} that does not exist."


def _without_parent(store: Store, facts: ColumnFacts, reference: Reference) -> tuple[int, int]:
    """Count the values that stand in no row of the other table, and the rows that have them."""
    with _parents(store, reference) as types:
        same = _same("v", facts.stored, "p.v0", types[0])
        values, rows = store.one(
            "SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM d"
            f" WHERE NOT EXISTS (SELECT 1 FROM parents p WHERE {same})"
        )
    return values, rows


@contextmanager
def _parents(store: Store, to: Reference) -> Iterator[list[str]]:
    """Make the table `parents` of what is referred to, `v0`, `v1`, ...; give DuckDB's types of them.

    SQLite lets a key refer to a table or column that is not there: then there are no parents.
    """
    with tempfile.TemporaryDirectory(prefix="parents-", dir=store.folder) as folder:
        columns = [CopiedColumn(Path(folder, f"v{place}"), pa.null()) for place in range(len(to.columns))]
        with suppress(SourceError), open_table(to.table, store.table.database) as table:
            table.require(to.parents)
            for batch in table.batches(to.parents) if to.parents else ():
                for column, name in zip(columns, to.parents, strict=True):
                    column.add(batch.column(name))
        store.ask_rows(columns, "CREATE OR REPLACE TABLE parents AS SELECT * FROM rows")
        yield [duckdb_type(column.type) for column in columns]


def _same(value: str, stored: str, other: str, other_stored: str) -> str:
    """Return SQL that compares values of two columns: numbers as numbers, unlike types as text."""
    if stored == other_stored:
        return f"{value} = {other}"
    if stored.startswith(NUMBERS) and other_stored.startswith(NUMBERS):
        return f"{value} = try_cast({other} AS {stored})"
    return f"{value}::VARCHAR = {other}::VARCHAR"
