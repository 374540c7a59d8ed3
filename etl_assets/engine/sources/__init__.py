"""Readers of legacy databases, one for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from django.db import DEFAULT_DB_ALIAS, connections

from ...exceptions import ConfigurationError
from ...source import Source
from ..plan import Plan
from .base import Position, Reader

READERS = {
    "mysql": "mysql.MysqlReader",
    "postgresql": "postgresql.PostgresReader",
    "sqlite": "sqlite.SqliteReader",
}


def open_reader(plan: Plan, *, joins_transaction: bool = False) -> Reader:
    """Open the source of a transformer; a dry run's reader joins the transaction of its target.

    Raises:
        ConfigurationError: its database is not configured.
        SourceError: the source or a column of it is not there.
    """
    alias = configured(plan.meta.database, plan.meta.label)
    reader = make_reader(alias, plan.meta.source, (plan.meta.using, DEFAULT_DB_ALIAS))
    reader.joins_transaction = joins_transaction
    try:
        reader.open(plan.meta.order_by, plan.key_columns)
        if not plan.transformer.overrides("prepare"):  # which may make the columns itself
            plan.require_columns(reader.columns)
    except BaseException:
        reader.close()
        raise
    return reader


def make_reader(alias: str, source: Source, written: Sequence[str] = ()) -> Reader:
    """Return a reader of a source that is yet to be opened; `written` are aliases written to meanwhile."""
    connection = connections[alias]
    # Only the driver that is used is imported.
    module, _, name = READERS.get(connection.vendor, "generic.CursorReader").partition(".")
    kind: type[Reader] = getattr(import_module(f"{__name__}.{module}"), name)
    return kind(connection, source, written)


def configured(alias: str, whose: str) -> str:
    """Return a database alias that is configured.

    Raises:
        ConfigurationError: it is not; the message lists those that are.
    """
    if alias not in connections:
        raise ConfigurationError(
            f"{whose} needs the database {alias!r}, which is not configured: add it to DATABASES, or use "
            f"one of {', '.join(sorted(connections))}."
        )
    return alias


__all__ = ["Position", "Reader", "configured", "make_reader", "open_reader"]
