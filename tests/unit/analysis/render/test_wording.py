from __future__ import annotations

from typing import Any

import pytest

from etl_assets.analysis.render import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (12, "12"),
        (0.1, "0.1"),
        ("plain ß", "plain ß"),
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("nul\x00", r"nul\x00"),
        ("\u202eback", r"\u202eback"),
        ("soft\u00adhyphen", r"soft\xadhyphen"),
        ("שלום", "שלום"),
        ([1, {"a": None}], '[1, {"a": null}]'),
    ],
)
def test_a_value_cannot_steer_what_shows_it(value: Any, text: str) -> None:
    assert wording.shown(value) == text


def test_a_long_value_is_cut() -> None:
    assert wording.shown("a" * 10, 10) == "a" * 10
    assert wording.shown("a" * 11, 10) == "a" * 9 + "…"


@pytest.mark.parametrize(
    ("value", "text"), [("", "''"), (" a", "' a'"), ("a", "a"), (None, "null"), (1, "1")]
)
def test_spaces_at_the_ends_are_seen(value: Any, text: str) -> None:
    assert wording.quoted(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0%"),
        (0.01, "<0.1%"),
        (12.34, "12.3%"),
        (50.0, "50%"),
        (99.99, ">99.9%"),
        (100, "100%"),
        (None, "-"),
    ],
)
def test_a_percentage_never_hides_a_row(value: float | None, text: str) -> None:
    assert wording.percent(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.004, "0.00 s"), (9.5, "9.50 s"), (59.94, "59.9 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min")],
)
def test_a_time_is_in_two_units(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999 bytes"), (1_500, "2 kB"), (512_000_000, "512 MB"), (2_500_000_000, "2.5 GB")],
)
def test_memory_is_in_a_readable_unit(count: int, text: str) -> None:
    assert wording.size(count) == text


def test_a_count_has_its_noun() -> None:
    assert [wording.plural(count, "batch", "batches") for count in (0, 1, 2_000)] == [
        "0 batches",
        "1 batch",
        "2,000 batches",
    ]
