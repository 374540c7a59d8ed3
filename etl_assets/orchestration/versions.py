"""The data version of a materialization: the id of the last run that may have written to the target.

Dagster compares it with the version that dependents were loaded from. So a run that wrote nothing leaves them
in sync, and one that wrote, or of which that cannot be ruled out, marks them until they are loaded again.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.data_version import extract_data_version_from_entry
from django.db import DEFAULT_DB_ALIAS

from ..engine.report import TransformerReport
from ..models import Run

ROW_COUNT = "dagster/row_count"


def version_after(
    instance: dg.DagsterInstance, key: dg.AssetKey, report: TransformerReport, run_id: str, *, retried: bool
) -> dg.DataVersion:
    """Return the last materialization's version where the target is as it was then; otherwise one of its own.

    Args:
        key: the transformer's asset.
        report: of the run that has just succeeded.
        run_id: of this run.
        retried: did an earlier attempt of this run fail? It may have committed batches that no count has.
    """
    version = None if retried or _wrote(report) else _kept_version(instance, key, report, run_id)
    return version or dg.DataVersion(run_id)


def _wrote(report: TransformerReport) -> bool:
    return bool(report.counts.created or report.counts.updated)


def _kept_version(
    instance: dg.DagsterInstance, key: dg.AssetKey, report: TransformerReport, run_id: str
) -> dg.DataVersion | None:
    """Return the last version if nobody is known to have written since.

    The run before this one has to be the one that was materialized: a run that failed, or that another
    history has recorded, may have written too. The number of rows tells of those whom no run knows.
    """
    entry = instance.get_latest_materialization_event(key)
    if entry is None or entry.asset_materialization is None:
        return None
    if entry.run_id != _run_before(report.name, run_id):
        return None
    rows = entry.asset_materialization.metadata.get(ROW_COUNT)
    if rows is None or rows.value != report.target_rows:
        return None
    return extract_data_version_from_entry(entry)


def _run_before(name: str, run_id: str) -> str | None:
    """Return the transformer's run before this one. Runs are numbered under its lock, whatever clocks say."""
    runs = Run.objects.using(DEFAULT_DB_ALIAS).filter(transformer=name).order_by("pk")
    this = runs.filter(run_id=run_id).values("pk")
    return runs.filter(pk__lt=this).values_list("run_id", flat=True).last()
