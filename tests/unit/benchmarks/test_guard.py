"""`make bench-quick`: which ratios pass, and which do not."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.quick import compare, ratios_of
from benchmarks.results import Part, Run

RECORDED: dict[str, Any] = {"rows": 1000, "ratios": {"sqlite-postgresql": 8.0}}


def run(contender: str, number: int, seconds: float, outcome: str = "right") -> Run:
    return Run(
        job="patients",
        rows=1000,
        bad=0.02,
        route="sqlite-postgresql",
        situation="empty",
        batch_size=None,
        contender=contender,
        number=number,
        outcome=outcome,
        detail="one row is missing" if outcome == "wrong" else "",
        seconds=seconds,
    )


def test_neighbours_in_time_are_divided_by_each_other() -> None:
    # The second round ran while somebody else used the machine.
    rounds = [(8.0, 1.0), (36.0, 4.0), (10.0, 1.0)]
    runs = [
        run(name, number, seconds)
        for number, pair in enumerate(rounds)
        for name, seconds in zip(("django_loop", "engine"), pair, strict=True)
    ]

    assert ratios_of(Part({}, runs)) == {"sqlite-postgresql": 9.0}


def test_a_contender_that_is_not_right_ends_the_comparison() -> None:
    runs = [run("django_loop", 1, 8.0), run("engine", 1, 1.0, "wrong")]

    with pytest.raises(SystemExit, match=r"engine, sqlite-postgresql: wrong\. one row is missing"):
        ratios_of(Part({}, runs))


@pytest.mark.parametrize(("ratio", "passes"), [(9.0, True), (6.0, True), (5.99, False)])
def test_a_quarter_less_is_too_much(ratio: float, passes: bool) -> None:
    complaints = compare({"sqlite-postgresql": ratio}, RECORDED, 1000)

    assert (complaints == []) == passes


def test_ratios_of_other_sizes_are_not_compared() -> None:
    assert compare({"sqlite-postgresql": 9.0}, RECORDED, 500) == [
        "The recorded ratios are of 1,000 rows, not of 500: use --record first."
    ]
