# ruff: noqa: DTZ001 (times without a zone are what is read here)

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from django.db import models

from etl_assets.columns import NO_DEFAULT, col
from etl_assets.engine.verbs import constant

from .oracle import LONDON, NASTY_TEXTS, Unreadable, assert_reads, read_rows, rows, shapes, verb

x = col("x")


class Colour(models.TextChoices):
    RED = "r"


def test_map_looks_texts_up():
    table = {
        "A": "first",
        "": "nothing",
        "zZ": None,
        "straße": "street",
        "😀 emoji 👩\u200d👩\u200d👧 ": "smile",
    }

    def strict(text):
        if text not in table:
            raise Unreadable
        return table[text]

    assert_reads(x.map(table), NASTY_TEXTS, strict, pa.string())
    assert_reads(x.map(table, default="?"), NASTY_TEXTS, lambda text: table.get(text, "?"), pa.string())
    assert_reads(x.map(table, default=None), NASTY_TEXTS, table.get, pa.string())


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", "01", None], pa.string()),
        ([1, 2, 3, None], pa.int32()),
        ([1, 2, 3, None], pa.uint64()),
        ([1.0, 2.0, 1.5, None], pa.float64()),
        ([Decimal("1.00"), Decimal("2.00"), Decimal("1.50"), None], pa.decimal128(9, 2)),
    ],
)
def test_map_finds_by_value_and_by_text(values, kind):
    expected = [10, 20, Unreadable, None]
    assert rows(verb(x.map({1: 10, 2: 20}), pa.array(values, kind))) == expected


def test_map_finds_the_exact_key_first():
    assert rows(verb(x.map({"1": "text", 1: "number"}), pa.array(["1"]))) == ["text"]
    assert rows(verb(x.map({1: "number", "1": "text"}), pa.array(["1"]))) == ["text"]
    assert rows(verb(x.map({"1": "text", 1: "number"}), pa.array([1]))) == ["number"]
    assert rows(verb(x.map({"1": "text"}), pa.array([1]))) == ["text"]


def test_map_finds_booleans_by_themselves_only():
    assert rows(verb(x.map({True: "yes", False: "no"}), pa.array([True, False, None]))) == ["yes", "no", None]
    assert rows(verb(x.map({"true": "yes", "false": "no"}), pa.array([True, False]))) == ["yes", "no"]
    assert rows(verb(x.map({True: "yes"}), pa.array(["True", "true", "1"]))) == [Unreadable] * 3


def test_map_finds_dates_and_members():
    day = dt.date(2020, 1, 31)
    assert rows(verb(x.map({day: 1}), pa.array([day]))) == [1]
    assert rows(verb(x.map({day: 1}), pa.array(["2020-01-31"]))) == [1]
    assert rows(verb(x.map({"2020-01-31": 1}), pa.array([day]))) == [1]
    assert rows(verb(x.map({Colour.RED: 1}), pa.array(["r"]))) == [1]


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ({"a": 1, "b": 2}, pa.int64()),
        ({"a": 1, "b": 2.5}, pa.float64()),
        ({"a": Decimal("1.50"), "b": None}, pa.decimal128(3, 2)),
        ({"a": dt.date(2020, 1, 1), "b": dt.date(2021, 1, 1)}, pa.date32()),
        ({"a": True, "b": False}, pa.bool_()),
        ({"a": "x", "b": 1}, pa.string()),
        ({"a": True, "b": 1}, pa.string()),
        ({"a": dt.date(2020, 1, 1), "b": dt.datetime(2021, 1, 1, 12)}, pa.string()),
        ({"a": {"k": 1}, "b": [1]}, pa.string()),
    ],
)
def test_map_gives_the_type_of_what_it_maps_to(table, kind):
    for array in (pa.array(["a", "b", None]), pa.nulls(3), pa.array([], pa.string())):
        assert verb(x.map(table), array).values.type == kind


def test_mixed_values_are_written_as_text():
    table = {
        "a": True,
        "b": 1,
        "c": 1.5,
        "d": Decimal("1.50"),
        "e": dt.date(2020, 1, 1),
        "f": {"k": "ü"},
        "g": None,
    }
    assert rows(verb(x.map(table), pa.array(list("abcdefg")))) == [
        "true",
        "1",
        "1.5",
        "1.50",
        "2020-01-01",
        '{"k": "ü"}',
        None,
    ]


def test_null_if_compares_by_value_and_by_text():
    listed = ("N/A", "-", "", 0, Decimal("1.5"))
    array = pa.array(["N/A", "n/a", "-", "", " ", "0", "00", "1.5", None])
    assert rows(verb(x.null_if(*listed), array)) == [None, "n/a", None, None, " ", None, "00", None, None]
    assert rows(verb(x.null_if("0", 7), pa.array([0, 7, 1]))) == [None, None, 1]
    assert rows(verb(x.null_if(0.1), pa.array([Decimal("0.10"), Decimal("0.20")]))) == [None, Decimal("0.20")]
    assert rows(verb(x.null_if("nan"), pa.array([float("nan"), 1.0]))) == [None, 1.0]


def test_null_if_leaves_every_other_text_alone():
    listed = ("N/A", "A", "", 7)
    read = lambda text: None if text in ("N/A", "A", "", "7") else text  # noqa: E731
    texts = [*NASTY_TEXTS, "N/A", "7"]
    for array in shapes(texts):
        assert rows(verb(x.null_if(*listed), array)) == read_rows(read, texts)


