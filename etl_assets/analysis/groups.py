"""What every way of looking for duplicates finds: groups of rows that are the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_ROWS = 100
"""Rows of one group that are returned; all of them are counted."""


@dataclass(eq=False)
class Group:
    """Rows that are the same in the chosen columns."""

    count: int
    values: dict[str, Any] = field(default_factory=dict)
    """Column -> the value that they share; of a fuzzy group, the first row's."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Whole rows, in reading order; the first ones where there are very many."""
    match_weight: float | None = None


@dataclass
class Groups:
    """The largest groups, and how many there are in all."""

    group_count: int = 0
    duplicate_count: int = 0
    """Rows in all groups."""
    null_rows: int = 0
    """Rows that lack a value in a chosen column."""
    groups: list[Group] = field(default_factory=list)
