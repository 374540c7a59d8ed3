"""Runs in this process, on the instance whose history the UI shows."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from ..engine.options import RunOptions
from ..engine.pipeline import Job, missing_upstream
from ..engine.progress import Progress, Silent
from ..engine.report import RunReport
from . import interrupts, origin
from .assets import Recorder
from .instance import open_instance
from .jobs import build_definitions
from .keys import MIGRATE
from .options import run_config
from .specs import Registry, TransformerClass, asset_key
from .tags import STARTED_BY, TRANSFORMER_PATHS

if TYPE_CHECKING:
    from dagster._core.execution.execution_result import ExecutionResult

NOT_FOR_THE_UI = (
    "This run has transformers of its own (--transformer-paths), which the code location does not know: "
    "the Dagster UI cannot re-execute it."
)

logger = logging.getLogger("migration")


def materialize(
    transformers: Sequence[TransformerClass],
    registry: Registry,
    options: RunOptions,
    *,
    transformer_paths: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Materialize exactly these transformers' assets, and return what came of each.

    Args:
        transformers: those to run; what they link to and is not among them is used as it was loaded before.
        registry: all transformers, by name.
        options: become the run's config, so that the UI can repeat the run.
        transformer_paths: where `registry` comes from, if not from discovery.
        progress: listens to the run.

    Raises:
        ConfigurationError: Dagster's home or an asset is wrong.
        KeyboardInterrupt: the process was told to stop (`Interrupted` among them). The transformer that was
            running is rolled back, and the run recorded as canceled.
    """
    started = time.perf_counter()
    with interrupts.given_back() as (handlers, deliver_held_back), open_instance() as instance:
        recorder = Recorder(progress or Silent(), handlers)
        result = _execute(transformers, registry, options, transformer_paths, recorder, instance)
        if recorder.interruption is not None:
            raise recorder.interruption
        if not result.success:
            deliver_held_back()
    report = _report(transformers, registry, options, recorder, result)
    report.duration_seconds = time.perf_counter() - started
    return report


def _execute(
    transformers: Sequence[TransformerClass],
    registry: Registry,
    options: RunOptions,
    transformer_paths: Sequence[str] | None,
    recorder: Recorder,
    instance: dg.DagsterInstance,
) -> ExecutionResult:
    job = build_definitions(registry, recorder=recorder).resolve_job_def(MIGRATE)
    selection = [asset_key(transformer._meta.name) for transformer in transformers]
    tags = {STARTED_BY: f"manage.py {MIGRATE}"}
    with _log_handlers_kept():
        if not transformer_paths:
            return origin.execute(
                job, instance, run_config=run_config(options), tags=tags, selection=selection
            )
        logger.warning(NOT_FOR_THE_UI)
        return job.execute_in_process(
            run_config=run_config(options),
            instance=instance,
            tags={**tags, TRANSFORMER_PATHS: ",".join(transformer_paths)},
            asset_selection=selection,
            raise_on_error=False,
        )


def _report(
    transformers: Sequence[TransformerClass],
    registry: Registry,
    options: RunOptions,
    recorder: Recorder,
    result: ExecutionResult,
) -> RunReport:
    """Put the reports in order, and account for those that Dagster never came to."""
    report = RunReport(result.run_id, dry_run=False)
    for transformer in transformers:
        name = transformer._meta.name
        if name not in recorder.reports:
            job = Job(transformer, registry, options, result.run_id, recorder.progress)
            blocker = missing_upstream(transformer, report)
            if blocker is None:
                report.error = _what_stopped(result)
            recorder.reports[name] = job.skip(blocker)
        report.transformers[name] = recorder.reports[name]
    if report.succeeded and not result.success:
        report.error = _what_stopped(result)
    return report


def _what_stopped(result: ExecutionResult) -> str:
    """Say in one sentence what ended a run outside its transformers."""
    event = result.get_run_failure_event()
    error = event.job_failure_data.error
    cause = (error.message if error else event.message or "no message").strip().splitlines()[0]
    return f"Dagster stopped the run: {cause}"


@contextmanager
def _log_handlers_kept() -> Iterator[None]:
    """Hide this process's log handlers: each Dagster run calls `dictConfig`, which closes all it can find."""
    kept = logging._handlerList[:]  # type: ignore[attr-defined]
    logging._handlerList.clear()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        logging._handlerList[:0] = kept  # type: ignore[attr-defined]
