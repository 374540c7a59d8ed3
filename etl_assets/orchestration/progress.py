"""A run's progress as lines on the run's page in the UI."""

from __future__ import annotations

import logging
import time

from ..engine.progress import Progress
from ..engine.report import TransformerReport

SECONDS_BETWEEN_LINES = 5.0
"""Each line is a row in Dagster's storage, so batches are told only now and then."""


class EventLog:
    """Writes progress to the log of a Dagster run."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told = time.monotonic()

    def started(self, report: TransformerReport, source: str, rows: int) -> None:
        self._log.info("Reading %d records from %s", rows, source)

    def note(self, report: TransformerReport, message: str) -> None:
        self._log.info(message)

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        now = time.monotonic()
        if now - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            self._log.info("Processing batch %d, after %d records", number, report.counts.read)

    def finished(self, report: TransformerReport) -> None:
        """The materialization, or the failure, says how it ended."""


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
