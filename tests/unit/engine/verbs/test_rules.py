# ruff: noqa: DTZ001, DTZ901 (times without a zone are what is read here)

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.columns import col
from etl_assets.exceptions import ConfigurationError

from .oracle import LONDON, NASTY_TEXTS, NEW_YORK, assert_passes, good

x = col("x")
TODAY = LONDON.today
TEXTS = [*NASTY_TEXTS, "AB123456", "AB123456\n", "ab123456", "AB٣٢١٤٥٦", "2020-01-31", "5", "5.5", "500"]


def test_required_refuses_null_only():
    for array in (pa.array(["a", "", None]), pa.array([0, 1, None]), pa.array([float("nan"), 0.0, None])):
        assert good(x.required(), array) == [True, True, False]
    assert good(x.required(), pa.nulls(2)) == [False, False]


@pytest.mark.parametrize(
    "regex", [r"[A-Z]{2}\d{6}", r".*", r"(?i)ab.+", r"", r"\s*", r"a|aa|.{3}", r"[^\x00-\x7f]+"]
)
def test_matches_the_whole_text(regex):
    assert_passes(x.matches(regex), TEXTS, lambda text: re.fullmatch(regex, text) is not None)


def test_matches_other_types_as_text():
    assert good(x.matches(r"\d\d"), pa.array([12, 123, None])) == [True, False, True]


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 5), (3, 30_000)])
def test_length_counts_code_points(low, high):
    assert_passes(x.length(low, high), TEXTS, lambda text: low <= len(text) <= high)


def test_one_of_compares_by_value_and_by_text():
    assert_passes(x.one_of("A", "straße", "", 5), TEXTS, lambda text: text in ("A", "straße", "", "5"))
    assert_passes(x.one_of("1", 2), [1, 2, 3, None], lambda number: number in (1, 2))
    assert good(x.one_of("x", None), pa.array([None, "x", "y"])) == [True, True, False]


@pytest.mark.parametrize(
    ("low", "high"), [("A", "a"), (None, "é"), ("ß", None), ("2020-01-01", "2020-12-31")]
)
def test_between_compares_texts_by_code_point(low, high):
    assert_passes(x.between(low, high), TEXTS, lambda text: (low or "") <= text <= (high or chr(0x10FFFF)))


@pytest.mark.parametrize(("low", "high"), [(5, 5.5), (None, 10), (Decimal("5.1"), 600)])
def test_between_reads_texts_as_numbers_where_a_bound_is_one(low, high):
    def rule(text):
        if not text.strip():
            return True  # a blank is null for every type but text
        try:
            number = Decimal(text)
        except InvalidOperation:
            return False
        return (low is None or number >= low) and number <= high

    assert_passes(x.between(low, high), TEXTS, rule)


BOUNDS = [
    (0, 10),
    (0.5, 9.5),
    (None, 3),
    (3, None),
    (Decimal("-1.005"), Decimal("2.995")),
    (-(10**30), 10**30),
    (10**30, None),
    (float("-inf"), 2),
    ("1", "2.5"),
]


@pytest.mark.parametrize(("low", "high"), BOUNDS)
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, *range(-3, 12)], pa.int8()),
        ([None, -(2**63), 2**63 - 1, 0, 3], pa.int64()),
        ([None, 2**64 - 1, 0, 3], pa.uint64()),
        ([None, -1.005, 0.1 + 0.2, 2.995, 1e300, 9.5, 10.0, 2.5, 3.0], pa.float64()),
        (
            [None, *map(Decimal, ("-1.01", "-1.00", "2.99", "3.00", "9.50", "0.50", "2.50"))],
            pa.decimal128(5, 2),
        ),
        ([None, *map(Decimal, ("-1.01", "1" + "0" * 40, "3"))], pa.decimal256(60, 3)),
    ],
)
def test_between_of_numbers(values, kind, low, high):
    # A bound is rounded to what a float can be; every other type meets what was written.
    exact = float if pa.types.is_floating(kind) else lambda bound: Decimal(str(bound))
    low_number = None if low is None else exact(low)
    high_number = None if high is None else exact(high)

    def rule(value):
        return (low is None or value >= low_number) and (high is None or value <= high_number)

    assert_passes(x.between(low, high), values, rule, kind)


