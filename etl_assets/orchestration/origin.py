"""Runs of this process that the UI takes for its own. Dagster's private parts for that are named here only.

Dagster records where a run's job is found again, except for a run that is executed in process: Re-execute
answers such a run with an error, and run-failure sensors pass it over. So the run is made here as the web
server would make it, with the code location that workspace.yaml names as its origin, and then executed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.execution.execution_result import ExecutionResult
    from dagster._core.remote_origin import RemoteJobOrigin

CODE_LOCATION = "etl_assets.definitions"
"""Module of the code location, and its name where workspace.yaml gives it no other."""

logger = logging.getLogger("migration")


def execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    selection: Sequence[dg.AssetKey],
) -> ExecutionResult:
    """Execute chosen assets of a job in this process, as a run that the UI can execute again."""
    try:
        from dagster._core.definitions.job_base import InMemoryJob
        from dagster._core.execution.api import execute_run

        run = instance.create_run_for_job(
            job_def=job,
            run_config=run_config,
            tags={**job.run_tags, **tags},
            asset_selection=frozenset(selection),
            remote_job_origin=remote_origin(job.name),
        )
    except Exception as error:  # whatever another version of Dagster makes of its own parts
        logger.warning("The Dagster UI cannot re-execute this run: %s: %s", type(error).__name__, error)
        return job.execute_in_process(
            run_config=run_config,
            instance=instance,
            tags=tags,
            asset_selection=selection,
            raise_on_error=False,
        )
    return execute_run(InMemoryJob(job), run, instance, raise_on_error=False)


def remote_origin(job_name: str) -> RemoteJobOrigin:
    """Say where the web server finds a job of this project."""
    from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=CODE_LOCATION, working_directory=str(Path.cwd())
    )
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=CODE_LOCATION)
    return RemoteRepositoryOrigin(location, "__repository__").get_job_origin(job_name)
