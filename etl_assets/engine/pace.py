"""How far a load has come, and how long it still takes.

The rows come first, and what closes a load last: checks of the target, its deferred constraints, the rejects
to be stored. So the time left is that of the rows left, at the pace of those done, and that of the closing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

CHECKING = 0.02
"""What checking the target takes for each row, as a part of what loading one takes."""
KEEPING_A_REJECT = 1.0
"""What storing a reject at the end takes, in rows loaded. `benchmarks/time_left.py` measures both."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a load has come at one moment."""

    done: int
    """Rows written, or rejected or skipped on the way."""
    rows: int
    rows_per_second: float
    """Of late; 0 where nothing is done yet."""
    seconds_left: float | None
    """None where nothing is done yet."""

    @property
    def percent(self) -> int:
        """Rounded down: all of them is 100, and nothing less."""
        return 100 * self.done // self.rows if self.rows else 100

    def __str__(self) -> str:
        text = f"{self.done} of {self.rows} done ({self.percent} percent), {self.rows_per_second:,.0f} rows/s"
        return text if self.seconds_left is None else f"{text}, {clock_time(self.seconds_left)} left"


class Pace:
    """Watches one load. Told by one thread; others may ask for the standing."""

    def __init__(
        self,
        rows: int,
        closing_seconds: float | None = None,
        *,
        stores_rejects: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the first of so many rows.

        Args:
            closing_seconds: what closing took in an earlier run; None where none is known.
            stores_rejects: at the end; a run without rollback has stored them by then.
        """
        self.rows = rows
        self.done = 0
        self._clock = clock
        self._began = self._moved = clock()
        self._closing_known = closing_seconds
        self._reject_weight = KEEPING_A_REJECT if stores_rejects else 0.0
        self._rejected = 0
        # Seconds and rows of each step, weighted by the square of the rows before it: what is late says most,
        # and the first step, which has waited for everything to start, says nothing.
        self._seconds = self._rows = 0.0
        self._end: float | None = None
        self._closing_since: float | None = None

    def advance(self, done: int, rejected: int, ahead: float = 0.0) -> None:
        """Take note that so many rows are done by now, so many of them rejected.

        Work on others has begun; `ahead` says how many rows it would have done.
        """
        now = self._clock()
        if done > self.done:
            weight = self.done**2
            self._seconds += weight * (now - self._moved)
            self._rows += weight * (done - self.done)
            self._moved, self.done, self._rejected = now, done, rejected
        if self.done:
            left = max(self.rows - self.done - ahead, 0)
            self._end = now + left * self._seconds_per_row + self._closing_seconds

    def close(self, done: int, rejected: int) -> None:
        """Take note that these were the rows: what follows closes the load."""
        self.advance(done, rejected)
        self._closing_since = self._clock()

    @property
    def closing_seconds(self) -> float | None:
        """How long closing has taken so far; None where it has not begun."""
        return None if self._closing_since is None else self._clock() - self._closing_since

    @property
    def standing(self) -> Standing:
        """How far it is now; between two steps only the time goes on."""
        left = None if self._end is None else max(self._end - self._clock(), 0.0)
        pace = self._seconds_per_row
        return Standing(self.done, self.rows, 1 / pace if pace else 0.0, left)

    @property
    def _seconds_per_row(self) -> float:
        if self._rows:
            return self._seconds / self._rows
        return (self._moved - self._began) / self.done if self.done else 0.0

    @property
    def _closing_seconds(self) -> float:
        if self._closing_known is not None:
            return self._closing_known
        rejected = self._rejected / self.done * self.rows if self.done else 0.0
        return self._seconds_per_row * (CHECKING * self.rows + self._reject_weight * rejected)


def clock_time(seconds: float) -> str:
    """Write seconds as a clock shows them: 0:05, 12:00, 1:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