def test_between_refuses_nan():
    assert good(x.between(0, 1), pa.array([float("nan"), 0.5])) == [False, True]


DAYS = [
    None,
    *(
        dt.date.fromisoformat(text)
        for text in "0001-01-01 1899-12-31 1900-01-01 2024-02-29 2024-03-01 9999-12-31".split()
    ),
]


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [
        ("1900-01-01", "today", dt.date(1900, 1, 1), TODAY),
        (dt.date(1900, 1, 1), None, dt.date(1900, 1, 1), dt.date.max),
        (None, "9999-12-31", dt.date.min, dt.date.max),
        ("today", dt.datetime(2024, 3, 1, 12), TODAY, dt.date(2024, 3, 1)),
    ],
)
def test_between_of_dates(low, high, first, last):
    assert_passes(x.between(low, high), DAYS, lambda day: first <= day <= last)
    if "today" in (low, high):
        texts = [day and day.isoformat() for day in DAYS]
        assert_passes(
            x.between(low, high),
            [*texts, "n/a"],
            lambda text: text in texts and first <= dt.date.fromisoformat(text) <= last,
        )


@given(
    st.lists(st.datetimes(dt.datetime(2024, 2, 20), dt.datetime(2024, 3, 20))),
    st.sampled_from([LONDON, NEW_YORK]),
)
def test_between_of_times_includes_the_whole_last_day(times, context):
    expression = x.between("2024-02-25", "today")
    first, last = dt.date(2024, 2, 25), context.today
    assert good(expression, pa.array(times, pa.timestamp("us")), context) == [
        first <= time.date() <= last for time in times
    ]
    local = [time.replace(tzinfo=dt.UTC).astimezone(context.time_zone) for time in times]
    aware = pa.array(times, pa.timestamp("us", tz="UTC"))
    assert good(expression, aware, context) == [first <= time.date() <= last for time in local]


def test_between_of_times_with_times_as_bounds():
    zone = ZoneInfo("Europe/London")
    times = [dt.datetime(2020, 7, 1, hour) for hour in range(24)]
    assert_passes(
        x.between("2020-07-01 10:00", dt.datetime(2020, 7, 1, 12)), times, lambda t: 10 <= t.hour <= 12
    )
    aware = pa.timestamp("us", tz="UTC")
    assert_passes(
        x.between("2020-07-01 10:00", dt.datetime(2020, 7, 1, 12, tzinfo=dt.UTC)),
        times,
        lambda t: t.replace(tzinfo=dt.UTC) >= dt.datetime(2020, 7, 1, 10, tzinfo=zone) and t.hour <= 12,
        aware,
    )
    assert_passes(x.between("2020-07-01T10:00+00:00", None), times, lambda t: t.hour >= 11)


def test_between_of_times_knows_both_ends_of_the_calendar():
    times = pa.array([dt.datetime.min, dt.datetime.max], pa.timestamp("us", tz="UTC"))
    assert good(x.between("0001-01-01", "9999-12-31"), times, LONDON) == [False, True]
    assert good(x.between("0001-01-01", "9999-12-31"), times, NEW_YORK) == [False, True]


def test_between_of_times_of_day_and_durations():
    assert_passes(
        x.between("08:00", dt.time(17)),
        [None, dt.time(7, 59), dt.time(8), dt.time(17), dt.time(17, 0, 1)],
        lambda t: dt.time(8) <= t <= dt.time(17),
    )
    assert_passes(
        x.between(dt.timedelta(0), "1 00:00:00"),
        [None, dt.timedelta(-1), dt.timedelta(1)],
        lambda d: dt.timedelta(0) <= d <= dt.timedelta(1),
    )


@pytest.mark.parametrize(
    ("values", "low"),
    [
        ([1], "abc"),
        ([1], dt.date(2020, 1, 1)),
        ([dt.date(2020, 1, 1)], 5),
        ([dt.date(2020, 1, 1)], "31/12/2020"),
        (["a"], dt.time(1)),
        ([1.5], float("nan")),
    ],
)
def test_between_names_bounds_of_another_kind(values, low):
    array = pa.array(values)
    with pytest.raises(ConfigurationError) as error:
        good(x.between(low, None), array)
    assert str(error.value) == (
        f"between({low!r}, None) cannot be compared with values of type {array.type}: "
        "write bounds of that type."
    )
