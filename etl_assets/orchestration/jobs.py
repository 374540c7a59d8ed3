"""The job that a run belongs to, whoever starts it, and the code location around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from .. import conf
from .assets import Recorder, build_assets, build_legacy_specs
from .options import KEY, MigrationOptions
from .specs import Registry, asset_key

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

MIGRATE = "migrate_legacy_data"


def build_definitions(registry: Registry, *, recorder: Recorder | None = None) -> dg.Definitions:
    """All that Dagster is to know of these transformers."""
    return dg.Definitions(
        assets=[*build_legacy_specs(registry), *build_assets(registry, recorder=recorder)],
        jobs=[_migrate(registry)] if registry else [],
        resources={KEY: MigrationOptions()},
        # As the command does it: one process, one transformer after the other, each library loaded once.
        executor=dg.in_process_executor,
    )


def _migrate(registry: Registry) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        MIGRATE,
        selection=dg.AssetSelection.assets(*(asset_key(name) for name in registry)),
        description=f"{conf.load().project_name}: what manage.py migrate_legacy_data does.",
    )
