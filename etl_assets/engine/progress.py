"""What a run tells while it goes. The engine calls; terminals, logs and Dagster listen."""

from __future__ import annotations

from typing import Protocol

from .report import TransformerReport


class Progress(Protocol):
    """Listener to a run."""

    def started(self, report: TransformerReport, source: str, rows: int) -> None:
        """A transformer begins; `rows` of `source` are to be read."""

    def note(self, report: TransformerReport, message: str) -> None:
        """Something a person should know, such as where a run goes on."""

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        """Batch `number` (from 1) with `rows` rows is about to be processed."""

    def finished(self, report: TransformerReport) -> None:
        """The transformer has ended, one way or the other."""


class Silent:
    """Listens to nothing."""

    def started(self, report: TransformerReport, source: str, rows: int) -> None: ...

    def note(self, report: TransformerReport, message: str) -> None: ...

    def batch(self, report: TransformerReport, number: int, rows: int) -> None: ...

    def finished(self, report: TransformerReport) -> None: ...
