"""Indexes and foreign keys that are set aside while an empty table is filled, as `Meta.rebuild_indexes` asks.

An index costs a search for each row that comes, and a foreign key a lookup. Made anew when all rows are
there, the one costs a sort and the other a join.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections

from .options import RunOptions
from .plan import Plan
from .targets.base import Part, Target


class Rebuild:
    """What one load has set aside."""

    def __init__(self, target: Target, plan: Plan, options: RunOptions) -> None:
        self._target = target
        self._plan = plan
        self._options = options
        self._parts: list[Part] = []

    def begin(self, say: Callable[[str], None]) -> None:
        """Set aside what can be, if the transformer asks for it."""
        if not self._plan.meta.rebuild_indexes:
            return
        if reason := self._hindrance():
            say(f"Indexes stay, though rebuild_indexes is set: {reason}")
            return
        self._parts = self._target.set_aside()
        if self._parts:
            names = ", ".join(part.name for part in self._parts)
            say(f"Set aside until all rows are there, with the table locked for others: {names}")

    def end(self) -> None:
        """Make it anew."""
        if self._parts:
            self._target.put_back(self._parts)

    def _hindrance(self) -> str:
        """Say why nothing is set aside; '' where nothing hinders it."""
        if not self._target.can_rebuild:
            return f"{self._target.connection.vendor} cannot bring a dropped index back by a rollback"
        if not (self._options.rollback or self._options.dry_run):
            return "a run without rollback that is cut off would leave the table without them"
        if _place_of(self._plan.meta.database) == _place_of(self._plan.meta.using):
            return "the source is in the same database, and its reader would wait for the table"
        if not self._target.is_empty():
            return "the target has rows already"
        return ""


def _place_of(alias: str) -> tuple[object, ...]:
    """Tell databases apart, whatever they are called here."""
    settings = connections[alias].settings_dict
    return tuple(settings.get(name) or "" for name in ("ENGINE", "HOST", "PORT", "NAME"))