def test_null_if_keeps_the_type():
    for array in (
        pa.array([1, None]),
        pa.array([], pa.date32()),
        pa.array([dt.date(2020, 1, 1)]),
        pa.nulls(2),
    ):
        assert verb(x.null_if("x", 1), array).values.type == array.type


def test_null_if_finds_times_however_they_are_written():
    naive = pa.array([dt.datetime(1900, 1, 1), dt.datetime(2020, 7, 1, 12)])
    for listed in (
        "1900-01-01 00:00:00",
        "1900-01-01T00:00:00",
        "1900-01-01",
        dt.date(1900, 1, 1),
        dt.datetime(1900, 1, 1),
    ):
        assert rows(verb(x.null_if(listed), naive)) == [None, dt.datetime(2020, 7, 1, 12)]
    aware = naive.cast(pa.timestamp("us", tz="UTC"))
    for listed in ("2020-07-01 13:00:00", "2020-07-01T12:00:00Z", dt.datetime(2020, 7, 1, 12, tzinfo=dt.UTC)):
        assert rows(verb(x.null_if(listed), aware, LONDON))[1] is None


def test_lookups_survive_times_beyond_python():
    times = pa.array([2**63 - 1, 0], pa.int64()).cast(pa.timestamp("us"))
    assert verb(x.null_if("1970-01-01"), times).values.is_null().to_pylist() == [False, True]


@pytest.mark.parametrize(
    ("values", "kind", "value", "expected"),
    [
        (["a", None], pa.string(), "x", ["a", "x"]),
        (["a", None], pa.string(), 0, ["a", "0"]),
        ([1, None], pa.int32(), 5, [1, 5]),
        ([1, None], pa.int64(), "5", [1, 5]),
        ([1, None], pa.int64(), "none", ["1", "none"]),
        ([1, None], pa.int64(), "", ["1", ""]),
        ([1.5, None], pa.float64(), 0, [1.5, 0.0]),
        ([True, None], pa.bool_(), False, [True, False]),
        ([Decimal("1.50"), None], pa.decimal128(9, 2), 0, [Decimal("1.50"), Decimal(0)]),
        ([Decimal("1.50"), None], pa.decimal128(9, 2), Decimal("0.001"), ["1.50", "0.001"]),
        ([dt.date(2020, 1, 1), None], pa.date32(), "1900-01-01", [dt.date(2020, 1, 1), dt.date(1900, 1, 1)]),
        (
            [dt.date(2020, 1, 1), None],
            pa.date32(),
            dt.date(1900, 1, 1),
            [dt.date(2020, 1, 1), dt.date(1900, 1, 1)],
        ),
        ([dt.date(2020, 1, 1), None], pa.date32(), "never", ["2020-01-01", "never"]),
        ([2**63, None], pa.uint64(), 1, ["9223372036854775808", "1"]),
        ([None, None], pa.null(), 7, [7, 7]),
        ([None, None], pa.null(), None, [None, None]),
        ([1, None], pa.int64(), None, [1, None]),
    ],
)
def test_default_fills_null(values, kind, value, expected):
    assert rows(verb(x.default(value), pa.array(values, kind))) == expected


def test_apply_calls_once_per_distinct_value_and_never_for_null():
    seen = []

    def double(value):
        seen.append(value)
        return value * 2

    assert rows(verb(x.apply(double), pa.array(["a", None, "b", "a", None]))) == [
        "aa",
        None,
        "bb",
        "aa",
        None,
    ]
    assert sorted(seen) == ["a", "b"]


def test_apply_gives_natural_values_and_takes_any_result():
    day = dt.date(2020, 1, 31)
    seen: list[object] = []
    for array in (
        pa.array([day]),
        pa.array([Decimal("1.50")]),
        pa.array([7], pa.int16()),
        pa.array([1.5], pa.float32()),
    ):
        verb(x.apply(seen.append), array)
    assert seen == [day, Decimal("1.50"), 7, 1.5]
    assert rows(verb(x.apply({"a": 1, "b": "x"}.get), pa.array(["a", "b", "c"]))) == ["1", "x", None]
    one = uuid.UUID(int=1)
    assert rows(verb(x.apply(lambda value: one), pa.array(["a"]))) == [str(one)]
    assert rows(verb(x.apply(len), pa.array([[1, 2], None, [3]]))) == [2, None, 1]


def test_apply_rejects_what_raises():
    def picky(value):
        if value == "b":
            raise KeyError(value)
        return "\ud800" if value == "c" else value

    assert rows(verb(x.apply(picky), pa.array(["a", "b", "c", None]))) == ["a", Unreadable, Unreadable, None]


def test_apply_lets_a_stop_through():
    def stop(value):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verb(x.apply(stop), pa.array(["a"]))


@pytest.mark.parametrize(
    "value", ["x", 1, 1.5, True, dt.date(2020, 1, 1), None, Decimal("1.50"), b"x", dt.timedelta(1)]
)
def test_constant(value):
    assert constant(value, 3).to_pylist() == [value] * 3
    assert constant(value, 0).to_pylist() == []


def test_no_default_is_not_none():
    assert x.map({"a": 1}).steps[-1].arguments["default"] is NO_DEFAULT
