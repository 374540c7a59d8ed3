"""The job `dry_run_legacy_data`: the faithful dry run, started from the UI. It materializes nothing."""

# No `from __future__ import annotations`: Dagster compares the annotation of `context` with its class.

from collections.abc import Collection
from dataclasses import replace

import dagster as dg
from pydantic import Field

from .. import conf
from .. import registry as registries
from ..engine.pipeline import rehearse
from ..engine.report import RunReport
from ..exceptions import EtlError
from .interrupts import cancels
from .keys import DRY_RUN, REHEARSE
from .options import MigrationOptions
from .progress import EventLog
from .results import dry_run_metadata
from .specs import Registry, chosen

TAGS = {"etl_assets/dry_run": "true"}


class Choice(dg.Config):
    """What `--only` is in the launchpad."""

    only: list[str] = Field(
        default=[], description="Names of the transformers to run, such as [patients]. Empty: all of them."
    )


def build_dry_run(registry: Registry, *, only: Collection[str] | None = None) -> dg.JobDefinition:
    """Make the job: one step, since all transformers run in one transaction that is rolled back."""

    @dg.op(name=REHEARSE, out=dg.Out(dg.Nothing))
    def rehearse_transformers(
        context: dg.OpExecutionContext, config: Choice, options: MigrationOptions
    ) -> None:
        """Load the rows, count them, and roll all of it back."""
        try:
            transformers = registries.Registry(chosen(registry, only)).choose(config.only or None)
            run_options = replace(options.run_options(), dry_run=True)
            with cancels(context):
                report = rehearse(
                    transformers,
                    registry,
                    run_options,
                    run_id=context.run_id,
                    progress=EventLog(context.log),
                )
        except EtlError as error:  # the launchpad's values, or the settings
            raise dg.Failure(str(error), allow_retries=False) from error
        _tell(context, report)

    @dg.job(
        name=DRY_RUN,
        description=f"{conf.load().project_name}: what manage.py migrate_legacy_data --dry-run does. "
        "It does all that a run does, and rolls it back.",
        tags=TAGS,
        executor_def=dg.in_process_executor,
    )
    def dry_run() -> None:
        rehearse_transformers()

    return dry_run


def _tell(context: dg.OpExecutionContext, report: RunReport) -> None:
    """Put the counts into the log and on the step; a dry run that failed fails the step."""
    for name, one in report.transformers.items():
        counts = ", ".join(f"{rows} {count}" for count, rows in one.counts.as_dict().items())
        context.log.info("%s: %s; %s", name, one.status, counts)
        if one.rejects is not None:
            one.rejects.close()
    metadata = dry_run_metadata(report)
    if not report.succeeded:
        errors = [f"{name}: {one.error}" for name, one in report.transformers.items() if one.error]
        raise dg.Failure(f"The dry run failed. {' '.join(errors)}", metadata=metadata, allow_retries=False)
    context.add_output_metadata(metadata)
