"""Reading dates and times: `date`, `datetime`, and what other fields of time need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from django.utils.dateparse import parse_duration
from pyarrow import types

from .distinct import map_distinct
from .formats import or_none, read_dates, read_times
from .outcome import Context, Outcome, outcome
from .plain import INSTANT, LOCAL
from .text import blank_to_null, strip
from .writing import as_text
from .zones import in_python, to_instants, to_local

Read = Callable[[pa.Array], pa.Array]

NO_TIME = dt.timedelta()
DAY = dt.timedelta(days=1)


def date(values: pa.Array, context: Context, formats: tuple[str, ...] = ()) -> Outcome:
    """Read dates. Times give their day, instants their day in the project's time zone."""
    if types.is_date(values.type):
        return outcome(values, in_python(values))
    if types.is_timestamp(values.type):
        return outcome(values, _local(values, context.time_zone).cast(pa.date32()))
    texts = blank_to_null(as_text(values))
    readers: list[Read] = [partial(read_dates, pattern=pattern) for pattern in formats]
    return outcome(texts, _first_to_read(texts, readers or [_iso_dates], lambda dates: dates))


def datetime(
    values: pa.Array, context: Context, formats: tuple[str, ...] = (), tz: str | None = None
) -> Outcome:
    """Read instants. Times without an offset, and dates, are local to `tz`."""
    zone = context.time_zone if tz is None else ZoneInfo(tz)
    return _read_times(values, formats, partial(_instants, zone=zone))


def read_local_times(values: pa.Array, context: Context) -> Outcome:
    """Read times without an offset, for a project that sets USE_TZ = False."""
    return _read_times(values, (), partial(_local, zone=context.time_zone))


def _read_times(values: pa.Array, formats: Sequence[str], finish: Read) -> Outcome:
    if types.is_timestamp(values.type) or types.is_date(values.type):
        return outcome(values, finish(in_python(values)))
    texts = blank_to_null(as_text(values))
    readers: list[Read] = [partial(read_times, pattern=pattern) for pattern in formats]
    return outcome(texts, _first_to_read(texts, readers or [_iso_times, _iso_instants], finish))


def _first_to_read(texts: pa.Array, readers: Sequence[Read], finish: Read) -> pa.Array:
    """Let each reader have what the ones before could not read, and finish what each has read.

    What `finish` refuses was read all the same, so no later reader gets it.
    """
    finished = []
    for read in readers:
        found = read(texts)
        texts = pc.if_else(found.is_valid(), None, texts)
        finished.append(finish(found))
    return pc.coalesce(*finished)


def _instants(times: pa.Array, zone: ZoneInfo) -> pa.Array:
    return times if times.type == INSTANT else to_instants(times.cast(LOCAL), zone)


def _local(times: pa.Array, zone: ZoneInfo) -> pa.Array:
    return to_local(times, zone) if times.type == INSTANT else in_python(times.cast(LOCAL))


def _iso_dates(texts: pa.Array) -> pa.Array:
    def read(text: str) -> dt.date:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return dt.datetime.fromisoformat(text).date()

    return map_distinct(texts, partial(or_none, read), pa.date32())


def _iso_times(texts: pa.Array) -> pa.Array:
    def read(text: str) -> dt.datetime | None:
        time = dt.datetime.fromisoformat(text)
        return time if time.tzinfo is None else None

    return map_distinct(texts, partial(or_none, read), LOCAL)


def _iso_instants(texts: pa.Array) -> pa.Array:
    """Read what is left when `_iso_times` has been there: times with an offset."""
    return map_distinct(texts, partial(or_none, dt.datetime.fromisoformat), INSTANT)


def read_times_of_day(values: pa.Array) -> Outcome:
    """Read times of day. MySQL's TIME comes as a duration, and may lie outside a day."""
    to = pa.time64("us")
    if types.is_time(values.type):
        return Outcome(values)
    if types.is_duration(values.type):
        in_a_day = pc.and_(pc.greater_equal(values, NO_TIME), pc.less(values, DAY))
        return outcome(values, pc.if_else(in_a_day, values, None).cast(pa.int64()).cast(to))
    texts = strip(blank_to_null(as_text(values)))
    return outcome(texts, map_distinct(texts, _time_of_day, to))


def _time_of_day(text: str) -> dt.time | None:
    """Read ISO 8601, and an hour of one digit too, as Django's forms do."""
    padded = f"0{text}" if text[1:2] == ":" else text
    try:
        time = dt.time.fromisoformat(padded)
    except ValueError:
        return None
    return time if time.tzinfo is None else None


def read_durations(values: pa.Array) -> Outcome:
    """Read durations as Django does from text. A number is one of seconds."""
    to = pa.duration("us")
    if types.is_duration(values.type):
        return Outcome(values)
    if types.is_time(values.type):
        return Outcome(values.cast(pa.int64()).cast(to))
    if types.is_interval(values.type):
        return outcome(values, map_distinct(values, _interval, to))
    texts = strip(blank_to_null(as_text(values)))
    return outcome(texts, map_distinct(texts, _duration, to))


def _interval(value: pa.MonthDayNano) -> dt.timedelta | None:
    """Months have no length of their own, so an interval with months is no duration."""
    if value.months:
        return None
    return dt.timedelta(days=value.days, microseconds=value.nanoseconds // 1000)


def _duration(text: str) -> dt.timedelta | None:
    try:
        return parse_duration(text)
    except (ValueError, OverflowError):
        return None
