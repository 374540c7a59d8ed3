"""Reading numbers: `integer`, `decimal`, and floats for the fields that are floats."""

from __future__ import annotations

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Decimal, InvalidOperation
from decimal import Context as DecimalContext
from math import isfinite

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from .distinct import distinct, filled
from .outcome import Context, Outcome, outcome
from .text import blank_to_null, strip
from .writing import as_text

MOST_DIGITS = 76
"""Of Arrow's decimal256. Its decimal128 holds 38."""
WIDE = DecimalContext(prec=MOST_DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[InvalidOperation])

INT64 = range(-(2**63), 2**63)
SIGNED = r"^[+-]?[0-9]+$"
SURELY_INT64 = r"^[+-]?0*[0-9]{1,18}$"
SURELY_FLOAT = r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$"


def integer(values: pa.Array, context: Context) -> Outcome:
    """Read whole numbers, also where a point follows with nothing but zeros behind it."""
    if types.is_int64(values.type):
        return Outcome(values)
    if types.is_boolean(values.type):
        return Outcome(values.cast(pa.int64()))
    if types.is_floating(values.type):
        return outcome(values, _whole_floats(values))
    texts = _number_texts(values)
    return outcome(texts, _whole_numbers(pc.replace_substring_regex(texts, r"\.0+$", "")))


def _whole_floats(values: pa.Array) -> pa.Array:
    whole = pc.equal(pc.floor(values), values)
    fits = pc.and_(pc.greater_equal(values, -(2.0**63)), pc.less(values, 2.0**63))
    return pc.if_else(pc.and_(whole, fits), values, None).cast(pa.int64())


def _whole_numbers(texts: pa.Array) -> pa.Array:
    short = pc.match_substring_regex(texts, SURELY_INT64)
    done = pc.ascii_ltrim(pc.if_else(short, texts, None), "+").cast(pa.int64())
    return filled(pc.if_else(pc.match_substring_regex(texts, SIGNED), texts, None), done, _long_integer)


def _long_integer(text: str) -> int | None:
    """Read a number of 19 digits or more, of which few fit."""
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) > 19:
        return None
    number = -int(digits) if text[0] == "-" else int(digits)
    return number if number in INT64 else None


def decimal(values: pa.Array, context: Context, places: int, round: bool) -> Outcome:
    """Read decimal numbers as decimal128(38, places), or decimal256 where that is too small."""
    return read_decimals(values, MOST_DIGITS, min(places, MOST_DIGITS), round)


def read_decimals(values: pa.Array, precision: int, places: int, rounding: bool = False) -> Outcome:
    """Read decimal numbers of at most `precision` digits, of which `places` follow the point.

    Digits are counted where they signify: 1.500 has one place. Floats count by their shortest text.
    """
    texts = _number_texts(values)
    done = _short_decimals(texts, min(precision, 38) - places, places)
    rest = pc.and_(texts.is_valid(), done.is_null())
    if pc.any(rest).as_py():
        found, positions = distinct(texts.filter(rest))
        read = _decimal_reader(precision, places, rounding)
        numbers = [read(text) for text in found.to_pylist()]
        if any(number is not None and len(number.as_tuple().digits) > 38 for number in numbers):
            done = done.cast(pa.decimal256(MOST_DIGITS, places))
        done = pc.replace_with_mask(done, rest, pa.array(numbers, done.type).take(positions))
    return outcome(texts, done)


def _short_decimals(texts: pa.Array, whole: int, places: int) -> pa.Array:
    """Read what Arrow's cast is sure to read; the rest is null."""
    if whole < 1:
        return pa.nulls(len(texts), pa.decimal256(MOST_DIGITS, places))
    fraction = rf"(\.[0-9]{{1,{places}}}0{{0,9}})?" if places else r"(\.0{1,9})?"
    short = pc.match_substring_regex(texts, rf"^[+-]?[0-9]{{1,{whole}}}{fraction}$")
    return pc.if_else(short, texts, None).cast(pa.decimal128(38, places))


def _decimal_reader(precision: int, places: int, rounding: bool) -> Callable[[str], Decimal | None]:
    last_place = Decimal((0, (1,), -places))

    def read(text: str) -> Decimal | None:
        exact = decimal_of(text)
        if exact is None:
            return None
        try:
            number = exact.quantize(last_place, ROUND_HALF_EVEN, WIDE)
        except InvalidOperation:  # more digits than Arrow has room for
            return None
        fits = len(number.as_tuple().digits) <= precision
        return number if fits and (rounding or number == exact) else None

    return read


def decimal_of(text: str) -> Decimal | None:
    """Read a number as Python's Decimal does, but neither 1_000 nor NaN nor Infinity."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and "_" not in text else None


def read_floats(values: pa.Array) -> Outcome:
    """Read floats. NaN and infinity are numbers in a column of floats, and no numbers in text."""
    if types.is_floating(values.type):
        return Outcome(values)
    if types.is_integer(values.type):
        return Outcome(values.cast(pa.float64(), safe=False))
    texts = _number_texts(values)
    short = pc.match_substring_regex(texts, SURELY_FLOAT)
    done = pc.ascii_ltrim(pc.if_else(short, texts, None), "+").cast(pa.float64())
    return outcome(texts, filled(texts, done, _float))


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and "_" not in text else None


def _number_texts(values: pa.Array) -> pa.Array:
    return strip(blank_to_null(as_text(values)))
