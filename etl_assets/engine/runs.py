"""Records of runs, in `default`."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.utils import timezone

from ..exceptions import ConfigurationError
from ..models import Run
from .checks.kept import keep
from .options import RunOptions
from .report import COUNT_NAMES, TransformerReport

CLOSING = "closing"
"""In a run's stages: what came after its rows, which the next run's time left is reckoned from."""

LEAST_ALIKE = 0.5
"""Half as many rows or twice as many close alike. An incremental run tells nothing of a full one."""


def begin(name: str, run_id: str, options: RunOptions) -> Run:
    """Record that a transformer has started; a retry of the same run goes on with its record.

    Raises:
        ConfigurationError: the tables of this app are not there.
    """
    values = {
        "status": Run.Status.RUNNING,
        "options": options.as_dict(),
        "started_at": timezone.now(),
        "finished_at": None,
        "error": "",
    }
    try:
        run, _ = Run.objects.using(DEFAULT_DB_ALIAS).update_or_create(
            run_id=run_id, transformer=name, defaults=values
        )
    except DatabaseError as error:
        if Run._meta.db_table in connections[DEFAULT_DB_ALIAS].introspection.table_names():
            raise
        raise ConfigurationError(
            "Database 'default' has no tables for runs and rejects: run manage.py migrate."
        ) from error
    return run


def abandon_others(name: str, run_id: str) -> list[str]:
    """Mark runs that their process left behind, and return their ids; another attempt of this one is none.

    To be called by the holder of the transformer's lock, which proves that nobody else is running it.
    """
    left = (
        Run.objects.using(DEFAULT_DB_ALIAS)
        .filter(transformer=name, status=Run.Status.RUNNING)
        .exclude(run_id=run_id)
    )
    ids = list(left.values_list("run_id", flat=True))
    left.update(
        status=Run.Status.ABANDONED,
        finished_at=timezone.now(),
        error="The process ended without a word: what it had not committed was rolled back.",
    )
    return ids


def finish(run: Run, report: TransformerReport, status: Run.Status) -> None:
    """Record how a transformer ended, with its checks."""
    run.status = status
    run.finished_at = timezone.now()
    run.error = report.error or ""
    run.reject_reasons = dict(report.reject_reasons)
    run.stages = report.stages.as_dict()
    if report.pace is not None and (seconds := report.pace.closing_seconds) is not None:
        run.stages[CLOSING] = {"seconds": round(seconds, 6), "count": 1}
    for name in COUNT_NAMES:
        setattr(run, name, getattr(report.counts, name))
    run.save(using=DEFAULT_DB_ALIAS)
    keep(run, report.checks)


def closing_seconds(run: Run, rows: int) -> float | None:
    """Return how long closing a run of so many rows takes, by the last success if that was alike."""
    alike = Run.objects.using(DEFAULT_DB_ALIAS).filter(
        transformer=run.transformer, status=Run.Status.SUCCESS, options__rollback=run.options["rollback"]
    )
    last = alike.order_by("-started_at").first()
    if last is None or CLOSING not in last.stages or not last.read:
        return None
    seconds = float(last.stages[CLOSING]["seconds"])
    share = rows / last.read
    return seconds * share if LEAST_ALIKE <= share <= 1 / LEAST_ALIKE else None
