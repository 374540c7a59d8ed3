"""Ticks of schedules and sensors, evaluated as the daemon evaluates them, with a real instance."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.utils import make_new_run_id

from etl_assets.orchestration.jobs import build_definitions
from etl_assets.registry import Registry
from tests.integration.orchestration.visitors import REGISTRY


def location(registry: Registry = REGISTRY) -> Any:
    """The code location's repository."""
    return build_definitions(registry).get_repository_def()


def sensor_tick(
    name: str, history: dg.DagsterInstance, cursor: str | None = None, registry: Registry = REGISTRY
) -> Any:
    repository = location(registry)
    with dg.build_sensor_context(instance=history, cursor=cursor, repository_def=repository) as context:
        return repository.get_sensor_def(name).evaluate_tick(context)


def schedule_tick(name: str, history: dg.DagsterInstance, registry: Registry = REGISTRY) -> Any:
    repository = location(registry)
    with dg.build_schedule_context(instance=history, repository_def=repository) as context:
        return repository.get_schedule_def(name).evaluate_tick(context)


def chosen(request: dg.RunRequest) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection or ()}


def launched(history: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> dg.DagsterRun:
    """A run in the history that a schedule or sensor launched, with this status."""
    run = dg.DagsterRun(job_name="migrate_legacy_data", run_id=make_new_run_id(), status=status, tags=tags)
    return history.add_run(run)
