"""What a run tells while it goes. The engine calls; terminals, logs and Dagster listen.

All calls come from the thread that the run began in. `report.pace` says how far the load is: the rows that
are done are those written, while the batch that is told of is on its way.
"""

from __future__ import annotations

import time
from typing import Protocol

from .report import TransformerReport


class Progress(Protocol):
    """Listener to a run."""

    def started(self, report: TransformerReport, source: str, rows: int) -> None:
        """A transformer begins; `rows` of `source` are to be read."""

    def note(self, report: TransformerReport, message: str) -> None:
        """Something a person should know, such as where a run goes on."""

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        """Batch `number` (from 1) with `rows` rows is being written; those before it are."""

    def finished(self, report: TransformerReport) -> None:
        """The transformer has ended, one way or the other."""


class Silent:
    """Listens to nothing."""

    def started(self, report: TransformerReport, source: str, rows: int) -> None: ...

    def note(self, report: TransformerReport, message: str) -> None: ...

    def batch(self, report: TransformerReport, number: int, rows: int) -> None: ...

    def finished(self, report: TransformerReport) -> None: ...


class Seldom:
    """Lets a line pass now and then, however often somebody has something to say."""

    def __init__(self, seconds: float = 1.0, *, growth: float = 0.0) -> None:
        """Keep at least so many seconds between two lines, and of all the time so far the share `growth`."""
        self._seconds = seconds
        self._growth = growth
        self._began = time.monotonic()
        self._told: float | None = None

    def is_due(self) -> bool:
        """Tell whether a line may pass; if so, the next one waits."""
        now = time.monotonic()
        gap = max(self._seconds, self._growth * (now - self._began))
        if self._told is not None and now - self._told < gap:
            return False
        self._told = now
        return True


def batch_line(report: TransformerReport, number: int, rows: int) -> str:
    """Name a batch, and after the first one say how far the load is."""
    line = f"Processing batch {number} ({rows} records)"
    return f"{line}: {report.pace.standing}" if report.pace is not None and report.pace.done else line


def last_line(report: TransformerReport) -> str | None:
    """Say how far the load came in the end, and how fast it was; None where no row was read."""
    pace = report.pace
    if pace is None or not pace.done:
        return None
    speed = f", {report.rows_per_second:,.0f} rows/s" if report.duration_seconds else ""
    return f"Processed {pace.done} of {pace.rows} records ({pace.standing.percent} percent){speed}"
