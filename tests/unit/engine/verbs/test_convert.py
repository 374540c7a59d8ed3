# ruff: noqa: DTZ001 (times without a zone are what is read here)

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from etl_assets.engine.verbs import as_text, concat, convert

from .oracle import LONDON, NASTY_TEXTS, Unreadable, rows, shapes

TARGETS = [
    pa.string(),
    pa.int64(),
    pa.float64(),
    pa.decimal128(10, 2),
    pa.decimal256(60, 20),
    pa.bool_(),
    pa.date32(),
    pa.timestamp("us", tz="UTC"),
    pa.timestamp("us"),
    pa.time64("us"),
    pa.duration("us"),
    pa.binary(),
]

SOURCES = [
    pa.array(["x", None]),
    pa.array([1, None], pa.int8()),
    pa.array([1, None], pa.uint64()),
    pa.array([1.5, None]),
    pa.array([1.5, None], pa.float32()),
    pa.array([Decimal("1.50"), None]),
    pa.array([True, None]),
    pa.array([dt.date(2020, 1, 31), None]),
    pa.array([dt.datetime(2020, 1, 31), None]),
    pa.array([b"x", None]),
    pa.array([dt.datetime(2020, 1, 31), None], pa.timestamp("ns", tz="Asia/Tokyo")),
    pa.array([dt.time(1), None]),
    pa.array([dt.timedelta(1), None]),
    pa.array([[1], None]),
    pa.array([{"a": 1}, None]),
    pa.nulls(2),
    pa.array([pa.MonthDayNano((1, 2, 3)), None]),
    pa.array(["x", None]).dictionary_encode(),
    pa.array([dt.date(2020, 1, 31), None], pa.date64()),
    pa.array([b"ab", None], pa.binary(2)),
]


@pytest.mark.parametrize("to", TARGETS, ids=str)
def test_any_type_converts_to_any_other_or_says_so(to):
    for source in SOURCES:
        for values in (source, source.slice(1), source.slice(0, 0)):
            outcome = convert(values, to, LONDON)
            outcome.values.validate(full=True)
            assert outcome.values.type == to
            assert len(outcome.values) == len(values)
            assert all(row is None for row in rows(outcome)[1:])


@pytest.mark.parametrize("to", TARGETS[1:-1], ids=str)
def test_blank_text_is_null_for_every_type_but_text(to):
    blanks = pa.array(["", " ", "\xa0\u3000", "\t\n", None])
    assert rows(convert(blanks, to, LONDON)) == [None] * 5


def test_text_stays_as_it_is():
    for array in shapes(NASTY_TEXTS):
        assert rows(convert(array, pa.string(), LONDON)) == NASTY_TEXTS


@pytest.mark.parametrize(
    ("to", "values", "expected"),
    [
        (pa.int64(), ["1", "1.5", " 2 "], [1, Unreadable, 2]),
        (
            pa.float64(),
            ["1.5", "1e3", "+.5", "1,5", "nan", "inf", "1_0", "1e400", "0.1"],
            [1.5, 1000.0, 0.5, *[Unreadable] * 5, 0.1],
        ),
        (pa.float64(), [1, 2**53 + 1], [1.0, 2.0**53]),
        (pa.float64(), [Decimal("0.10")], [0.1]),
        (
            pa.decimal128(5, 2),
            ["999.99", "1000", "1.005", "1.500", "-999.99", "1000.00"],
            [Decimal("999.99"), Unreadable, Unreadable, Decimal("1.5"), Decimal("-999.99"), Unreadable],
        ),
        (
            pa.decimal128(2, 2),
            ["0.25", "1", "00.5", "-.99"],
            [Decimal("0.25"), Unreadable, Decimal("0.5"), Decimal("-0.99")],
        ),
        (pa.decimal128(38, 2), ["9" * 36, "9" * 37], [Decimal("9" * 36), Unreadable]),
        (pa.decimal256(60, 2), ["9" * 58, "9" * 59], [Decimal("9" * 58), Unreadable]),
        (pa.decimal128(5, 2), [Decimal("1.5000"), Decimal("1.0050")], [Decimal("1.5"), Unreadable]),
        (pa.bool_(), ["1", "f", "Yes", "maybe"], [True, False, True, Unreadable]),
        (pa.bool_(), [0, 1, 2], [False, True, Unreadable]),
        (
            pa.date32(),
            ["2020-01-31", "2023-02-31", "31/01/2020", "2020-01-31 10:00"],
            [dt.date(2020, 1, 31), Unreadable, Unreadable, dt.date(2020, 1, 31)],
        ),
        (
            pa.timestamp("us"),
            ["2020-03-29 01:30", "2020-07-01T12:00Z", "x"],
            [dt.datetime(2020, 3, 29, 1, 30), dt.datetime(2020, 7, 1, 13), Unreadable],
        ),
        (pa.timestamp("us"), [dt.date(2020, 1, 31)], [dt.datetime(2020, 1, 31)]),
        (
            pa.timestamp("us", tz="UTC"),
            ["2020-03-29 01:30", "2020-07-01T12:00"],
            [Unreadable, dt.datetime(2020, 7, 1, 11, tzinfo=dt.UTC)],
        ),
        (
            pa.time64("us"),
            ["10:20", "10:20:30.5", "25:00", "10:20Z", " 08:00 ", "8:05:01", ":05"],
            [
                dt.time(10, 20),
                dt.time(10, 20, 30, 500000),
                Unreadable,
                Unreadable,
                dt.time(8),
                dt.time(8, 5, 1),
                Unreadable,
            ],
        ),
        (
            pa.time64("us"),
            [dt.timedelta(hours=5), dt.timedelta(days=1), dt.timedelta(-1)],
            [dt.time(5), Unreadable, Unreadable],
        ),
        (
            pa.duration("us"),
            ["1 02:03:04", "P1DT2H", "90", "soon"],
            [dt.timedelta(1, 7384), dt.timedelta(1, 7200), dt.timedelta(seconds=90), Unreadable],
        ),
        (pa.duration("us"), [dt.time(1, 30)], [dt.timedelta(hours=1, minutes=30)]),
        (
            pa.duration("us"),
            [pa.MonthDayNano((0, 2, 3000)), pa.MonthDayNano((1, 0, 0))],
            [dt.timedelta(2, 0, 3), Unreadable],
        ),
        (pa.binary(), ["é", b"\xff"], None),
    ],
)
def test_convert_reads_strictly(to, values, expected):
    if to == pa.binary():
        assert rows(convert(pa.array(["é"]), to, LONDON)) == ["é".encode()]
        assert rows(convert(pa.array([b"\xff"]), to, LONDON)) == [b"\xff"]
        return
    assert rows(convert(pa.array(values), to, LONDON)) == expected


