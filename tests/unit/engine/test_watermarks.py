"""Which value of a column is its newest, and where the next run begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from etl_assets.engine.watermarks import (
    Kind,
    NoWatermark,
    Overlap,
    beginning,
    comparable,
    default_overlap,
    newest,
)

NOW = dt.datetime(2024, 6, 15, 12)  # noqa: DTZ001 - UTC without saying so, as `newest` takes it
MINUTES, HOURS = dt.timedelta(minutes=1), dt.timedelta(hours=1)


def column(*values: str, order: Callable[[str], object] = str) -> Callable[[str | None], str | None]:
    """A column's largest value, as a database finds it."""

    def largest(below: str | None) -> str | None:
        found = [one for one in values if below is None or order(one) < order(below)]  # type: ignore[operator]
        return max(found, key=order, default=None)  # type: ignore[arg-type]

    return largest


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        ("number", ["9", "10", "-1"], "10"),
        ("number", ["1.5", "1.25"], "1.5"),
        ("date", ["2024-06-15", "2024-06-17", "9999-12-31"], "2024-06-15"),
        ("time", ["2024-06-15 23:59:59", "2024-06-16 12:00:01"], "2024-06-15 23:59:59"),
        ("time", ["2024-06-16 11:59:59.5"], "2024-06-16 11:59:59.5"),  # the old clock may be ahead of ours
        ("text", ["2024-06-15", "2024-12-31", "2031-01-01", "unknown"], "2024-06-15"),
        ("text", ["20240615120000", "20240617120000", "99991231235959"], "20240615120000"),
        ("text", ["2024-06-15T10:00:00Z", "2024-06-99T10:00:00Z", ""], "2024-06-15T10:00:00Z"),
        ("text", ["", "-", "unknown"], None),
        ("time", [], None),
        ("date", ["9999-12-31"], None),
    ],
)
def test_the_newest_is_the_largest_that_can_be_one(kind: Kind, values: list[str], found: str | None) -> None:
    order = Decimal if kind == "number" else str
    assert newest(kind, column(*values, order=order), NOW) == found


@pytest.mark.parametrize("values", [["13", "14", "15", "16", "17"], ["0a", "0b", "0c", "0d", "0e", ""]])
def test_a_column_of_other_texts_is_given_up(values: list[str]) -> None:
    with pytest.raises(NoWatermark) as caught:
        newest("text", column(*values), NOW)
    assert caught.value.args[0] == values[0]


def test_numbers_that_are_none_are_passed_over() -> None:
    above = iter(["NaN", "Infinity", "7"])

    assert newest("number", lambda _: next(above), NOW) == "7"


@pytest.mark.parametrize(
    ("kind", "value", "overlap", "since"),
    [
        ("number", "30", 0, "30"),
        ("number", "30", 7, "23"),
        ("number", "9007199254740993", 1, "9007199254740992"),
        ("number", "0.3", 0.1, "0.2"),
        ("date", "2024-03-01", dt.timedelta(days=1), "2024-02-29"),
        ("date", "2024-03-01", 2 * HOURS, "2024-02-29"),
        ("time", "2024-01-01 01:30:00", 2 * HOURS, "2023-12-31 23:30:00"),
        ("time", "2024-01-01 01:30:00.25", HOURS, "2024-01-01 00:30:00.250000"),
        ("instant", "2024-01-01 01:30:00+00", 15 * MINUTES, "2024-01-01 01:15:00"),
        ("time", "0001-01-01 01:30:00", 2 * HOURS, "0001-01-01 00:00:00"),
        ("text", "2024-01-01 01:30:00.25", HOURS, "2024-01-01 00:30:00"),
        ("text", "2024-01-01T01:30:00Z", HOURS, "2024-01-01 00:30:00"),
        ("text", "2024-01-01", dt.timedelta(days=1), "2023-12-31"),
        ("text", "20240101", dt.timedelta(days=1), "20231231"),
        ("text", "202401010130", 2 * HOURS, "202312312330"),
        ("text", "20240101013000", 2 * HOURS, "20231231233000"),
        ("text", "2024-01-01T01:30:00+02:00", dt.timedelta(0), "2024-01-01T01:30:00+02:00"),
    ],
)
def test_a_run_begins_an_overlap_earlier(kind: Kind, value: str, overlap: Overlap, since: str) -> None:
    assert beginning(kind, value, overlap) == since


@pytest.mark.parametrize(("kind", "value", "overlap"), [("number", "7", HOURS), ("date", "2024-01-01", 0)])
def test_an_overlap_counts_what_the_watermark_counts(kind: Kind, value: str, overlap: Overlap) -> None:
    with pytest.raises(TypeError):
        beginning(kind, value, overlap)


@pytest.mark.parametrize(
    ("kind", "value", "overlap"),
    [
        ("number", "7", 0),
        ("date", "2024-01-01", 24 * HOURS),
        ("time", "2024-01-01 00:00:00", 2 * HOURS),
        ("instant", "2024-01-01 00:00:00+00", 15 * MINUTES),
        ("text", "2024-01-01 00:00", 2 * HOURS),
        ("text", "20240101", 24 * HOURS),
    ],
)
def test_the_overlap_follows_from_the_type(kind: Kind, value: str, overlap: Overlap) -> None:
    assert default_overlap(kind, value) == overlap


@pytest.mark.parametrize("text", ["", "17", "2024", "2024-13-01", "01/02/2024", "infinity", "2024-01-01x"])
def test_no_time_is_made_of_other_texts(text: str) -> None:
    assert comparable("text", text) is None
