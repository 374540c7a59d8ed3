"""The rule `between`: bounds are read as the type of the values, and compared there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils.dateparse import parse_duration
from pyarrow import types

from ...exceptions import ConfigurationError
from .distinct import map_distinct
from .numbers import MOST_DIGITS, WIDE, decimal_of
from .outcome import Context
from .text import blank_to_null
from .times import date, datetime
from .writing import as_text
from .zones import EPOCH, MICROSECOND, instant_of

Number = (int, float, Decimal)


class NoBound(Exception):
    """A bound that cannot be read as the type of the values."""


def between(values: pa.Array, context: Context, low: Any, high: Any) -> pa.Array:
    """Tell which values lie between two bounds, both included; None leaves a side open."""
    try:
        if types.is_null(values.type):
            return pa.nulls(len(values), pa.bool_())
        if types.is_string(values.type):
            return _texts_between(values, context, low, high)
        return _between(values, context, low, high)
    except NoBound as error:
        raise ConfigurationError(
            f"between({low!r}, {high!r}) cannot be compared with values of type {values.type}: "
            "write bounds of that type."
        ) from error


def _texts_between(texts: pa.Array, context: Context, low: Any, high: Any) -> pa.Array:
    """Compare texts by code point, but with bounds of another type what the texts say."""
    bounds = [bound for bound in (low, high) if bound is not None]
    if any(isinstance(bound, Number) for bound in bounds):
        return map_distinct(blank_to_null(texts), _number_between(low, high), pa.bool_())
    if any(isinstance(bound, dt.datetime) for bound in bounds):
        read = datetime(texts, context)
    elif any(isinstance(bound, dt.date) or bound == "today" for bound in bounds):
        read = date(texts, context)
    else:
        return _between(texts, context, low, high)
    inside = _between(read.values, context, low, high)
    return inside if read.unreadable is None else pc.if_else(read.unreadable, False, inside)


def _number_between(low: Any, high: Any) -> Callable[[str], bool]:
    lowest = Decimal("-Infinity") if low is None else _number(low)
    highest = Decimal("Infinity") if high is None else _number(high)

    def inside(text: str) -> bool:
        number = decimal_of(text)
        return number is not None and lowest <= number <= highest

    return inside


def _between(values: pa.Array, context: Context, low: Any, high: Any) -> pa.Array:
    values, bound = _comparable(values, context)
    inside = pc.if_else(values.is_valid(), True, None)
    if low is not None:
        inside = pc.and_(inside, pc.greater_equal(values, bound(low, ROUND_CEILING)))
    if high is not None:
        inside = pc.and_(inside, pc.less_equal(values, bound(high, ROUND_FLOOR)))
    return inside


Bound = Callable[[Any, str], pa.Scalar]
"""Makes a scalar of what the author wrote, rounded to the inside where it lies between two values."""


def _comparable(values: pa.Array, context: Context) -> tuple[pa.Array, Bound]:
    """Return the values in a type that compares, and what makes bounds of that type."""
    kind = values.type
    if types.is_boolean(kind):
        return _comparable(values.cast(pa.int64()), context)
    if types.is_integer(kind):  # as decimals, since a bound may lie outside int64
        return _comparable(values.cast(pa.decimal128(20, 0)), context)
    if types.is_decimal(kind):
        return values, lambda bound, rounding: _decimal(bound, kind.scale, rounding)
    if types.is_floating(kind):
        return values, lambda bound, _: pa.scalar(float(_number(bound)))
    if types.is_date(kind):
        return values, lambda bound, _: pa.scalar(_day(bound, context), kind)
    if types.is_timestamp(kind):
        aware = kind.tz is not None
        return values.cast(pa.int64()), lambda bound, rounding: _time(bound, context, aware, rounding)
    if types.is_time(kind):
        return values, lambda bound, _: pa.scalar(_read(bound, dt.time, dt.time.fromisoformat), kind)
    if types.is_duration(kind):
        return values, lambda bound, _: pa.scalar(_read(bound, dt.timedelta, parse_duration), kind)
    return as_text(values), lambda bound, _: pa.scalar(_read(bound, str, str))


def _read(bound: Any, kind: type, read: Callable[[str], Any]) -> Any:
    """Return a bound of the right type, or read it from text."""
    if isinstance(bound, kind):
        return bound
    if isinstance(bound, str):
        try:
            value = read(bound)
        except ValueError as error:
            raise NoBound from error
        if value is not None:
            return value
    raise NoBound


def _number(bound: Any) -> Decimal:
    if isinstance(bound, float):
        bound = repr(bound)  # 0.1 means what it looks like
    if not isinstance(bound, (str, int, Decimal)):
        raise NoBound
    try:
        number = Decimal(bound)
    except InvalidOperation as error:
        raise NoBound from error
    if number.is_nan():
        raise NoBound
    return number


def _decimal(bound: Any, places: int, rounding: str) -> pa.Scalar:
    most = Decimal((0, (9,) * MOST_DIGITS, -places))
    number = max(most.copy_negate(), min(most, _number(bound)))
    rounded = number.quantize(Decimal((0, (1,), -places)), rounding, WIDE)
    return pa.scalar(rounded, pa.decimal256(MOST_DIGITS, places))


def _day(bound: Any, context: Context) -> dt.date:
    if bound == "today":
        return context.today
    value = _read(bound, dt.date, dt.datetime.fromisoformat)
    return value.date() if isinstance(value, dt.datetime) else value


def _time(bound: Any, context: Context, aware: bool, rounding: str) -> pa.Scalar:
    """Return microseconds since 1970. A day as the high bound lasts until its last microsecond."""
    last = rounding == ROUND_FLOOR
    if bound == "today" or _is_day(bound):
        time = dt.datetime.combine(_day(bound, context), dt.time.max if last else dt.time.min)
    else:
        time = _read(bound, dt.datetime, dt.datetime.fromisoformat)
    if aware:
        return pa.scalar(instant_of(time, context.time_zone, fold=int(last)), pa.int64())
    if time.tzinfo is not None:
        time = time.astimezone(context.time_zone).replace(tzinfo=None)
    return pa.scalar((time - EPOCH) // MICROSECOND, pa.int64())


def _is_day(bound: Any) -> bool:
    if isinstance(bound, str):
        try:
            dt.date.fromisoformat(bound)
        except ValueError:
            return False
        return True
    return isinstance(bound, dt.date) and not isinstance(bound, dt.datetime)
