"""One Dagster asset for each transformer."""

# No `from __future__ import annotations`: Dagster compares the annotation of `context` with its class.

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from .. import conf
from ..engine.pipeline import run_transformer
from ..engine.progress import Progress, Silent
from ..engine.report import TransformerReport
from ..exceptions import ConfigurationError
from .interrupts import RAISE_KEYBOARD_INTERRUPT, Handlers, in_force
from .options import MigrationOptions
from .progress import Both, EventLog
from .specs import Registry, TransformerClass, asset_key, build_asset_specs, build_legacy_specs

COMPUTE_NAME_SUFFIX = "_load"
"""For a transformer whose name Dagster keeps for itself, such as `context` or `type`."""


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


def build_assets(registry: Registry, *, recorder: Recorder | None = None) -> list[dg.AssetsDefinition]:
    """Make one asset for each transformer. They need the resource `options` (`MigrationOptions`).

    Args:
        registry: transformers by name.
        recorder: gets the reports of the runs; left out in a code location.
    """
    specs = zip(registry.values(), build_asset_specs(registry), strict=True)
    return [_build_asset(transformer, spec, registry, recorder) for transformer, spec in specs]


def _build_asset(
    transformer: TransformerClass, spec: dg.AssetSpec, registry: Registry, recorder: Recorder | None
) -> dg.AssetsDefinition:
    # Given `specs`, Dagster names the step's output after the asset, and refuses some names for outputs.
    out = dg.AssetOut.from_spec(spec.replace_attributes(deps=[]), dagster_type=dg.Nothing)

    @dg.multi_asset(name=_step_name(transformer._meta.name), outs={"result": out}, deps=spec.deps)
    def load(context: dg.AssetExecutionContext, options: MigrationOptions) -> dg.MaterializeResult[Any]:
        step = _Step(context, recorder or Recorder())
        report = step.attempt(transformer, registry, options)
        if recorder is None and report.rejects is not None:
            report.rejects.close()  # nobody will ask for them: they are in the database
        _mark_abandoned(context.instance, context.run.run_id, report)
        if report.status == "success":
            return dg.MaterializeResult(asset_key=spec.key, metadata=run_metadata(report))
        raise step.failure(report) from report.exception

    return load


def _step_name(name: str) -> str:
    try:
        dg.OpDefinition(name=name, compute_fn=lambda: None)
    except dg.DagsterInvalidDefinitionError:
        return name + COMPUTE_NAME_SUFFIX
    return name


class _Step:
    """One attempt at one transformer, in a step of a Dagster run."""

    def __init__(self, context: dg.AssetExecutionContext, recorder: Recorder) -> None:
        self._context = context
        self._recorder = recorder
        self._progress = Both(recorder.progress, EventLog(context.log))

    def attempt(
        self, transformer: TransformerClass, registry: Registry, options: MigrationOptions
    ) -> TransformerReport:
        """Run the transformer, and keep its report."""
        run_id = self._context.run.run_id
        try:
            with self._interruptible():
                report = run_transformer(
                    transformer, registry, options.run_options(), run_id=run_id, progress=self._progress
                )
        except ConfigurationError as error:  # the launchpad's options
            raise dg.Failure(str(error), allow_retries=False) from error
        before = self._recorder.reports.get(report.name)
        if before is not None and before.rejects is not None:
            before.rejects.close()
        self._recorder.reports[report.name] = report
        return report

    def failure(self, report: TransformerReport) -> Exception:
        """Wait for another attempt where a server went away; anything else would only fail again."""
        config = conf.load()
        done = self._context.retry_number + 1
        if not report.lost_connection or done > config.max_retries:
            return dg.Failure(report.error, metadata=run_metadata(report), allow_retries=False)
        self._progress.note(
            report,
            f"Trying again in {config.retry_delay:g} seconds, attempt {done + 1} of {config.max_retries + 1}",
        )
        with self._interruptible():  # Dagster's own waiting is deaf to Ctrl-C
            time.sleep(config.retry_delay)
        return dg.RetryRequested(max_retries=config.max_retries)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Answer to signals as the process itself would, and end the run as canceled if it does."""
        try:
            with in_force(self._recorder.handlers):
                yield
        except KeyboardInterrupt as interruption:
            self._recorder.interruption = interruption
            self._context.instance.report_run_canceling(self._context.run)
            raise


def run_metadata(report: TransformerReport) -> Mapping[str, Any]:
    """What a run says of itself: counts under their names, speed, stage times, rejects by reason."""
    metadata: dict[str, Any] = {
        **report.counts.as_dict(),
        "duration_seconds": round(report.duration_seconds, 3),
        "rows_per_second": round(report.rows_per_second, 1),
        **{f"{stage}_seconds": times["seconds"] for stage, times in report.stages.as_dict().items()},
    }
    if report.target_rows is not None:
        metadata["dagster/row_count"] = report.target_rows
    if report.reject_reasons:
        metadata["reject_reasons"] = _reasons(report)
    return metadata


def _reasons(report: TransformerReport) -> dg.TableMetadataValue:
    records = []
    for reason, rows in report.reject_reasons.most_common():
        field_name, _, code = reason.partition(":")
        records.append(dg.TableRecord({"field": field_name, "code": code, "rows": rows}))
    columns = [dg.TableColumn("field"), dg.TableColumn("code"), dg.TableColumn("rows", "int")]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns))


def _mark_abandoned(instance: dg.DagsterInstance, finder: str, report: TransformerReport) -> None:
    """End runs in Dagster too whose process died: the transformer's lock has proved that it did."""
    for run_id in report.abandoned:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            continue
        message = (
            f"The process of this run ended without a word: run {finder} found the lock of "
            f"{report.name!r} free. What it had not committed was rolled back."
        )
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message)
        else:
            instance.report_run_failed(run, message)


__all__ = ["Recorder", "asset_key", "build_asset_specs", "build_assets", "build_legacy_specs", "run_metadata"]
