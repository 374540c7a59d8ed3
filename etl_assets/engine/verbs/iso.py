"""Reading ISO 8601 of a fixed width by arithmetic on its digits: `fromisoformat` for a whole column."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.int64]

PLACES = {
    "year": (0, 4),
    "month": (5, 7),
    "day": (8, 10),
    "hour": (11, 13),
    "minute": (14, 16),
    "second": (17, 19),
}
"""Where the digits stand in 2024-05-31T23:59:59."""


def read_iso(texts: pa.Array, to: pa.DataType) -> pa.Array:
    """Read dates, or local times to the minute or second; null for 31 February and the like.

    Args:
        texts: all of one shape, `YYYY-MM-DD`, with `THH:MM` or `THH:MM:SS` behind it, or null.
        to: `date32`, or `timestamp` in microseconds without a time zone.
    """
    there = np.flatnonzero(np.asarray(texts.is_valid()))
    if not len(there):
        return pa.nulls(len(texts), to)
    shaped = texts.take(pa.array(there))
    width = len(shaped[0].as_py())
    digits = _bytes(shaped, width).astype(np.int64) - ord("0")
    moments, good = _days(*(_number(digits, name) for name in ("year", "month", "day")))
    unit = "D" if pa.types.is_date(to) else "us"
    moments = moments.astype(f"datetime64[{unit}]")
    if width > PLACES["day"][1]:
        since_midnight, in_a_day = _time(digits, width)
        moments, good = moments + since_midnight, good & in_a_day
    values = np.zeros(len(texts), dtype=moments.dtype)
    missing = np.ones(len(texts), dtype=np.bool_)
    values[there], missing[there] = moments, ~good
    return pa.array(values, to, mask=missing)


def _bytes(texts: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    fixed = texts.cast(pa.binary()).cast(pa.binary(width))
    data: Any = np.frombuffer(fixed.buffers()[1], dtype=np.uint8)
    return data[fixed.offset * width : (fixed.offset + len(fixed)) * width].reshape(-1, width)


def _number(digits: Numbers, name: str) -> Numbers:
    first, end = PLACES[name]
    number = digits[:, first]
    for place in range(first + 1, end):
        number = number * 10 + digits[:, place]
    return number


def _days(years: Numbers, months: Numbers, days: Numbers) -> tuple[Any, npt.NDArray[np.bool_]]:
    good = (years >= 1) & (months >= 1) & (months <= 12)
    month = np.where(good, (years - 1970) * 12 + months - 1, 0).astype("datetime64[M]")
    first = month.astype("datetime64[D]")
    length = ((month + 1).astype("datetime64[D]") - first).astype(np.int64)
    good &= (days >= 1) & (days <= length)
    return first + (days - 1), good


def _time(digits: Numbers, width: int) -> tuple[Any, npt.NDArray[np.bool_]]:
    hours, minutes = _number(digits, "hour"), _number(digits, "minute")
    seconds = _number(digits, "second") if width >= PLACES["second"][1] else np.zeros_like(hours)
    good = (hours < 24) & (minutes < 60) & (seconds < 60)
    total = (hours * 3600 + minutes * 60 + seconds) * 1_000_000
    return total.astype("timedelta64[us]"), good
