"""VALIDATION_MODE and MAX_REJECTED."""

from __future__ import annotations

from typing import Any

import pytest

from etl_assets import Transformer, col, key, link, rule
from etl_assets.exceptions import TooManyRejects
from tests.databases import Pair
from tests.integration.old import FAST, TO_EACH, Plains, old
from tests.legacy import (
    attempt,
    configured,
    counts,
    load,
    loaded,
    make_table,
    rejected,
)
from tests.targets.models import (
    Place,
    Plain,
    Strict,
    Visitor,
)


class Stricts(Transformer):
    class Meta:
        source = "old_strict"
        model = Strict
        name = "stricts"

    legacy_id = key("id")
    title = col("title").matches("[a-z]*")
    note = col("note").length(0, 2, severity="warning")
    colour = col("colour")
    score = col("score")

    @rule("scores too much")
    def low(self, rows):
        return rows["score"] < 100


STRICT = {"id": "integer", **dict.fromkeys(("title", "note", "colour", "score"), "text")}
STRICT_ROWS = [
    (1, "a", "", "red", "1"),
    (2, "B", "", "red", "1"),  # breaks a field rule
    (3, "c", "", "green", "1"),  # breaks the choices
    (4, "d", "", "red", "100"),  # breaks a row rule
    (5, "e", "", "red", "x"),  # unreadable, and may be null
    (6, None, "", "red", "1"),  # cannot be stored
    (7, "toolong", "", "red", "1"),  # cannot be stored
    (8, "h", "abc", "red", "1"),  # warned of in any mode
    (9, "I", "abc", "green", "y"),  # several warnings, one row
]


@TO_EACH
def test_warning_only_rejects_only_what_cannot_be_stored(pair: Pair):
    make_table("old_strict", STRICT, STRICT_ROWS, primary_key="id")

    lenient = load(Stricts)
    assert sorted(loaded(Strict, "legacy_id", "title")) == [1, 8]
    assert lenient.counts.warnings == 1

    report = load(Stricts, validation=False)

    assert rejected(report) == [("6", "title", "null"), ("7", "title", "max_length")]
    assert loaded(Strict, "legacy_id", "title", "colour", "score") == {
        1: ("a", "red", 1),
        2: ("B", "red", 1),
        3: ("c", "green", 1),
        4: ("d", "red", 100),
        5: ("e", "red", None),
        8: ("h", "red", 1),
        9: ("I", "green", None),
    }
    assert counts(report) == (9, 5, 0, 2, 2, 0)
    assert report.counts.warnings == 6
    with configured(VALIDATION_MODE="warning_only"):
        assert load(Stricts).counts.warnings == 6
        assert load(Stricts, validation=True).counts.rejected == 7
    with configured(ENABLE_VALIDATION=False):
        assert load(Stricts).counts.rejected == 2


@FAST
def test_warning_only_still_rejects_an_unreadable_required_value_a_link_and_a_taken_value(pair: Pair):
    class Places(Transformer):
        class Meta:
            source = "old_places"
            model = Place
            name = "places"

        legacy_id = key("id").integer()
        code = col("code")

    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", "place")

    make_table("old_places", {"id": "text", "code": "text"}, [("1", "A"), ("2", "A"), ("x", "B")])
    make_table("old_visitors", {"id": "integer", "place": "text"}, [(1, "1"), (2, "7")])

    assert rejected(load(Places, validation=False))[0] == ("2", "code", "unique")
    assert [key for key, _, _ in rejected(load(Places, validation=False))] == ["2", "x"]
    assert rejected(load(Visitors, Places, validation=False)) == [("2", "place", "link")]


@TO_EACH
def test_one_reject_fails_a_strict_run(pair: Pair):
    make_table("old_strict", STRICT, STRICT_ROWS[:2], primary_key="id")
    with configured(VALIDATION_MODE="strict"):
        report = attempt(Stricts)
        assert isinstance(report.exception, TooManyRejects)
        assert Strict.objects.count() == 0
        make_table("old_strict", STRICT, [STRICT_ROWS[0], STRICT_ROWS[7]], primary_key="id")
        assert counts(load(Stricts)) == (2, 2, 0, 0, 0, 0)  # warnings are no rejects


@FAST
@pytest.mark.parametrize("rollback", [True, False])
@pytest.mark.parametrize(
    ("limit", "fails"), [(1, True), (2, False), ("19%", True), ("20%", False), (None, False), ("0%", True)]
)
def test_max_rejected_is_a_count_or_a_share_of_the_whole(pair: Pair, limit: Any, fails: bool, rollback: bool):
    old(*[(f"k{n}", "x" * (31 if n < 2 else 1), n) for n in range(10)])
    with configured(MAX_REJECTED=limit):
        report = attempt(Plains, batch_size=2, rollback=rollback)

    assert (report.status == "failed") is fails
    if not fails:
        assert counts(report) == (10, 8, 0, 0, 2, 0)
    elif rollback:
        assert Plain.objects.count() == 0
    elif isinstance(limit, str):  # known at the end only: the next run must not find nothing left to read
        assert attempt(Plains, batch_size=2).counts.read == 10
