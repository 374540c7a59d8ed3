"""One Dagster asset for each transformer."""

# No `from __future__ import annotations`: Dagster compares the annotation of `context` with its class.

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from .. import conf
from ..engine.pipeline import run_transformer
from ..engine.progress import Progress, Silent
from ..engine.report import TransformerReport
from ..exceptions import ConfigurationError, TransformerBusy
from .admin_link import admin_metadata
from .checks import asset_check_results, build_check_specs, evaluate_alone
from .examples import examples_table
from .interrupts import RAISE_KEYBOARD_INTERRUPT, Handlers, cancels
from .keys import named_inputs, step_name
from .options import MigrationOptions
from .progress import Both, EventLog
from .results import run_metadata
from .seen import note_seen
from .specs import (
    Registry,
    TransformerClass,
    asset_key,
    build_asset_specs,
    build_legacy_specs,
    chosen,
)
from .tags import ABANDONED
from .versions import version_after

Result = dg.MaterializeResult[Any] | dg.AssetCheckResult

SECONDS_BETWEEN_TURNS = 2.0
"""Between two looks at whether another process has finished with the transformer."""


@dataclass
class Recorder:
    """What whoever runs assets in this process wants of them beyond Dagster's events."""

    progress: Progress = field(default_factory=Silent)
    handlers: Handlers = field(default_factory=lambda: RAISE_KEYBOARD_INTERRUPT)
    """Signal handlers during a step."""
    reports: dict[str, TransformerReport] = field(default_factory=dict)
    """By name, with their rejects; the last attempt's where there were several."""
    interruption: KeyboardInterrupt | None = None
    """What ended the run early."""


def build_assets(
    registry: Registry, *, only: Collection[str] | None = None, recorder: Recorder | None = None
) -> list[dg.AssetsDefinition]:
    """Make one asset for each transformer. They need the resource `options` (`MigrationOptions`).

    Args:
        registry: all transformers, by name.
        only: names of those to make assets of; None for all.
        recorder: gets the reports of the runs; left out in a code location.
    """
    specs = zip(chosen(registry, only), build_asset_specs(registry, only=only), strict=True)
    return [_build_asset(transformer, spec, registry, recorder) for transformer, spec in specs]


def _build_asset(
    transformer: TransformerClass, spec: dg.AssetSpec, registry: Registry, recorder: Recorder | None
) -> dg.AssetsDefinition:
    # Given `specs`, Dagster names the step's output after the asset, and refuses some names for outputs.
    out = dg.AssetOut.from_spec(spec.replace_attributes(deps=[]), dagster_type=dg.Nothing, is_required=False)
    inputs = named_inputs(dep.asset_key for dep in spec.deps)
    named = {one.key for one in inputs.values()}

    @dg.multi_asset(
        name=step_name(transformer._meta.name),
        outs={"result": out},
        ins=inputs,
        deps=[dep for dep in spec.deps if dep.asset_key not in named],
        check_specs=build_check_specs(transformer),
        can_subset=True,  # so that a check can be executed by itself
    )
    def load(context: dg.AssetExecutionContext, options: MigrationOptions) -> Iterator[Result]:
        checks = context.selected_asset_check_keys
        if not context.selected_asset_keys:
            yield from evaluate_alone(transformer, registry, checks, options)
            return
        step = _Step(context, recorder or Recorder(), waits=recorder is None)
        read = step.look(transformer, registry)
        report = step.attempt(transformer, registry, options)
        if recorder is None and report.rejects is not None:
            report.rejects.close()  # nobody will ask for them: they are in the database
        _mark_abandoned(context.instance, context.run.run_id, report)
        if report.status != "success":
            failure = step.failure(report)
            if isinstance(failure, dg.Failure):  # and not another attempt, which makes checks of its own
                yield from asset_check_results(report.checks, checks)
            raise failure from report.exception
        yield from asset_check_results(report.checks, checks)
        metadata = {**admin_metadata(context.run.run_id, report.name), **_metadata(transformer, report)}
        yield dg.MaterializeResult(
            asset_key=spec.key, metadata=metadata, tags=read, data_version=step.version(spec.key, report)
        )

    return load


