"""Where rows come from: what `Meta.source` may be, apart from any database connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from .exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Query:
    """A select statement as `Meta.source`. It is sent as it is written: a literal % needs no doubling."""

    sql: str

    def __post_init__(self) -> None:
        if not isinstance(self.sql, str) or not self.sql.strip():
            raise ConfigurationError(f"Query({self.sql!r}) is empty: write a select statement.")


Source = str | Query | type[Model] | QuerySet[Any]


def is_source(value: object) -> bool:
    """Tell whether `value` is something that `Meta.source` may be."""
    if isinstance(value, type):
        return issubclass(value, Model)
    return isinstance(value, (Query, QuerySet)) or (isinstance(value, str) and bool(value))


def source_label(source: Source) -> str:
    """Name a source for people and for lineage: its table, or `query`."""
    if isinstance(source, str):
        return source
    if isinstance(source, Query):
        return "query"
    if isinstance(source, QuerySet):
        return str(source.model._meta.db_table)
    return str(source._meta.db_table)
