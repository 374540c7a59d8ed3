"""Watermarks as values: which of them is the newest, and where the next run begins."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Literal

Kind = Literal["number", "date", "time", "instant", "text"]
"""`time` has no zone, and `instant` is in UTC; `text` holds dates or times as ISO writes them."""

Overlap = dt.timedelta | int | float

OVERLAPS: dict[Kind, Overlap] = {
    "number": 0,
    "date": dt.timedelta(days=1),
    "time": dt.timedelta(hours=2),  # more than the hour by which clocks are set back
    "instant": dt.timedelta(minutes=15),
    "text": dt.timedelta(hours=2),
}
TRIES = 5
"""Values that are no watermark, from the largest down, before a column is given up."""

FIRST = dt.datetime(1, 1, 1)  # noqa: DTZ001 - compared with times that have no zone
DAY = re.compile(r"\d{4}-?\d\d-?\d\d")
COMPACT = re.compile(r"\d{8}(\d{4}(\d\d)?)?")


class NoWatermark(ValueError):
    """The largest values of a column are none that grow; the argument is one of them."""


def newest(kind: Kind, largest: Callable[[str | None], str | None], now: dt.datetime) -> str | None:
    """Return the largest value of a column that can be a watermark, or None where there is none.

    A time more than a day in the future, whatever its zone, is none: it would hide all changes to come.

    Args:
        largest: returns the column's largest value, or the largest below one.
        now: without a zone, in UTC.

    Raises:
        NoWatermark: the largest values are no numbers or times.
    """
    tomorrow = now + dt.timedelta(days=1)
    below = _ceiling(kind, tomorrow)
    for _ in range(TRIES):
        value = largest(below)
        if value is None:
            return None
        found = comparable(kind, value)
        if found is None:
            below = value
        elif isinstance(found, dt.datetime) and found > tomorrow:
            below = _written_like(value, kind, tomorrow)
        else:
            return value
    raise NoWatermark(value)


def beginning(kind: Kind, value: str, overlap: Overlap) -> str:
    """Return where a run begins after one whose largest watermark was `value`, as the source compares it.

    Raises:
        TypeError: the overlap is no span of what the watermark counts.
    """
    found = comparable(kind, value)
    assert found is not None, f"{value!r} was taken for a watermark"
    if isinstance(found, dt.datetime) != isinstance(overlap, dt.timedelta):
        raise TypeError(overlap)
    if not overlap:
        return value
    if isinstance(found, Decimal):
        return str(found - Decimal(str(overlap)))
    assert isinstance(overlap, dt.timedelta)
    return _written_like(value, kind, found - min(overlap, found - FIRST))


def default_overlap(kind: Kind, value: str) -> Overlap:
    return OVERLAPS["date" if kind == "text" and _is_day(value) else kind]


def comparable(kind: Kind, value: str) -> Decimal | dt.datetime | None:
    """Return what a watermark's text stands for, to be compared with others of its kind; None if nothing."""
    text = value.strip()
    try:
        if kind == "number":
            number = Decimal(text)
            return number if number.is_finite() else None
        if kind == "text" and not DAY.match(text):
            return None
        if COMPACT.fullmatch(text):
            return dt.datetime.strptime(text.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - as it is written
        return dt.datetime.fromisoformat(text).replace(tzinfo=None)
    except (InvalidOperation, ValueError):
        return None


def _ceiling(kind: Kind, tomorrow: dt.datetime) -> str | None:
    if kind == "number":
        return None
    # No text of these forms of this year or before sorts above it, and SQLite takes it for no number.
    return f"{tomorrow.year + 1}-" if kind == "text" else _written(kind, tomorrow)


def _written_like(value: str, kind: Kind, moment: dt.datetime) -> str:
    """Write a moment so that it compares with values such as this one."""
    if kind != "text":
        return _written(kind, moment)
    text = value.strip()
    if COMPACT.fullmatch(text):
        return f"{moment.year:04}{moment:%m%d%H%M%S}"[: len(text)]
    # With a blank, which sorts before the T that others may have.
    return moment.date().isoformat() if _is_day(text) else moment.isoformat(" ", "seconds")


def _written(kind: Kind, moment: dt.datetime) -> str:
    return moment.date().isoformat() if kind == "date" else moment.isoformat(" ")


def _is_day(text: str) -> bool:
    return bool(DAY.fullmatch(text.strip()))
