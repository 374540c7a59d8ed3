"""Results of a run for people: progress while it goes, and what came of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from . import logs
from .engine.progress import Seldom, batch_line, last_line
from .engine.report import STAGES, RunReport, TransformerReport
from .screen import LINE_LENGTH, Screen

TOP_REASONS = 5
"""Reasons for rejects that are shown with an example; the log file has all."""
ROWS_FOR_EXAMPLES = 2_000

LOG_STYLES = {logging.DEBUG: "dim", logging.INFO: "dim", logging.WARNING: "yellow", logging.ERROR: "red"}
CHECK_STYLES = {logging.INFO: "", logging.WARNING: "yellow", logging.ERROR: "red"}


class RunConsole:
    """Tells people about a run: log lines as it goes, then what became of the rows.

    Listens to the run as its `Progress`. What it prints is in the log file too.
    """

    def __init__(self, screen: Screen, *, dry_run: bool, rollback: bool) -> None:
        self.screen = screen
        self.dry_run = dry_run
        self.rollback = rollback
        self.reports: dict[str, TransformerReport] = {}
        """All transformers that were heard of, also of a run that never returned a report."""
        self.running: TransformerReport | None = None
        self._seldom = Seldom()

    def show_log(self, line: str, level: int) -> None:
        """Show a log line; for `logs.attached`."""
        self.screen.line(line, LOG_STYLES.get(level, ""))

    # Progress

    def started(self, report: TransformerReport, source: str, rows: int) -> None:
        self._announce(report)
        log = logs.logger(report.label)
        log.info("Extracting data from %s", source)
        log.info("Found %d records to process", rows)
        self._seldom = Seldom()
        self.screen.start_bar(report.name, rows, report.pace)

    def note(self, report: TransformerReport, message: str) -> None:
        self._announce(report)
        logs.logger(report.label).info(message)

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        """Tell of the first batch, and then of one in a second; the others only who debugs."""
        self.screen.advance_bar(report.counts.read)
        level = logging.INFO if self._seldom.is_due() else logging.DEBUG
        logs.logger(report.label).log(level, batch_line(report, number, rows))

    def finished(self, report: TransformerReport) -> None:
        self.screen.end_bar()
        if report.status == "skipped":
            self.reports[report.name] = report
            self._say(f"Skipped {report.name!r}: {report.error}", report.label, "yellow", logging.WARNING)
            self.screen.line()
            return
        self._announce(report)
        self.running = None
        if (line := last_line(report)) is not None:
            logs.logger(report.label).info(line)
        self._log_reasons(report)
        if report.status == "failed":
            log = logs.logger(report.label)
            log.error(report.error, exc_info=report.exception if log.isEnabledFor(logging.DEBUG) else None)
        if report.status == "success" or report.counts.read:
            self._say(account(report, dry_run=self.dry_run, rollback=self.rollback), report.label)
            for line in reject_lines(report, self.screen.width):
                self.screen.line(line)
            for line, level in check_lines(report):
                self._say(line, report.label, CHECK_STYLES[level], level)
            for line in performance_lines(report):
                self._say(line, report.label)
        self.screen.line()

    # The run as a whole

    def begin(self) -> None:
        if self.dry_run:
            self._say(
                "Dry run: all of it is done and then rolled back; nothing will be written.", style="cyan"
            )
            self.screen.line()

    def end(self, report: RunReport) -> None:
        """Sum the run up; transformers that nobody has told of yet are told of first."""
        for one in report.transformers.values():
            if self.reports.get(one.name) is not one:
                self.finished(one)
        complete, total = summary_lines(report)
        self._say(complete, style="bold green" if report.succeeded else "bold red")
        self._say(total)
        if self.dry_run:
            self._say("Dry run: nothing was written.", style="cyan")
        bulb = "\N{ELECTRIC LIGHT BULB} " if self.screen.can_write("\N{ELECTRIC LIGHT BULB}") else ""
        for one in report.transformers.values():
            if advice := one.recommendations():
                self.screen.line()
                self.screen.line(f"{bulb}Recommendations for {one.name!r}:", "bold")
                for sentence in advice:
                    self.screen.line(f"  - {sentence}")

    def interruption(self) -> str:
        """Say in one line what an interruption has left behind."""
        if self.dry_run:
            return "Interrupted: this was a dry run, and nothing was written."
        if self.running is None:
            what = "no rows were being loaded, and nothing had to be rolled back."
        elif self.rollback:
            what = f"{self.running.name!r} was rolled back; nothing of it was kept."
        else:
            where = "goes on after them" if self.running.is_resumable else "starts at the beginning"
            what = (
                f"the last batch of {self.running.name!r} was rolled back; "
                f"whole batches before it were kept, and the next run {where}."
            )
        kept = [
            name for name, one in self.reports.items() if one is not self.running and one.status == "success"
        ]
        return f"Interrupted: {what}" + (f" Loaded before and kept: {', '.join(kept)}." if kept else "")

    def _announce(self, report: TransformerReport) -> None:
        """Say once that a transformer runs; a second attempt has a report of its own, and is said too."""
        if self.reports.get(report.name) is not report:
            self.reports[report.name] = self.running = report
            self._say(f"Running {report.name!r} transformer with enhanced features...", report.label, "bold")

    def _log_reasons(self, report: TransformerReport) -> None:
        log = logs.logger(report.label)
        if report.counts.rejected:
            log.warning("%d records rejected: %s", report.counts.rejected, _listed(report.reject_reasons))
        if report.counts.warnings:
            loaded = "would be loaded" if self.dry_run else "loaded"
            log.warning(
                "%d records %s with a warning: %s",
                report.counts.warnings,
                loaded,
                _listed(report.warning_reasons),
            )

    def _say(self, line: str, label: str = "", style: str = "", level: int = logging.INFO) -> None:
        """Print a line whatever the log level is, and log it to the file alone."""
        self.screen.line(line, style)
        log = logs.logger(label) if label else logging.getLogger(logs.NAME)
        log.log(level, line.strip(), extra=logs.PRINTED)


def account(report: TransformerReport, *, dry_run: bool, rollback: bool) -> str:
    """Say in one line what became of the rows; where the run succeeded, as a sum that adds up."""
    counts = report.counts
    if report.status == "success":
        created, updated = ("to create", "to update") if dry_run else ("created", "updated")
        line = (
            f"Records: {counts.read} read = {counts.created} {created} + {counts.updated} {updated} + "
            f"{counts.unchanged} unchanged + {counts.rejected} rejected + {counts.skipped} skipped"
        )
        return f"{line} ({counts.warnings} with warnings)" if counts.warnings else line
    line = f"Records: {counts.read} read before it failed, {counts.rejected} of them rejected"
    if rollback or dry_run:
        return f"{line}; nothing of it was kept"
    return f"{line}; {counts.created} created and {counts.updated} updated in whole batches were kept"


def reject_lines(report: TransformerReport, width: int = LINE_LENGTH) -> Iterator[str]:
    """Yield the commonest reasons for rejects, most rows first, each with the first row it met."""
    reasons = report.reject_reasons.most_common()
    if not reasons:
        return
    shown = TOP_REASONS if len(reasons) > TOP_REASONS + 1 else len(reasons)  # one more says more than a sum
    top = reasons[:shown]
    examples = _examples(report, {reason for reason, _ in top})
    digits = len(str(top[0][1]))
    longest = max(len(_readable(reason)) for reason, _ in top)
    yield "Rejected:"
    for reason, rows in top:
        line = f"  {rows:>{digits}}  {_readable(reason):<{longest}}  {examples.get(reason, '')}".rstrip()
        yield line if len(line) <= width else f"{line[: width - 3]}..."
    if rest := reasons[shown:]:
        yield f"  {sum(rows for _, rows in rest):>{digits}}  for {len(rest)} more reasons"


def check_lines(report: TransformerReport) -> Iterator[tuple[str, int]]:
    """Yield how many checks passed, and a line with its log level for each that did not."""
    failed = [check for check in report.checks if not check.passed]
    if report.checks:
        yield f"Checks: {len(report.checks) - len(failed)} of {len(report.checks)} passed", logging.INFO
    for check in failed:
        level = logging.ERROR if check.is_error else logging.WARNING
        yield f"  {check.severity:<7}  {check.name}: {check.description}", level


def performance_lines(report: TransformerReport) -> Iterator[str]:
    """Yield the mean time of each stage for one batch."""
    yield "Performance Summary:"
    for stage in STAGES:
        batches = report.stages.batches[stage]
        mean = report.stages.seconds[stage] / batches if batches else 0.0
        yield f"  {stage}: {mean:.3f}s avg ({batches} times)"


def summary_lines(report: RunReport) -> tuple[str, str]:
    """Return how the run ended, and how many rows it read."""
    ended = f"{report.count('success')} successful, {report.count('failed')} failed"
    if skipped := report.count("skipped"):
        ended += f", {skipped} skipped"
    return (
        f"Enhanced ETL migration complete in {report.duration_seconds:.2f}s: {ended}",
        f"Total records processed: {report.total_records}",
    )


def _examples(report: TransformerReport, reasons: set[str]) -> dict[str, str]:
    """Find the first reject of each reason among the first rows; the rest would take long to read."""
    found: dict[str, str] = {}
    for row in islice(report.rejects or (), ROWS_FOR_EXAMPLES):
        reason = f"{row.field}:{row.code}"
        if reason in reasons and reason not in found:
            found[reason] = f"legacy row {row.legacy_key}: {row.reason.removeprefix(f'{row.field}: ')}"
            if len(found) == len(reasons):
                break
    return found


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{rows} {_readable(reason)}" for reason, rows in reasons.most_common())


def _readable(reason: str) -> str:
    """A reason that is about no single field goes by its code alone."""
    return reason.removeprefix(":")
