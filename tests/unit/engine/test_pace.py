"""How far a load is and how long it still takes, on a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from etl_assets.engine.pace import CHECKING, KEEPING_A_REJECT, Pace, clock_time

ROWS = 100_000


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def steps(
    pace: Pace, clock: Clock, size: int, seconds_of: Callable[[int], float], *, first: float = 0.0
) -> Iterator[int]:
    """Load it: yield the rows done after each batch; a row takes `seconds_of` those before it."""
    clock.now += first
    for done in range(0, pace.rows, size):
        clock.now += size * seconds_of(done)
        pace.advance(done + size, 0)
        yield done + size


def test_nothing_is_said_before_anything_is_done(clock):
    standing = Pace(ROWS, clock=clock).standing

    assert (standing.done, standing.rows, standing.percent) == (0, ROWS, 0)
    assert (standing.rows_per_second, standing.seconds_left) == (0, None)


@pytest.mark.parametrize("size", [100, 1_000, 10_000])
@pytest.mark.parametrize("first", [0.0, 3.0], ids=["at once", "slow start"])
@pytest.mark.parametrize(("closing", "rejects"), [(0.0, 0), (5.0, 0), (40.0, 0)])
def test_a_uniform_loads_time_left_is_within_a_fifth_after_a_tenth(clock, size, first, closing, rejects):
    """The rows take 100 seconds; how long closing takes is known from the run before."""
    pace = Pace(ROWS, closing, clock=clock)
    for done in steps(pace, clock, size, lambda _: 0.001, first=first):
        if done >= max(ROWS // 10, 2 * size):
            truth = (ROWS - done) * 0.001 + closing
            assert pace.standing.seconds_left == pytest.approx(truth, rel=0.2)
            assert pace.standing.rows_per_second == pytest.approx(1_000)


def test_what_closes_a_first_run_is_reckoned_from_its_rows_and_rejects(clock):
    pace = Pace(ROWS, clock=clock)
    clock.now += 10
    pace.advance(ROWS // 10, rejected=ROWS // 50)

    rows_left = ROWS * 9 / 10
    in_rows = CHECKING * ROWS + KEEPING_A_REJECT * ROWS / 5
    assert pace.standing.seconds_left == pytest.approx((rows_left + in_rows) * 0.001)


def test_rejects_that_are_stored_by_then_take_nothing_at_the_end(clock):
    pace = Pace(ROWS, clock=clock, stores_rejects=False)
    clock.now += 10
    pace.advance(ROWS // 10, rejected=ROWS // 50)

    assert pace.standing.seconds_left == pytest.approx(90 + CHECKING * 100)


def test_a_load_that_slows_down_is_reckoned_by_its_latest_rows(clock):
    """From half of it on a row takes three times as long: what a mean of all rows says is far off then."""
    pace = Pace(ROWS, 0.0, clock=clock)
    for done in steps(pace, clock, 1_000, lambda before: 0.001 if before < ROWS / 2 else 0.003):
        if done == 80_000:
            assert pace.standing.seconds_left == pytest.approx(60, rel=0.2)
    assert pace.standing.seconds_left == 0


def test_between_two_batches_the_time_left_goes_down_and_never_below_nothing(clock):
    pace = Pace(ROWS, 0.0, clock=clock)
    clock.now += 10
    pace.advance(ROWS // 10, 0)
    told = []
    for _ in range(3):
        told.append(pace.standing.seconds_left)
        clock.now += 40
    told.append(pace.standing.seconds_left)

    assert told == pytest.approx([90, 50, 10, 0])


def test_closing_is_counted_down_and_measured(clock):
    pace = Pace(ROWS, 20.0, clock=clock)
    assert pace.closing_seconds is None
    clock.now += 10
    pace.advance(ROWS // 2, 0)
    clock.now += 10
    pace.close(ROWS, 0)
    assert (pace.standing.percent, pace.standing.seconds_left) == (100, 20)
    clock.now += 15
    assert pace.standing.seconds_left == 5
    assert pace.closing_seconds == 15


def test_rows_that_are_read_and_cleaned_take_only_what_is_left_of_their_work(clock):
    pace = Pace(ROWS, 0.0, clock=clock)
    clock.now += 80
    pace.advance(80_000, 0, ahead=7_500)  # of 10,000 whose writing is a quarter of the work

    assert pace.standing.seconds_left == pytest.approx(12.5)
    assert pace.standing.percent == 80


def test_a_line_says_all_of_it(clock):
    pace = Pace(15_000, 5.0, clock=clock)
    clock.now += 0.5
    pace.advance(5_999, 0)

    assert str(pace.standing) == "5999 of 15000 done (39 percent), 11,998 rows/s, 0:06 left"


def test_no_rows_are_all_done(clock):
    pace = Pace(0, clock=clock)
    pace.close(0, 0)
    assert pace.standing.percent == 100
    assert pace.standing.seconds_left is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (5.4, "0:05"), (59.6, "1:00"), (720, "12:00"), (3_661, "1:01:01")]
)
def test_seconds_are_written_as_on_a_clock(seconds, text):
    assert clock_time(seconds) == text
