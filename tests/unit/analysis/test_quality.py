"""The score: it adds up, and falls with every kind of dirt."""

from __future__ import annotations

import math

import pytest

from etl_assets.analysis.issues import Issue
from etl_assets.analysis.quality import DIMENSIONS, WEIGHTS, score


def found(code: str, count: int, column: str = "a") -> Issue:
    return Issue(code, column, count, "", "")


def test_a_clean_table_has_all_points() -> None:
    assert score(10, ["a", "b"], [found("candidate_key", 10)]) == (100, dict(WEIGHTS))


def test_no_rows_no_fault() -> None:
    assert score(0, ["a"], [found("null", 0)])[0] == 100


def test_the_formula() -> None:
    """Points = weight * (1 - mean of the square roots of the columns' dirty shares)."""
    total, points = score(100, ["a", "b"], [found("null", 4), found("empty", 5), found("orphan", 1, "b")])
    assert points["completeness"] == pytest.approx(30 * (1 - math.sqrt(0.09) / 2))
    assert points["validity"] == pytest.approx(30 * (1 - math.sqrt(0.01) / 2))
    assert total == pytest.approx(sum(points.values()))


@pytest.mark.parametrize("code", [code for codes in DIMENSIONS.values() for code in codes])
def test_every_kind_of_dirt_costs_points(code: str) -> None:
    assert score(1000, ["a", "b"], [found(code, 1)])[0] < 100


def test_more_dirt_costs_more_until_all_is_dirty() -> None:
    scores = [score(10, ["a"], [found("null", count)])[0] for count in range(11)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    assert score(10, ["a"], [found("null", 10), found("empty", 10)])[1]["completeness"] == 0
