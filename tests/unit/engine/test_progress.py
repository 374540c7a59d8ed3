"""How often a run speaks, and in which words."""

from __future__ import annotations

from itertools import pairwise

import pytest

from etl_assets.engine import progress
from etl_assets.engine.pace import Pace
from etl_assets.engine.progress import Seldom, batch_line, last_line
from etl_assets.engine.report import TransformerReport


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def told(clock: Clock, seldom: Seldom, times: list[float]) -> list[float]:
    """The times at which a line may pass."""
    passed = []
    for now in times:
        clock.now = 100 + now
        if seldom.is_due():
            passed.append(now)
    return passed


def test_a_thousand_batches_a_second_make_a_line_a_second(clock):
    times = [number / 1_024 for number in range(5 * 1_024)]
    assert told(clock, Seldom(), times) == [0, 1, 2, 3, 4]


def test_a_long_load_speaks_less_and_less(clock):
    lines = told(clock, Seldom(growth=0.02), [number / 4 for number in range(4 * 7_200)])

    gaps = [later - before for before, later in pairwise(lines)]
    assert gaps[:40] == [1.0] * 40
    assert 120 < gaps[-1] < 150
    assert len(lines) < 350


def test_the_first_batch_is_named_as_ever_and_later_ones_say_how_far_it_is():
    report = TransformerReport("patients")
    assert batch_line(report, 1, 1_000) == "Processing batch 1 (1000 records)"
    now = [0.0]
    report.pace = Pace(15_000, 1.0, clock=lambda: now[0])
    assert batch_line(report, 1, 1_000) == "Processing batch 1 (1000 records)"
    now[0] = 2.0
    report.pace.advance(5_000, 0)
    assert batch_line(report, 6, 1_000) == (
        "Processing batch 6 (1000 records): 5000 of 15000 done (33 percent), 2,500 rows/s, 0:05 left"
    )


def test_the_last_line_says_how_far_it_came():
    report = TransformerReport("patients")
    assert last_line(report) is None
    report.pace = Pace(15_000)
    assert last_line(report) is None
    report.pace.advance(3_000, 0)
    report.counts.read, report.duration_seconds = 3_000, 1.5
    assert last_line(report) == "Processed 3000 of 15000 records (20 percent), 2,000 rows/s"