def test_convert_to_naive_times_uses_the_projects_zone():
    aware = pa.array([dt.datetime(2020, 7, 1, 12)], pa.timestamp("us", tz="UTC"))
    assert rows(convert(aware, pa.timestamp("us"), LONDON)) == [dt.datetime(2020, 7, 1, 13)]


def test_convert_knows_no_other_target():
    with pytest.raises(TypeError, match="No field is declared as int8"):
        convert(pa.array([1]), pa.int8(), LONDON)


INSTANT = dt.datetime(2020, 7, 1, 12, 0, 0, 250000, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([42, -7, 0], pa.int16(), ["42", "-7", "0"]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        (
            [1.5, 1.0, 0.1 + 0.2, 1e300, 1e16, -0.0, float("nan")],
            pa.float64(),
            ["1.5", "1.0", "0.30000000000000004", "1e+300", "1e+16", "-0.0", "nan"],
        ),
        ([0.1, 1e20], pa.float32(), ["0.1", "1e+20"]),
        ([Decimal("1.50"), Decimal("-0.05")], pa.decimal128(5, 2), ["1.50", "-0.05"]),
        (
            [Decimal("1e-10"), Decimal(0), Decimal("123.5")],
            pa.decimal128(20, 10),
            ["0.0000000001", "0.0000000000", "123.5000000000"],
        ),
        ([Decimal("1e-30")], pa.decimal256(60, 30), ["0." + "0" * 29 + "1"]),
        ([True, False], pa.bool_(), ["true", "false"]),
        ([dt.date(1, 1, 1), dt.date(2020, 1, 31)], pa.date32(), ["0001-01-01", "2020-01-31"]),
        (
            [dt.datetime(2020, 1, 31, 10), dt.datetime(2020, 1, 31, 10, 0, 0, 5)],
            pa.timestamp("us"),
            ["2020-01-31T10:00:00", "2020-01-31T10:00:00.000005"],
        ),
        ([dt.datetime(2020, 1, 31, 10)], pa.timestamp("s"), ["2020-01-31T10:00:00"]),
        ([INSTANT], pa.timestamp("us", tz="UTC"), ["2020-07-01T12:00:00.250000+00:00"]),
        ([dt.time(1, 2, 3), dt.time(1, 2, 3, 4)], pa.time64("us"), ["01:02:03", "01:02:03.000004"]),
        ([dt.timedelta(1, 5)], pa.duration("us"), ["P1DT00H00M05S"]),
        (["é".encode(), b"\x00\xff", b""], pa.binary(), ["é", "\\x00ff", ""]),
        ([[1, 2]], pa.list_(pa.int64()), ["[1, 2]"]),
        ([{"a": "ü"}], None, ['{"a": "ü"}']),
        (["x", ""], pa.large_string(), ["x", ""]),
    ],
)
def test_as_text(values, kind, texts):
    array = pa.array([None, *values], kind)
    assert as_text(array).type == pa.string()
    assert as_text(array).to_pylist() == [None, *texts]
    assert as_text(array.slice(1)).to_pylist() == texts
    assert as_text(array.slice(0, 0)).to_pylist() == []


def test_uuids_are_written_as_such():
    one = uuid.UUID(int=1)
    assert as_text(pa.array([one.bytes, None], pa.uuid())).to_pylist() == [str(one), None]


def test_times_and_floats_are_written_as_python_writes_them():
    zone = ZoneInfo("UTC")
    times = [
        dt.datetime(year, 7, 1, 0, 0, 0, micro, tzinfo=zone)
        for year in (1, 1969, 2020, 9999)
        for micro in (0, 1, 120000)
    ]
    assert as_text(pa.array(times, pa.timestamp("us", tz="UTC"))).to_pylist() == [
        time.isoformat() for time in times
    ]
    floats = [1 / 3, 1e22, 1e-5, 123456789.123, 5e-324, float("inf")]
    assert as_text(pa.array(floats)).to_pylist() == list(map(repr, floats))


def test_concat_leaves_null_out():
    parts = [pa.array(["a", "b", None, None, ""]), pa.array([1, None, 2, None, None]), pa.nulls(5)]
    assert concat(parts, " ").to_pylist() == ["a 1", "b", "2", None, ""]
    assert concat(parts[:1], "-").to_pylist() == ["a", "b", None, None, ""]
    assert concat(parts[2:], "-").to_pylist() == [None] * 5
    assert concat([part.slice(1, 2) for part in parts], "").to_pylist() == ["b", "2"]
    assert concat([pa.array([1.0, 2.5]), pa.array([Decimal("1.50"), None])], "/").to_pylist() == [
        "1.0/1.50",
        "2.5",
    ]
