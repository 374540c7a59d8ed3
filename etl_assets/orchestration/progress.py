"""A run's progress as lines on the run's page in the UI."""

from __future__ import annotations

import logging

from ..engine.progress import Progress, Seldom, batch_line, last_line
from ..engine.report import TransformerReport

SHARE_BETWEEN_LINES = 0.02
"""Each line is a row in Dagster's storage: of a load of hours a line in a minute or two is enough."""


class EventLog:
    """Writes progress to the log of a Dagster run, a line a second at most."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._seldom = Seldom(growth=SHARE_BETWEEN_LINES)

    def started(self, report: TransformerReport, source: str, rows: int) -> None:
        self._log.info("Reading %d records from %s", rows, source)

    def note(self, report: TransformerReport, message: str) -> None:
        self._log.info(message)

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        if self._seldom.is_due():
            self._log.info(batch_line(report, number, rows))

    def finished(self, report: TransformerReport) -> None:
        """Say how far it came; the materialization, or the failure, says how it ended."""
        if (line := last_line(report)) is not None:
            self._log.info(line)


class Both:
    """Tells two listeners."""

    def __init__(self, one: Progress, other: Progress) -> None:
        self._listeners = (one, other)

    def started(self, report: TransformerReport, source: str, rows: int) -> None:
        for listener in self._listeners:
            listener.started(report, source, rows)

    def note(self, report: TransformerReport, message: str) -> None:
        for listener in self._listeners:
            listener.note(report, message)

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        for listener in self._listeners:
            listener.batch(report, number, rows)

    def finished(self, report: TransformerReport) -> None:
        for listener in self._listeners:
            listener.finished(report)
