"""What a job has to leave in its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Output:
    """What a job has to leave in one table: column names, and rows in the order of their first column."""

    table: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]
    unchecked: Mapping[str, str] = field(default_factory=dict)
    """More columns for the file that the limit copies, with their one value; no contender is asked for it."""
