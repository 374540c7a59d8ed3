"""What goes into a verb besides its array, and what comes out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True)
class Context:
    """What verbs may need to know of the run."""

    time_zone: ZoneInfo
    """Django's TIME_ZONE: where a time without an offset is local."""
    today: dt.date
    """What "today" means in `between`, fixed for a whole run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb made of an array."""

    values: pa.Array
    """As long as the input; null wherever `unreadable` is true."""
    unreadable: pa.Array | None = None
    """Booleans without null: true where a value could not be read. None where all could."""


def outcome(asked: pa.Array, read: pa.Array) -> Outcome:
    """Tell a reader's result: whatever was asked for and came back null was unreadable.

    Blanks are no values, so a reader makes null of them in `asked`.
    """
    if asked.null_count == read.null_count:
        return Outcome(read)
    return Outcome(read, pc.and_(asked.is_valid(), read.is_null()))
