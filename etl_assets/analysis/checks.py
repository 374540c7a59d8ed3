"""What the checks of a run found, from the run's own record: Dagster is not asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Literal, TypedDict

from django.db import DEFAULT_DB_ALIAS, connections

from ..exceptions import ConfigurationError
from ..models import CheckResult, Run

LISTED = 5
"""Runs that are named where the one asked for is not there."""

Status = Literal["passed", "warning", "failed"]


class ReportedCheck(TypedDict):
    name: str
    passed: bool
    severity: str
    """What it means if it has not passed: "error" or "warning"."""
    blocking: bool
    description: str
    figures: dict[str, float | str]
    samples: list[dict[str, Any]]
    """Rows at fault."""


class CheckedTransformer(TypedDict):
    status: str
    """How it ended, as `Run.status` has it."""
    error: str | None
    checks: list[ReportedCheck]


class CheckReport(TypedDict):
    run_id: str
    status: Status
    """The worst that was found: a transformer that failed, or a warning."""
    started_at: str
    finished_at: str | None
    passed: int
    warnings: int
    errors: int
    transformers: dict[str, CheckedTransformer]


def checks(run_id: str | None = None) -> CheckReport:
    """Report the checks of a run, the last one where none is named.

    Args:
        run_id: the run's id, or the beginning of it where no other run has the same.

    Raises:
        ConfigurationError: there is no such run.
    """
    _require_tables()
    runs = _runs(run_id)
    transformers = {run.transformer: _transformer(run) for run in runs}
    found = [check for one in transformers.values() for check in one["checks"]]
    failed = [check["severity"] for check in found if not check["passed"]]
    warnings, errors = failed.count("warning"), failed.count("error")
    is_failed = errors > 0 or any(run.status not in (Run.Status.SUCCESS, Run.Status.RUNNING) for run in runs)
    ends = [run.finished_at for run in runs]
    return {
        "run_id": runs[0].run_id,
        "status": "failed" if is_failed else "warning" if warnings else "passed",
        "started_at": _moment(min(run.started_at for run in runs)),
        "finished_at": None if None in ends else _moment(max(end for end in ends if end)),
        "passed": len(found) - len(failed),
        "warnings": warnings,
        "errors": errors,
        "transformers": transformers,
    }


def _runs(run_id: str | None) -> list[Run]:
    """Return the records of a run, one for each transformer, in the order in which they began."""
    everything = Run.objects.using(DEFAULT_DB_ALIAS)
    if run_id is None:
        last = everything.order_by("-started_at", "-pk").first()
        if last is None:
            raise ConfigurationError("No run is recorded yet: run manage.py migrate_legacy_data first.")
        run_id = last.run_id
    if not everything.filter(run_id=run_id).exists():
        run_id = _completed(run_id)
    return list(everything.filter(run_id=run_id).prefetch_related("checks").order_by("started_at", "pk"))


def _completed(beginning: str) -> str:
    """Find the one run whose id begins so."""
    everything = Run.objects.using(DEFAULT_DB_ALIAS)
    ids = everything.filter(run_id__startswith=beginning).order_by().values_list("run_id", flat=True)
    found = sorted(set(ids)) if beginning else []
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"--run {beginning!r} fits {len(found)} runs: give one of {', '.join(found[:LISTED])} in full."
        )
    raise ConfigurationError(f"No run is recorded as {beginning!r}: {_latest()}")


def _latest() -> str:
    everything = Run.objects.using(DEFAULT_DB_ALIAS).order_by("-started_at", "-pk")
    ids = list(dict.fromkeys(everything.values_list("run_id", flat=True)[:1_000]))[:LISTED]
    if not ids:
        return "none is, so run manage.py migrate_legacy_data first."
    return f"give --run one of the latest, {', '.join(ids)}, or leave it out."


def _moment(time: dt.datetime) -> str:
    return time.isoformat(timespec="seconds")


def _transformer(run: Run) -> CheckedTransformer:
    return {
        "status": run.status,
        "error": run.error or None,
        "checks": [_check(one) for one in _in_order(run.checks.all())],
    }


def _in_order(kept: Iterable[CheckResult]) -> list[CheckResult]:
    return sorted(kept, key=lambda one: one.pk)


def _check(one: CheckResult) -> ReportedCheck:
    return {
        "name": one.name,
        "passed": one.passed,
        "severity": one.severity,
        "blocking": one.blocking,
        "description": one.description,
        "figures": one.figures,
        "samples": one.samples,
    }


def _require_tables() -> None:
    there = connections[DEFAULT_DB_ALIAS].introspection.table_names()
    if not {Run._meta.db_table, CheckResult._meta.db_table} <= set(there):
        raise ConfigurationError(
            f"Database {DEFAULT_DB_ALIAS!r} has no tables for runs and their checks: run manage.py migrate."
        )
