from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.columns import col

from .oracle import NASTY_TEXTS, Unreadable, assert_reads, read_rows, rows, verb

x = col("x")

NUMBER_TEXTS = [
    *NASTY_TEXTS,
    *(
        "0 -0 +0 7 007 -007 +7 ++7 - + 1e3 1E+2 1e-1 1. .5 . 1.0 1.50 1.500 1.555 -1.545 1,5 1.000,5 1_000"
    ).split(),
    *("0x1F NaN nan Infinity -inf sNaN 12a ٣ 1.5.5 1e400 1e-400 1e99999999999999999999").split(),
    " 42 ",
    "\xa042\u3000",
    "4 2",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "0" * 60 + "9223372036854775807",
    "9" * 36,
    "9" * 37,
    "-" + "9" * 38 + ".99",
    "9" * 74 + ".99",
    "9" * 75,
    "9" * 5000,
    "0." + "0" * 5000,
    "1." + "0" * 40,
    "0" * 5000 + "1",
]


def blank_is_null(read):
    return lambda text: read(text.strip()) if text.strip() else None


def integer(text):
    if not re.fullmatch(r"[+-]?[0-9]+(\.0+)?", text):
        raise Unreadable
    number = Decimal(text)
    if not -(2**63) <= number < 2**63:
        raise Unreadable
    return int(number)


def decimal(text, places, rounding=False, digits=76):
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Unreadable from None
    if not number.is_finite() or "_" in text:
        raise Unreadable
    with localcontext(prec=20_000, Emax=10**9, Emin=-(10**9)):
        if number.adjusted() > 200:
            raise Unreadable
        rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        if (rounded != number and not rounding) or abs(rounded) >= Decimal(10) ** (digits - places):
            raise Unreadable
    return rounded


def test_integer_reads_text():
    assert_reads(x.integer(), NUMBER_TEXTS, blank_is_null(integer), pa.int64())


@given(st.lists(st.one_of(st.from_regex(r"[ +-]?[0-9]{0,22}", fullmatch=True), st.integers().map(str))))
def test_integer_reads_any_text(texts):
    array = pa.array(texts, pa.string())
    assert rows(verb(x.integer(), array)) == read_rows(blank_is_null(integer), texts)


def test_integer_takes_whole_floats():
    floats = [
        None,
        1.0,
        -0.0,
        1.5,
        0.1 + 0.2,
        1e300,
        2.0**63,
        -(2.0**63),
        2.0**62,
        float("nan"),
        float("inf"),
    ]

    def read(value):
        if value != value or value in (float("inf"), 1e300, 2.0**63) or value != int(value):
            raise Unreadable
        return int(value)

    assert_reads(x.integer(), floats, read, pa.int64())


def test_integer_takes_whole_decimals():
    values = [
        None,
        *map(Decimal, ("1.00", "-7.00", "1.50", "0.00", "99999999999999999999.00", "9223372036854775807")),
    ]

    def read(value):
        if value != int(value) or value >= 2**63:
            raise Unreadable
        return int(value)

    assert_reads(x.integer(), values, read, pa.int64(), pa.decimal128(30, 2))
    assert_reads(x.integer(), values, read, pa.int64(), pa.decimal256(60, 20))


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint8(), pa.int32(), pa.int64(), pa.uint64()])
def test_integer_takes_integers(kind):
    assert_reads(x.integer(), [None, 0, 100], int, pa.int64(), kind)


def test_integer_refuses_what_int64_cannot_hold():
    assert rows(verb(x.integer(), pa.array([2**64 - 1, 1], pa.uint64()))) == [Unreadable, 1]


def test_integer_takes_booleans():
    assert_reads(x.integer(), [True, False, None], int, pa.int64())


@pytest.mark.parametrize("places", [0, 2, 5])
@pytest.mark.parametrize("rounding", [False, True])
def test_decimal_reads_text(places, rounding):
    expression = x.decimal(places, round=rounding)
    expected = read_rows(blank_is_null(lambda text: decimal(text, places, rounding)), NUMBER_TEXTS)
    for kind in (pa.string(), pa.large_string()):
        assert rows(verb(expression, pa.array(NUMBER_TEXTS, kind))) == expected


@given(
    st.lists(st.from_regex(r"[ +-]?[0-9]{0,42}(\.[0-9]{0,8})?(e-?[0-9]{1,2})?", fullmatch=True)),
    st.integers(0, 6),
    st.booleans(),
)
def test_decimal_reads_any_text(texts, places, rounding):
    outcome = verb(x.decimal(places, round=rounding), pa.array(texts, pa.string()))
    assert rows(outcome) == read_rows(blank_is_null(lambda text: decimal(text, places, rounding)), texts)


def test_decimal_is_128_bits_wide_where_that_is_enough():
    assert_reads(x.decimal(2), ["1.5", None, "-2"], Decimal, pa.decimal128(38, 2))
    wide = verb(x.decimal(2), pa.array(["1.5", "9" * 40]))
    assert wide.values.type == pa.decimal256(76, 2)
    assert rows(wide) == [Decimal("1.5"), Decimal("9" * 40)]
    assert rows(verb(x.decimal(50), pa.array(["1e-50", "1"]))) == [Decimal("1e-50"), 1]


def test_decimal_rounds_half_to_even():
    assert rows(verb(x.decimal(2, round=True), pa.array(["0.125", "0.135", "-0.125", "2.675"]))) == [
        Decimal("0.12"),
        Decimal("0.14"),
        Decimal("-0.12"),
        Decimal("2.68"),
    ]


def test_decimal_counts_significant_places():
    assert rows(verb(x.decimal(2), pa.array(["1.500", "1.505", "1.50" + "0" * 30]))) == [
        Decimal("1.5"),
        Unreadable,
        Decimal("1.5"),
    ]


def test_decimal_reads_floats_by_their_shortest_text():
    floats = [None, 0.1, 1.0, -2.25, 0.1 + 0.2, 1e300, float("nan"), 1e-7, 1e22]
    assert_reads(x.decimal(2), floats, lambda v: decimal(repr(v), 2), pa.decimal128(38, 2))
    assert rows(verb(x.decimal(2), pa.array([0.1, 2.5], pa.float32()))) == [Decimal("0.1"), Decimal("2.5")]


def test_decimal_reads_numbers_of_other_types():
    assert_reads(x.decimal(2), [1, -5, None], Decimal, pa.decimal128(38, 2))
    values = [Decimal("1.5000"), Decimal("1.5050"), None, Decimal("-0.0001")]
    assert_reads(
        x.decimal(2), values, lambda v: decimal(str(v), 2), pa.decimal128(38, 2), pa.decimal128(20, 4)
    )
    assert rows(verb(x.decimal(2), pa.array([True]))) == [Unreadable]
