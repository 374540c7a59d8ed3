# ruff: noqa: DTZ001, DTZ007 (times without a zone are what is read here)

from __future__ import annotations

import datetime as dt
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.columns import col
from etl_assets.engine.verbs import Context
from etl_assets.engine.verbs.zones import to_instants, to_local

from .oracle import LONDON, NASTY_TEXTS, NEW_YORK, Unreadable, assert_reads, read_rows, rows, verb

x = col("x")
INSTANT = pa.timestamp("us", tz="UTC")

DATE_TEXTS = [
    *NASTY_TEXTS,
    *(
        "31/12/2020 1/2/2020 01/2/2020 31/02/2020 29/02/2020 29/02/2021 00/01/2020 01/00/2020 01/13/2020"
    ).split(),
    *("01/02/20 01/02/02020 01/02/0001 01/02/0000 31/12/9999 01/02/10000 01-02-2020 1/2/2020x").split(),
    *("2020-01-31 2020-1-31 2023-02-31 2020-02-29 0001-01-01 9999-12-31 0000-01-01 10000-01-01").split(),
    *(
        "20200131 2020131 31012020 2020-W05-5 2020-031 31.12.2020 2020-01-31T10:20:30 2020-01-31T10:20:30Z"
    ).split(),
    *("2020-01-31T10:20:30.123456+02:00 ٠١/٠٢/٢٠٢٠ １/２/２０２０ N/A 0000-00-00 - 31Jan2020").split(),
    "9999-12-31T23:59:59-05:00",
    " 01/02/2020",
    "01/02/2020 ",
    " 1/02/2020",
    "01/02/2020\n",
    "2020-01-31 10:20",
    "2020-01-31  10:20:30",
    "2020-01-31 10:20:30",
    "2020-01-31 25:20:30",
    "2020-01-31 10:20:60",
    "2020-01-31 1:2:3",
    "2020-01-31 10:20:30.5",
    "2020-01-31t10:20:30",
    "31 Jan 2020",
    "31 JANUARY 2020",
    "1/2/2020 0",
]

DATE_FORMATS = [
    ("%d/%m/%Y",),
    ("%d/%m/%Y", "%Y-%m-%d"),
    ("%m/%d/%Y", "%d/%m/%Y"),
    ("%Y%m%d",),
    ("%d%m%Y", "%Y%m%d"),
    ("%d.%m.%Y", "%d %b %Y", "%d %B %Y"),
    ("%d/%m/%y", "%d/%m/%Y"),
    ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"),
    ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"),
    ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z"),
    ("%d/%m/%Y%%",),
    ("%d/%m/%Y 0", "%d/%m/%Yx"),
    ("%Y",),
    ("%d %m",),
    (" %d/%m/%Y",),
    ("%Y年%m月%d日", "%Y-%j"),
]


def strptime(text, formats):
    for pattern in formats:
        try:
            return dt.datetime.strptime(text, pattern)
        except ValueError:
            continue
    raise Unreadable


def blank_is_null(read):
    return lambda text: read(text) if text.strip() else None


@pytest.mark.parametrize("formats", DATE_FORMATS)
def test_date_reads_formats_as_strptime(formats):
    assert_reads(
        x.date(*formats), DATE_TEXTS, blank_is_null(lambda text: strptime(text, formats).date()), pa.date32()
    )


@given(
    st.lists(
        st.from_regex(r"[ ]?[0-9]{1,3}[/-]?[0-9]{1,2}[/-]?[0-9]{1,4}[ T]?([0-9]:?){0,6}", fullmatch=True)
    ),
    st.sampled_from(DATE_FORMATS),
)
def test_date_reads_any_text_as_strptime(texts, formats):
    expected = read_rows(blank_is_null(lambda text: strptime(text, formats).date()), texts)
    assert rows(verb(x.date(*formats), pa.array(texts, pa.string()))) == expected