def _metadata(transformer: TransformerClass, report: TransformerReport) -> Mapping[str, Any]:
    metadata = dict(run_metadata(report))
    if report.examples is not None:
        metadata["examples"] = examples_table(transformer._meta, report.examples)
    return metadata


class _Step:
    """One attempt at one transformer, in a step of a Dagster run."""

    def __init__(self, context: dg.AssetExecutionContext, recorder: Recorder, *, waits: bool) -> None:
        self._context = context
        self._recorder = recorder
        self._waits = waits
        """For its turn, where another process runs the transformer: nobody is there to start it again."""
        self._progress = Both(recorder.progress, EventLog(context.log))

    def look(self, transformer: TransformerClass, registry: Registry) -> Mapping[str, str]:
        """Record what the source is like; return tags for the materialization that comes of it."""
        with self._interruptible():
            return note_seen(self._context, transformer, registry)

    def attempt(
        self, transformer: TransformerClass, registry: Registry, options: MigrationOptions
    ) -> TransformerReport:
        """Run the transformer, and keep its report."""
        run_id = self._context.run.run_id
        try:
            with self._interruptible():
                report = self._in_turn(
                    lambda: run_transformer(
                        transformer, registry, options.run_options(), run_id=run_id, progress=self._progress
                    )
                )
        except ConfigurationError as error:  # the launchpad's options
            raise dg.Failure(str(error), allow_retries=False) from error
        before = self._recorder.reports.get(report.name)
        if before is not None and before.rejects is not None:
            before.rejects.close()
        self._recorder.reports[report.name] = report
        return report

    def _in_turn(self, work: Callable[[], TransformerReport]) -> TransformerReport:
        """Do the work; where it is busy elsewhere, wait for that to end, or to be interrupted."""
        report = work()
        if self._waits and isinstance(report.exception, TransformerBusy):
            self._progress.note(report, f"{report.error} This run waits for that.")
        while self._waits and isinstance(report.exception, TransformerBusy):
            if report.rejects is not None:
                report.rejects.close()
            time.sleep(SECONDS_BETWEEN_TURNS)
            report = work()
        return report

    def version(self, key: dg.AssetKey, report: TransformerReport) -> dg.DataVersion:
        """Tell dependents by it whether there is anything new for them."""
        context = self._context
        retried = context.retry_number > 0
        return version_after(context.instance, key, report, context.run.run_id, retried=retried)

    def failure(self, report: TransformerReport) -> Exception:
        """Wait for another attempt where a server went away; anything else would only fail again."""
        config = conf.load()
        done = self._context.retry_number + 1
        if not report.lost_connection or done > config.max_retries:
            link = admin_metadata(self._context.run.run_id, report.name)
            return dg.Failure(report.error, metadata={**run_metadata(report), **link}, allow_retries=False)
        self._progress.note(
            report,
            f"Trying again in {config.retry_delay:g} seconds, attempt {done + 1} of {config.max_retries + 1}",
        )
        with self._interruptible():  # Dagster's own waiting is deaf to Ctrl-C
            time.sleep(config.retry_delay)
        return dg.RetryRequested(max_retries=config.max_retries)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let a signal end the run as canceled, and keep what ended it."""
        try:
            with cancels(self._context, self._recorder.handlers):
                yield
        except KeyboardInterrupt as interruption:
            self._recorder.interruption = interruption
            raise


def _mark_abandoned(instance: dg.DagsterInstance, finder: str, report: TransformerReport) -> None:
    """End runs in Dagster too whose process died: the transformer's lock has proved that it did."""
    for run_id in report.abandoned:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            continue
        instance.add_run_tags(run_id, {ABANDONED: finder})
        message = (
            f"The process of this run ended without a word: run {finder} found the lock of "
            f"{report.name!r} free. What it had not committed was rolled back."
        )
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message)
        else:
            instance.report_run_failed(run, message)


__all__ = ["Recorder", "asset_key", "build_asset_specs", "build_assets", "build_legacy_specs", "run_metadata"]
