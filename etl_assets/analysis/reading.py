"""Which transformer reads a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import connections

from ..source import Query
from ..transformer import Transformer
from .table import LegacyTable

TransformerClass = type[Transformer]
Registry = Mapping[str, TransformerClass]
WHERE = ("ENGINE", "NAME", "HOST", "PORT")
"""The settings that say which database an alias means."""


def transformer_of(
    table: LegacyTable, registry: Registry, columns: Iterable[str] = ()
) -> TransformerClass | None:
    """Return the transformer whose source is the table, by name, by model or by QuerySet.

    Of several, the one that reads most of the columns asked for; then the one that runs first.
    """
    asked = set(columns)
    readers = [one for one in registry.values() if _reads(one, table)]
    return max(readers, key=lambda one: len(asked & _columns_read(one)), default=None)


def _reads(transformer: TransformerClass, table: LegacyTable) -> bool:
    meta = transformer._meta
    if isinstance(meta.source, Query) or not _is_same(meta.database, table.database):
        return False
    if connections[table.database].vendor == "sqlite":  # which takes a name in any case
        return meta.source_label.lower() == table.name.lower()
    return meta.source_label == table.name


def _is_same(alias: str, other: str) -> bool:
    """Tell whether two aliases mean one database."""
    if alias == other or alias not in connections:
        return alias == other
    mine, theirs = connections[alias].settings_dict, connections[other].settings_dict
    return all(mine.get(key) == theirs.get(key) for key in WHERE)


def _columns_read(transformer: TransformerClass) -> set[str]:
    return {name for value in transformer._meta.columns.values() for name in value.source_columns}
