"""One Dagster schedule for each entry of `SCHEDULES`, and one that looks at the legacy tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import dagster as dg
from dagster._core.storage.tags import SCHEDULE_NAME_TAG
from django.conf import settings
from django.db import close_old_connections

from .. import conf
from .. import registry as registries
from ..timetable import Schedule
from .keys import asset_key
from .launched import run_at_work
from .specs import Registry, TransformerClass


def build_schedules(
    registry: Registry, *, job: str, only: Collection[str] | None = None
) -> list[dg.ScheduleDefinition]:
    """Make the project's schedules. They run by themselves while `dagster-daemon` does.

    Args:
        registry: all transformers, by name.
        job: name of the job that loads them.
        only: names of those that are assets here; None for all.

    Raises:
        UnknownTransformer: a schedule names one that is not there.
    """
    made = []
    all_transformers = registries.Registry(registry.values())
    for schedule in conf.load().schedules:
        names = None if schedule.only is None else list(schedule.only)
        transformers = [
            one for one in all_transformers.choose(names) if only is None or one._meta.name in only
        ]
        if transformers:
            made.append(_build(schedule, transformers, job))
    return made


def build_observation_schedule(job: str) -> list[dg.ScheduleDefinition]:
    """Make the schedule that looks at the legacy tables, where MONITORING OBSERVE has a cron line for it."""
    cron = conf.load().observe
    if cron is None:
        return []
    return [
        dg.ScheduleDefinition(
            name=job,
            job_name=job,
            cron_schedule=cron,
            execution_timezone=settings.TIME_ZONE,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Looks at the legacy tables (MONITORING OBSERVE), so that their history is drawn.",
        )
    ]


def _build(schedule: Schedule, transformers: Sequence[TransformerClass], job: str) -> dg.ScheduleDefinition:
    names = [one._meta.name for one in transformers]

    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        close_old_connections()
        try:
            run_id = run_at_work(context.instance, SCHEDULE_NAME_TAG, schedule.name, transformers)
        finally:
            close_old_connections()
        if run_id is not None:
            return dg.SkipReason(f"Run {run_id}, which this schedule launched before, has not ended yet.")
        return dg.RunRequest(asset_selection=[asset_key(name) for name in names])

    enabled, stopped = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name=schedule.name,
        job_name=job,
        cron_schedule=schedule.cron,
        execution_timezone=schedule.timezone,
        execution_fn=tick,
        default_status=enabled if schedule.enabled else stopped,
        description=f"Loads {'everything' if schedule.only is None else ', '.join(names)}.",
    )
