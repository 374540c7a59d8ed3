"""Python values as arrays, where no type is given beforehand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from .plain import plain
from .writing import text_of

KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "boolean"),  # before int, which it is too
    ((int, float, Decimal), "number"),
    (str, "text"),
    (bytes, "bytes"),
    (dt.datetime, "datetime"),  # before date, which it is too
    (dt.date, "date"),
    (dt.time, "time"),
    (dt.timedelta, "duration"),
)


def natural(values: Sequence[Any]) -> pa.Array:
    """Return Python values as an array of the one type they share, else as text."""
    kinds = {_kind(value) for value in values if value is not None}
    if len(kinds) <= 1 and None not in kinds:
        try:
            return plain(pa.array(values))
        except (pa.ArrowInvalid, OverflowError):
            pass  # numbers that no single Arrow type holds exactly
    return pa.array([None if value is None else text_of(value) for value in values], pa.string())


def _kind(value: Any) -> str | None:
    """Name what Arrow can hold together; None is for what it should not try to hold.

    Left to itself Arrow takes the day of a datetime among dates, and merges the keys of dicts.
    """
    for types, kind in KINDS:
        if isinstance(value, types):
            return kind + " with offset" if getattr(value, "tzinfo", None) else kind
    return None


def constant(value: Any, length: int) -> pa.Array:
    """Return an array of `length` times the same value."""
    return natural([value]).take(pa.repeat(0, length))
