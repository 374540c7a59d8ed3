"""The jobs, and all that Dagster is to know of a project's transformers."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import dagster as dg

from .. import conf
from .assets import Recorder, build_assets, build_legacy_specs
from .automation import build_automation
from .dry_run import build_dry_run
from .keys import MIGRATE
from .options import KEY, MigrationOptions
from .specs import Registry, asset_key, chosen

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


OPTIONS = MigrationOptions()
"""One object, so that `Definitions.merge` takes two definitions that both have it."""


def build_definitions(
    registry: Registry,
    *,
    only: Collection[str] | None = None,
    jobs: bool = True,
    recorder: Recorder | None = None,
) -> dg.Definitions:
    """All that Dagster is to know of these transformers. It leaves the executor to whoever merges it.

    Args:
        registry: all transformers, by name.
        only: names of those to make assets of; None for all.
        jobs: also the jobs, schedules and sensors; without them, only assets and what they need.
        recorder: gets the reports of the runs; left out in a code location.
    """
    transformers = dg.Definitions(
        assets=[
            *(build_legacy_specs(registry, only=only) if recorder is not None else []),
            *build_assets(registry, only=only, recorder=recorder),
        ],
        jobs=[_migrate(registry, only), build_dry_run(registry, only=only)] if jobs and registry else [],
        resources={KEY: OPTIONS},
    )
    if recorder is not None:
        return transformers
    around = build_automation(registry, job=MIGRATE, only=only, jobs=jobs)
    return dg.Definitions.merge(transformers, around)


def _migrate(registry: Registry, only: Collection[str] | None) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        MIGRATE,
        selection=dg.AssetSelection.assets(*(asset_key(one._meta.name) for one in chosen(registry, only))),
        description=f"{conf.load().project_name}: what manage.py migrate_legacy_data does.",
        # As the command does it: one process, one transformer after the other, each library loaded once.
        executor_def=dg.in_process_executor,
    )