def test_every_day_of_five_years_in_every_order():
    days = [dt.date(1999, 1, 1) + dt.timedelta(n) for n in range(5 * 365)]
    for pattern in ("%d/%m/%Y", "%Y-%m-%d", "%m-%d-%Y", "%Y%m%d", "%d.%m.%Y"):
        assert rows(verb(x.date(pattern), pa.array([day.strftime(pattern) for day in days]))) == days
    for year in range(1900, 2101):
        texts = [f"29/02/{year}", f"31/04/{year}", f"30/2/{year}"]
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        expected = [dt.date(year, 2, 29) if leap else Unreadable, Unreadable, Unreadable]
        assert rows(verb(x.date("%d/%m/%Y"), pa.array(texts))) == expected


def iso_date(text):
    for read in (dt.date.fromisoformat, lambda text: dt.datetime.fromisoformat(text).date()):
        try:
            return read(text)
        except ValueError:
            continue
    raise Unreadable


def test_date_without_formats_reads_iso():
    assert_reads(x.date(), DATE_TEXTS, blank_is_null(iso_date), pa.date32())


def test_date_takes_dates_and_numbers():
    days = [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2020, 2, 29), None]
    assert_reads(x.date("%d/%m/%Y"), days, lambda day: day, pa.date32())
    assert_reads(x.date(), days, lambda day: day, pa.date32(), pa.date64())
    assert rows(verb(x.date("%Y%m%d"), pa.array([20200131, 20200231, None]))) == [
        dt.date(2020, 1, 31),
        Unreadable,
        None,
    ]
    assert rows(verb(x.date(), pa.array([True]))) == [Unreadable]


