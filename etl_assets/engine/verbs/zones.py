"""Between local times and instants, by Python's own time zones.

Arrow's kernels for this know no clock change after 2037, and need a time zone database of their own.
Here Python is asked twice per distinct day: on all days but two a year one offset holds all day long.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from .distinct import distinct, filled
from .plain import INSTANT, LOCAL

MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime.combine(dt.date(1970, 1, 1), dt.time())

Shift = Callable[[dt.datetime, ZoneInfo], int | None]
"""Microseconds to add to a time, or None where it does not exist on the other side."""


def to_instants(times: pa.Array, zone: ZoneInfo) -> pa.Array:
    """Turn local times to instants: the first of two, null for a time that a clock change skipped."""
    return in_python(_shifted(times, zone, _from_local).cast(INSTANT))


def to_local(instants: pa.Array, zone: ZoneInfo) -> pa.Array:
    """Turn instants to local times."""
    return in_python(_shifted(instants.cast(LOCAL), zone, _from_utc))


def _from_local(time: dt.datetime, zone: ZoneInfo) -> int | None:
    first, second = _offset(time, zone, fold=0), _offset(time, zone, fold=1)
    return None if first < second else -first


def _from_utc(time: dt.datetime, zone: ZoneInfo) -> int | None:
    try:
        local = time.replace(tzinfo=dt.UTC).astimezone(zone)
    except OverflowError:
        return None
    return (local.replace(tzinfo=None) - time) // MICROSECOND


def instant_of(time: dt.datetime, zone: ZoneInfo, fold: int = 0) -> int:
    """Return microseconds since 1970 of a local time, or of one with an offset."""
    if time.tzinfo is not None:
        return (time.replace(tzinfo=None) - EPOCH - (time.utcoffset() or dt.timedelta())) // MICROSECOND
    return (time - EPOCH) // MICROSECOND - _offset(time, zone, fold)


def _offset(time: dt.datetime, zone: ZoneInfo, fold: int) -> int:
    offset = time.replace(tzinfo=zone, fold=fold).utcoffset()
    assert offset is not None  # a ZoneInfo always knows
    return offset // MICROSECOND


def _shifted(times: pa.Array, zone: ZoneInfo, shift: Shift) -> pa.Array:
    times = in_python(times)
    days, positions = distinct(times.cast(pa.date32()))
    shifts = pa.array([_all_day(day, zone, shift) for day in days.to_pylist()], pa.int64()).take(positions)
    shifts = filled(times, shifts, lambda time: shift(time, zone))
    return pc.add(times.cast(pa.int64()), shifts).cast(LOCAL)


@lru_cache(maxsize=100_000)
def _all_day(day: dt.date, zone: ZoneInfo, shift: Shift) -> int | None:
    """Return the shift of all times of a day, or None where it changes. Batches have days in common."""
    first = shift(dt.datetime.combine(day, dt.time.min), zone)
    return first if first == shift(dt.datetime.combine(day, dt.time.max), zone) else None


def in_python(times: pa.Array) -> pa.Array:
    """Make null of dates and times outside the years 1 to 9999, which Python and Django cannot hold."""
    first: dt.date = dt.date.min
    last: dt.date = dt.date.max
    if pa.types.is_timestamp(times.type):
        first, last = dt.datetime.combine(first, dt.time.min), dt.datetime.combine(last, dt.time.max)
    not_before = pc.greater_equal(times, pa.scalar(first, times.type))
    inside = pc.and_(not_before, pc.less_equal(times, pa.scalar(last, times.type)))
    return times if pc.all(inside).as_py() in (True, None) else pc.if_else(inside, times, None)
