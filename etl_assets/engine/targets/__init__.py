"""Target databases, one class for each kind."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from django.db import connections

from ..plan import Plan
from ..sources import configured
from ..verbs import Context
from .base import Target

TARGETS = {
    "mysql": "mysql.MysqlTarget",
    "postgresql": "postgresql.PostgresTarget",
    "sqlite": "sqlite.SqliteTarget",
}


def make_target(plan: Plan, context: Context, now: datetime, dry_run: bool) -> Target:
    """Return the target of a transformer; opening it is another step.

    Raises:
        ConfigurationError: its database is not configured.
    """
    connection = connections[configured(plan.meta.using, plan.meta.label)]
    module, _, name = TARGETS.get(connection.vendor, "generic.GenericTarget").partition(".")
    kind: type[Target] = getattr(import_module(f"{__name__}.{module}"), name)
    return kind(connection, plan, context, now, dry_run)


__all__ = ["Target", "make_target"]