def test_date_refuses_years_that_python_cannot_hold():
    days = pa.array([2**31 - 1, -(2**31), 2932896, 2932897, None], pa.int32()).cast(pa.date32())
    assert rows(verb(x.date(), days)) == [Unreadable, Unreadable, dt.date(9999, 12, 31), Unreadable, None]
    times = pa.array([2**63 - 1, -(2**63) + 1, 0], pa.int64()).cast(pa.timestamp("us"))
    assert rows(verb(x.date(), times)) == [Unreadable, Unreadable, dt.date(1970, 1, 1)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_date_of_times_is_their_day(unit):
    times = [dt.datetime(2020, 7, 1, 23, 30), dt.datetime(1969, 12, 31, 23, 59, 59), None]
    assert_reads(x.date(), times, dt.datetime.date, pa.date32(), pa.timestamp(unit))
    assert_reads(
        x.date(),
        times,
        lambda time: time.replace(tzinfo=dt.UTC).astimezone(ZoneInfo("Europe/London")).date(),
        pa.date32(),
        pa.timestamp(unit, tz="Asia/Tokyo"),
    )


def instant_of(time, zone):
    """Read a local time the long way round: it exists if it comes back from UTC."""
    try:
        instant = time.replace(tzinfo=zone).astimezone(dt.UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != time:
            raise Unreadable
    except OverflowError:
        raise Unreadable from None
    return instant


def read_time(time, zone):
    try:
        return instant_of(time, zone) if time.tzinfo is None else time.astimezone(dt.UTC)
    except OverflowError:
        raise Unreadable from None


TIME_TEXTS = [
    *DATE_TEXTS,
    "2020-03-29 01:30:00",  # skipped in London
    "2020-03-29 00:59:59",
    "2020-03-29 02:00:00",
    "2020-10-25 01:30:00",  # twice in London
    "2020-03-08 02:30:00",  # skipped in New York
    "2020-11-01 01:30:00",  # twice in New York
    "2050-03-27 01:30:00",
    "2050-07-01 12:00:00",
    "9999-07-01 12:00:00",
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "1900-01-01 00:00:00",
    "2020-03-29T01:30:00+00:00",
    "2020-03-29T01:30:00-0500",
]


@pytest.mark.parametrize(
    "context", [LONDON, NEW_YORK, Context(ZoneInfo("Asia/Kolkata"), dt.date(2020, 1, 1))]
)
def test_datetime_without_formats_reads_iso(context):
    def read(text):
        try:
            time = dt.datetime.fromisoformat(text)
        except ValueError:
            raise Unreadable from None
        return read_time(time, context.time_zone)

    assert_reads(x.datetime(), TIME_TEXTS, blank_is_null(read), INSTANT, context=context)


@pytest.mark.parametrize(
    "formats", [*DATE_FORMATS, ("%Y-%m-%d %H:%M:%S",), ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S")]
)
def test_datetime_reads_formats_as_strptime(formats):
    read = blank_is_null(lambda text: read_time(strptime(text, formats), ZoneInfo("America/New_York")))
    assert_reads(x.datetime(*formats, tz="America/New_York"), TIME_TEXTS, read, INSTANT)


def test_datetime_keeps_the_first_of_two_and_refuses_the_skipped():
    texts = ["2020-10-25 01:30", "2020-03-29 01:30", "2020-06-01 12:00"]
    assert rows(verb(x.datetime(), pa.array(texts))) == [
        dt.datetime(2020, 10, 25, 0, 30, tzinfo=dt.UTC),
        Unreadable,
        dt.datetime(2020, 6, 1, 11, tzinfo=dt.UTC),
    ]


def test_datetime_does_not_try_another_format_for_a_skipped_time():
    formats = ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")
    outcome = verb(x.datetime(*formats), pa.array(["08/03/2020 02:30", "03/08/2020 02:30"]), NEW_YORK)
    assert rows(outcome) == [Unreadable, dt.datetime(2020, 8, 3, 6, 30, tzinfo=dt.UTC)]
    outcome = verb(x.datetime(*reversed(formats)), pa.array(["03/08/2020 02:30"]), NEW_YORK)
    assert rows(outcome) == [Unreadable]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_datetime_takes_times(unit):
    times = [
        dt.datetime(2020, 3, 29, 1, 30),
        dt.datetime(2020, 10, 25, 1, 30),
        dt.datetime(2020, 7, 1),
        dt.datetime(1969, 1, 1),
        None,
    ]
    zone = ZoneInfo("Europe/London")
    assert_reads(x.datetime(), times, lambda time: instant_of(time, zone), INSTANT, pa.timestamp(unit))
    aware = pa.timestamp(unit, tz="America/New_York")
    assert_reads(x.datetime(tz="Asia/Tokyo"), times, lambda time: time.replace(tzinfo=dt.UTC), INSTANT, aware)


def test_datetime_takes_dates_as_midnight():
    # In Sao Paulo the clocks went forward at midnight.
    days = [dt.date(2018, 11, 4), dt.date(2018, 11, 5), None]
    zone = ZoneInfo("America/Sao_Paulo")
    read = lambda day: instant_of(dt.datetime.combine(day, dt.time()), zone)  # noqa: E731
    assert_reads(x.datetime(tz="America/Sao_Paulo"), days, read, INSTANT)
    assert read_rows(read, days)[0] is Unreadable


ZONES = [
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "UTC",
]
ANY_TIME = st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 28))


@given(st.lists(ANY_TIME), st.sampled_from(ZONES))
def test_local_times_become_instants_as_in_python(times, name):
    zone = ZoneInfo(name)
    instants = to_instants(pa.array(times, pa.timestamp("us")), zone).to_pylist()
    assert instants == [
        None if row is Unreadable else row for row in read_rows(partial(instant_of, zone=zone), times)
    ]


@given(st.lists(ANY_TIME), st.sampled_from(ZONES))
def test_instants_become_local_times_as_in_python(times, name):
    zone = ZoneInfo(name)
    local = to_local(pa.array(times, INSTANT), zone).to_pylist()
    assert local == [time.replace(tzinfo=dt.UTC).astimezone(zone).replace(tzinfo=None) for time in times]


@pytest.mark.parametrize("name", ZONES)
def test_every_quarter_of_an_hour_around_each_clock_change(name):
    zone = ZoneInfo(name)
    step = dt.timedelta(minutes=15)
    times = [
        dt.datetime(year, month, 1) + n * step
        for year in (2011, 2020, 2045)
        for month in (3, 4, 10, 11, 12)
        for n in range(96 * 31)
    ]
    expected = [
        None if row is Unreadable else row for row in read_rows(partial(instant_of, zone=zone), times)
    ]
    assert to_instants(pa.array(times, pa.timestamp("us")), zone).to_pylist() == expected
