"""What goes by itself around the transformers: schedules, sensors, alerts, a watch on the legacy tables."""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from .failures import build_failure_sensor
from .keys import OBSERVE
from .observations import build_freshness_checks, build_legacy_assets
from .schedules import build_observation_schedule, build_schedules
from .sensors import build_sensors
from .specs import Registry


def build_automation(
    registry: Registry, *, job: str, only: Collection[str] | None = None, jobs: bool = True
) -> dg.Definitions:
    """All that a code location has beside the transformers' assets. A run of the command needs none of it.

    Args:
        registry: all transformers, by name.
        job: name of the job that loads them.
        only: names of those that are assets here; None for all.
        jobs: also jobs, schedules and sensors; without them, only the legacy tables.
    """
    tables = build_legacy_assets(registry, only=only)
    checks = build_freshness_checks(tables)
    if not jobs or not tables:
        return dg.Definitions(assets=tables, asset_checks=checks)
    keys = [key for one in tables for key in one.keys]
    observe = dg.define_asset_job(
        OBSERVE,
        selection=dg.AssetSelection.assets(*keys),
        description="Looks at the legacy tables as manage.py etl analyze does. It loads nothing.",
        executor_def=dg.in_process_executor,
    )
    return dg.Definitions(
        assets=tables,
        asset_checks=checks,
        jobs=[observe],
        schedules=[*build_schedules(registry, job=job, only=only), *build_observation_schedule(OBSERVE)],
        sensors=[*build_sensors(registry, job=job, only=only), *build_failure_sensor()],
    )
