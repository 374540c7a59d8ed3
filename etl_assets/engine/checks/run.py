"""All checks of one transformer in one run, as the load goes by."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa

from ..batch import Batch
from ..sources import Reader
from .counts import Offenders, rejected_share, rows_accounted_for
from .declared import NULL_SHARE, linked_fields
from .kept import figures_of_last_success, rejected_before
from .matching import Matching, rejected_in, spread
from .result import CheckResult, Severity
from .sample import LoadedSample
from .table import ROWS, TargetTable

if TYPE_CHECKING:
    from ..load import Load

MOST_DOUBTS = 1_000


class RunChecks:
    """Watches a load and judges at its end. What it finds goes into the load's report."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self._offenders = Offenders(load.plan, load.sensitive)
        self._sample: LoadedSample | None = None

    def begin(self, expected: int) -> None:
        """Prepare for so many rows."""
        options = self.load.options
        if options.match_rows is not None:
            self._sample = LoadedSample(options.match_rows, expected)

    def note_written(self, batch: Batch) -> None:
        """Take offenders and a few loaded rows from a batch that was written."""
        self._offenders.note(batch)
        if self._sample is not None:
            self._sample.offer(batch)

    def judge_counts(self, expected: int) -> None:
        """Judge what the run has counted; `expected` rows were to be read."""
        report, options = self.load.report, self.load.options
        report.checks = [
            rows_accounted_for(report.counts, expected),
            rejected_share(report.counts, options),
            *self._offenders.checks(report, options, self.load.resumed_rows),
        ]

    def judge_target(self, reader: Reader, expected: int) -> None:
        """Judge what is in the target now, this run's rows among it, and count its rows on the way."""
        meta, report = self.load.plan.meta, self.load.report
        table = TargetTable(self.load.plan, self.load.sensitive)
        nulls = table.null_share(figures_of_last_success(meta.name, NULL_SHARE))
        report.target_rows = int(nulls.figures[ROWS])
        report.checks += [nulls, table.keys_unique(self._severity)]
        if linked_fields(meta):
            report.checks.append(table.no_orphans())
        report.checks.append(self._matches_source(reader, expected))

    @property
    def _severity(self) -> Severity:
        return "error" if self.load.options.validation_mode == "strict" else "warning"

    def _matches_source(self, reader: Reader, expected: int) -> CheckResult:
        """Look for what was read and cleaned as the rows were loaded, or read everything once more."""
        matching = Matching(self.load.target, self.load.sensitive)
        if self._sample is not None:
            if self._sample.rows is not None:
                matching.look_for(self._sample.rows)
            matching.settle()
        else:
            for raw in spread(reader, reader.count(), None):
                matching.take(cleaned(self.load, reader.visible(raw)))
                if len(matching.doubts) > MOST_DOUBTS:
                    matching.settle(self._rejected)
            matching.settle(self._rejected)
        counts = self.load.report.counts
        rows = expected + self.load.resumed_rows if counts.source_rows is None else counts.source_rows
        return matching.result(rows, self._severity)

    def _rejected(self, wanted: Collection[tuple[str, str]]) -> set[str]:
        """Find the rows that this run has rejected, or the unfinished one that it went on after."""
        found = rejected_in(self.load.rejects)(wanted)
        if self.load.resumed_rows:
            found |= rejected_before(self.load.plan.meta.name, wanted)
        return found


def cleaned(load: Load, raw: pa.RecordBatch) -> Batch:
    """Carry out the transformer on some rows, beside the run and its stage times."""
    batch = Batch(raw, 0)
    load.transformation.clean(batch)
    load.transformation.check_rows(batch)
    load.rules.check(batch)
    return batch
