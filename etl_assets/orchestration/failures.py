"""The sensor that tells people of failed runs, where MONITORING says whom to tell."""

from __future__ import annotations

import dagster as dg
from dagster._core.storage.tags import SCHEDULE_NAME_TAG, SENSOR_NAME_TAG
from django.db import close_old_connections

from .. import alerts, conf
from .keys import DRY_RUN
from .tags import ABANDONED, STARTED_BY

NAME = "alert_on_failure"


def build_failure_sensor() -> list[dg.SensorDefinition]:
    """Make the sensor, or none where there is nobody to tell."""
    if not alerts.is_wanted():
        return []

    @dg.run_failure_sensor(
        name=NAME,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=min(30, conf.load().sensor_interval),
        description="Tells those whom MONITORING names of each failed run that the command has not told of.",
    )
    def alert(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        close_old_connections()
        try:
            return tell(context)
        finally:
            close_old_connections()

    return [alert]


def tell(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Send the alert of one failed run.

    Raises:
        Failure: it could not be sent. The tick shows that; the run's own failure stays as it is.
    """
    run = context.dagster_run
    if run.job_name == DRY_RUN:
        return dg.SkipReason(f"Run {run.run_id} was a dry run.")
    if _told_by_command(run):
        return dg.SkipReason(f"Run {run.run_id} was started by the command, which tells of it itself.")
    alert = alerts.alert_of_record(run.run_id, _started_by(run), _error(context))
    problems = alerts.send(alert)
    if problems:
        raise dg.Failure(" ".join(problems))
    return None


def _told_by_command(run: dg.DagsterRun) -> bool:
    """A re-execution has its parent's tags, and a process that was killed could not tell."""
    return STARTED_BY in run.tags and run.parent_run_id is None and ABANDONED not in run.tags


def _started_by(run: dg.DagsterRun) -> str:
    if SCHEDULE_NAME_TAG in run.tags:
        return f"the schedule {run.tags[SCHEDULE_NAME_TAG]!r}"
    if SENSOR_NAME_TAG in run.tags:
        return f"the sensor {run.tags[SENSOR_NAME_TAG]!r}"
    if STARTED_BY in run.tags and run.parent_run_id is None:
        return run.tags[STARTED_BY]
    return "the Dagster UI"


def _error(context: dg.RunFailureSensorContext) -> str:
    """Say in one sentence what ended the run: what its first failed step said, or else Dagster."""
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        if data.error is not None:
            return _first_line((data.error.cause or data.error).message)
    return _first_line(context.failure_event.message or "no message")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0]
