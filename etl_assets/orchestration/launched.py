"""Whether a run that a schedule or sensor launched is still at work, so that it is not launched on top."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from django.db import connections

from ..engine.locks import exclusive
from ..exceptions import TransformerBusy
from .specs import TransformerClass


def run_at_work(
    instance: dg.DagsterInstance, tag: str, name: str, transformers: Sequence[TransformerClass]
) -> str | None:
    """Return the id of a run of this schedule or sensor that has not ended; None where the next may start.

    A process that was killed leaves its run "started" for ever. So of such a run it is asked whether any of
    its transformers is locked, as the transformers of a living run are.

    Args:
        tag: Dagster's tag for the name of the schedule or sensor.
        name: the name.
        transformers: those that it runs.
    """
    runs = instance.get_runs(dg.RunsFilter(tags={tag: name}, statuses=list(NOT_FINISHED_STATUSES)), limit=1)
    if not runs or (runs[0].status is dg.DagsterRunStatus.STARTED and not _any_locked(transformers)):
        return None
    return runs[0].run_id


def _any_locked(transformers: Sequence[TransformerClass]) -> bool:
    try:
        for transformer in transformers:
            with exclusive(connections[transformer._meta.using], transformer._meta.name):
                pass
    except TransformerBusy:
        return True
    return False
