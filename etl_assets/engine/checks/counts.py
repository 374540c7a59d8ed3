"""Checks of the run's own counts: nothing is asked of a database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import numpy as np

from ...conf import RejectLimit
from ...exceptions import Unbalanced
from ..batch import Batch
from ..options import RunOptions
from ..plan import Plan
from ..reconcile import check_balance
from ..report import Counts, TransformerReport
from .declared import REJECTED_SHARE, ROWS_ACCOUNTED_FOR, rule_check
from .result import MASK, SAMPLES, CheckResult, Severity, counted, hidden_fields, percent


def rows_accounted_for(counts: Counts, expected: int) -> CheckResult:
    """Every row of the source was read, and ended in exactly one place."""
    try:
        check_balance(counts, expected)
    except Unbalanced as error:
        found, passed = str(error).removesuffix("."), False
    else:
        found, passed = f"{counted(counts.read, 'row')} read, and each accounted for", True
    figures = {"expected": expected, "read": counts.read, "ended": counts.ended}
    return CheckResult(ROWS_ACCOUNTED_FOR, passed, found, figures=figures)


def rejected_share(counts: Counts, options: RunOptions) -> CheckResult:
    """No row was rejected; in strict mode, or above MAX_REJECTED, that is an error.

    A run that reads what is new reads all rows with open rejects again, so that its share is one of all rows.
    """
    share = percent(counts.rejected, counts.judged)
    limit = options.reject_limit
    figures = {"rejected": counts.rejected, **_rows_read(counts), "rejected_percent": share}
    if limit is not None:
        figures["limit"] = str(limit)
    rows = counted(counts.judged, "row")
    found = f"{counts.rejected} of {rows} were rejected ({share:.2f}%)"
    if not counts.rejected:
        found = f"None of {rows} was rejected"
    if counts.source_rows is not None:
        found += f"; this run read {counts.read} of them"
    return CheckResult(
        REJECTED_SHARE, not counts.rejected, found, _severity(counts, options, limit), figures=figures
    )


def _rows_read(counts: Counts) -> dict[str, float | str]:
    if counts.source_rows is None:
        return {"read": counts.read}
    return {"read": counts.read, "source_rows": counts.source_rows}


def _severity(counts: Counts, options: RunOptions, limit: RejectLimit | None) -> Severity:
    if options.validation_mode == "strict":
        return "error"
    return "warning" if limit is None or limit.allows(counts.rejected, counts.judged) else "error"


class Offenders:
    """Keeps the legacy keys of the first rows that each `@rule` found fault with."""

    def __init__(self, plan: Plan, sensitive: Collection[str]) -> None:
        self._rules = {rule.name: rule for rule in plan.meta.rules}
        self._keys: dict[str, list[str]] = {name: [] for name in self._rules}
        self._hides_keys = not hidden_fields(plan, sensitive).isdisjoint(plan.meta.key_fields)

    def note(self, batch: Batch) -> None:
        """Take them from a batch whose rows have been loaded or rejected."""
        for name, keys in self._keys.items():
            if len(keys) < SAMPLES and (":" + name in batch.warnings or batch.rejections):
                found = [batch.legacy_key(row) for row in self._rows(batch, name)]
                keys += found[: SAMPLES - len(keys)]

    def _rows(self, batch: Batch, name: str) -> Iterable[int]:
        for rejection in batch.rejections:
            if rejection.code == name and not rejection.field:
                yield rejection.position
        warned = batch.warnings.get(f":{name}")
        if warned is not None:
            yield from np.asarray(batch.rows[warned[batch.rows]][:SAMPLES]).tolist()

    def checks(
        self, report: TransformerReport, options: RunOptions, resumed_rows: int
    ) -> Iterator[CheckResult]:
        """Give a result for each rule, of the rows that this run has read.

        What its author calls a warning stays one: the row is loaded in strict mode too.

        Args:
            resumed_rows: those that an unfinished run has loaded, after which this one went on.
        """
        rows, rest = _judged_rows(report.counts, resumed_rows)
        usual = _severity(report.counts, options, options.reject_limit)
        for name, rule in self._rules.items():
            code = f":{name}"
            rejected, warned = report.reject_reasons[code], report.warning_reasons[code]
            offenders = rejected + warned
            keys = [MASK] * len(self._keys[name]) if self._hides_keys else self._keys[name]
            yield CheckResult(
                rule_check(rule),
                offenders == 0,
                (f"{offenders} of {rows}: " if offenders else f"None of {rows} ") + rule.reason + rest,
                "warning" if rule.severity == "warning" else usual,
                figures={
                    "offenders": offenders,
                    "rejected": rejected,
                    "loaded_with_warning": warned,
                    **_rows_read(report.counts),
                },
                samples=[{"legacy_key": key} for key in keys],
            )


def _judged_rows(counts: Counts, resumed_rows: int) -> tuple[str, str]:
    """Name the rows that a run has judged, and say what of those that it has not."""
    rows = counted(counts.read, "row")
    if counts.source_rows is not None:
        others = counted(counts.source_rows - counts.read, "other row")
        return f"the {rows} that this run read", f"; {others} of the source not judged again"
    if resumed_rows:
        return f"the {rows} that this run read", f"; {resumed_rows} before were judged by an unfinished run"
    return rows, ""
