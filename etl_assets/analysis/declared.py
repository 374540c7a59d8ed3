"""Foreign keys that a legacy table declares. SQLite and old MySQL tables do not hold rows to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from ..engine.sources import Reader
from ..engine.sources.base import Relation

SQLITE = 'SELECT id, "from", "table", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq'
POSTGRESQL = """
    SELECT c.oid, mine.attname, CASE WHEN pg_table_is_visible(p.oid) THEN p.relname::text
        ELSE n.nspname || '.' || p.relname END, theirs.attname
    FROM pg_constraint c, unnest(c.conkey, c.confkey) WITH ORDINALITY k(own, other, place),
        pg_attribute mine, pg_attribute theirs, pg_class p, pg_namespace n
    WHERE c.conrelid = %s::regclass AND c.contype = 'f' AND c.conparentid = 0
        AND mine.attrelid = c.conrelid AND mine.attnum = k.own
        AND theirs.attrelid = c.confrelid AND theirs.attnum = k.other
        AND p.oid = c.confrelid AND n.oid = p.relnamespace
    ORDER BY c.oid, k.place"""
MYSQL = """
    SELECT constraint_name, column_name, referenced_table_name, referenced_column_name
    FROM information_schema.key_column_usage
    WHERE table_schema = DATABASE() AND table_name = %s AND referenced_table_name IS NOT NULL
        AND referenced_table_schema = table_schema
    ORDER BY constraint_name, ordinal_position"""


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that refer to columns of a table."""

    columns: tuple[str, ...]
    table: str
    parents: tuple[str, ...]
    """Their columns; none where SQLite was not told them and the table is not there."""

    def __str__(self) -> str:
        if len(self.parents) > 1:
            return f"{self.table} ({', '.join(self.parents)})"
        return ".".join((self.table, *self.parents))


def declared_references(reader: Reader) -> list[Reference]:
    """Return the foreign keys of a reader's table; a view has none."""
    name = reader.relation.table
    if name is None:
        return []
    vendor = reader.connection.vendor
    if vendor == "sqlite":
        return [_with_parents(one, reader) for one in _references(reader.fetch(SQLITE, (name,)))]
    if vendor == "postgresql":
        return _references(reader.fetch(POSTGRESQL, (reader.relation.sql.replace("%%", "%"),)))
    if vendor == "mysql":
        return _references(reader.fetch(MYSQL, (name,)))
    with reader.connection.cursor() as cursor:
        found = reader.connection.introspection.get_relations(cursor, name)
    return [Reference((column,), table, (parent,)) for column, (parent, table) in found.items()]


def _with_parents(reference: Reference, reader: Reader) -> Reference:
    """Complete a reference to a table's primary key, whatever that is."""
    if reference.parents:
        return reference
    parents = reader.primary_key(Relation(reader.quote(reference.table), table=reference.table))
    return replace(reference, parents=parents if len(parents) == len(reference.columns) else ())


def _references(rows: Iterable[tuple[object, str, str, str | None]]) -> list[Reference]:
    """Put the columns of each key together: number of the key, column, table, its column."""
    found = []
    for _, pairs in groupby(rows, key=lambda row: row[0]):
        columns, tables, parents = zip(*(pair[1:] for pair in pairs), strict=True)
        named = () if None in parents else parents
        found.append(Reference(columns, tables[0], named))
    return sorted(found, key=lambda one: (one.columns, one.table))
