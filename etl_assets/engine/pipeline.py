"""One transformer's run, from lock to record.

Knows neither Dagster nor the command line; whoever runs it listens through `Progress`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from .. import conf
from ..models import Run
from ..transformer import Transformer
from . import runs
from .failures import is_lost_connection, sentence
from .load import Load
from .locks import exclusive
from .options import RunOptions
from .plan import Plan, make_plan
from .progress import Progress, Silent
from .rejects import RejectLog
from .report import RunReport, TransformerReport
from .sources import configured

TransformerClass = type[Transformer]
Registry = Mapping[str, TransformerClass]


def run_transformer(
    transformer: TransformerClass,
    registry: Registry,
    options: RunOptions,
    *,
    run_id: str,
    progress: Progress | None = None,
) -> TransformerReport:
    """Run one transformer for real, and record the run with its rejects.

    A failure is not raised: the report has it, and the target is as it was, or with `rollback=False` as
    the last whole batch left it. An interruption is raised once it is rolled back.
    """
    job = Job(transformer, registry, options, run_id, progress or Silent())
    return job.report_of(job.run)


def rehearse(
    transformers: Sequence[TransformerClass],
    registry: Registry,
    options: RunOptions,
    *,
    run_id: str,
    progress: Progress | None = None,
) -> RunReport:
    """Do a dry run: all of it, for all these transformers, in one transaction that is rolled back."""
    report = RunReport(run_id, dry_run=True)
    started = time.perf_counter()
    with ExitStack() as stack:
        for alias in {configured(one._meta.using, one._meta.label) for one in transformers}:
            stack.enter_context(rolled_back(alias))
        for transformer in transformers:
            job = Job(transformer, registry, options, run_id, progress or Silent())
            blocker = missing_upstream(transformer, report)
            done = job.skip(blocker) if blocker else job.report_of(job.rehearse)
            report.transformers[done.name] = done
    report.duration_seconds = time.perf_counter() - started
    return report


def missing_upstream(transformer: TransformerClass, report: RunReport) -> str | None:
    """Return a transformer that this one needs and that has not succeeded."""
    ended = report.transformers
    needed = (up for up in transformer._meta.upstream if up in ended)
    return next((up for up in needed if ended[up].status != "success"), None)


@contextmanager
def rolled_back(alias: str) -> Iterator[None]:
    """Open a transaction whose end is always a rollback."""
    with transaction.atomic(alias):
        try:
            yield
        finally:
            transaction.set_rollback(True, alias)


class Job:
    """One transformer in one run."""

    def __init__(
        self,
        transformer: TransformerClass,
        registry: Registry,
        options: RunOptions,
        run_id: str,
        progress: Progress,
    ) -> None:
        self.transformer = transformer
        self.registry = registry
        self.options = options
        self.run_id = run_id
        self.progress = progress
        self.rejects = RejectLog(transformer._meta.name)
        self.report = TransformerReport(transformer._meta.name, transformer.__name__, rejects=self.rejects)

    def run(self) -> None:
        """Lock, load in one transaction or batch by batch, keep the rejects, record how it ended."""
        with self._locked() as plan:
            self.report.abandoned = runs.abandon_others(plan.meta.name, self.run_id)
            run = runs.begin(plan.meta.name, self.run_id, self.options)
            try:
                if self.options.rollback:
                    self._run_whole(plan, run)
                else:
                    self._load(plan, run)
                    self._record(run, Run.Status.SUCCESS)
            except BaseException as error:
                self._record_failure(run, error)
                raise

    def rehearse(self) -> None:
        """Load within the caller's transaction, and record nothing."""
        with self._locked() as plan, transaction.atomic(plan.meta.using):
            self._load(plan, None)

    def skip(self, blocker: str | None) -> TransformerReport:
        """Leave the transformer out: one that it needs has failed, or the run ended before its turn."""
        name = self.report.name
        self.report.status = "skipped"
        if blocker is None:
            self.report.error = f"The run ended before it came to {name!r}."
        else:
            self.report.error = f"{blocker!r} has not been loaded, and {name!r} needs it."
        self.progress.finished(self.report)
        return self.report

    def report_of(self, work: Callable[[], None]) -> TransformerReport:
        """Do the work, and put what came of it into the report."""
        started = time.perf_counter()
        try:
            work()
        except Exception as error:  # whatever ends a run is reported, and never taken for success
            self._fail(error)
            self.report.exception = error
            self.report.lost_connection = is_lost_connection(error)
        except KeyboardInterrupt as stop:
            self._fail(stop)
            raise
        finally:
            self.report.duration_seconds = time.perf_counter() - started
        self.progress.finished(self.report)
        return self.report

    def _fail(self, error: BaseException) -> None:
        self.report.status = "failed"
        self.report.error = sentence(error, self.transformer._meta.using)
        if self.options.rollback or self.options.dry_run:
            self.report.counts.undo()

    @contextmanager
    def _locked(self) -> Iterator[Plan]:
        """Check what can be checked beforehand, then take the transformer's lock."""
        conf.load()
        plan = make_plan(self.transformer, self.registry)
        alias = configured(plan.meta.using, plan.meta.label)
        with exclusive(connections[alias], plan.meta.name):
            yield plan

    def _run_whole(self, plan: Plan, run: Run) -> None:
        """Load in one transaction, with the record in it where both are in one database."""
        together = plan.meta.using == DEFAULT_DB_ALIAS
        with transaction.atomic(plan.meta.using):
            self._load(plan, run)
            if together:
                self._record(run, Run.Status.SUCCESS)
            else:
                self.rejects.keep(run)  # before the watermark that goes past their rows
        if not together:
            self._record(run, Run.Status.SUCCESS)

    def _load(self, plan: Plan, run: Run | None) -> None:
        Load(plan, self.options, self.report, self.rejects, self.progress, run).whole_source()

    def _record(self, run: Run, status: Run.Status) -> None:
        with transaction.atomic(DEFAULT_DB_ALIAS):
            self.rejects.store(run)
            runs.finish(run, self.report, status)

    def _record_failure(self, run: Run, error: BaseException) -> None:
        """Keep the rejects found so far: they are true, though the rows were rolled back."""
        self.report.error = sentence(error, self.transformer._meta.using)
        if self.options.rollback:
            self.report.counts.undo()
        interrupted = isinstance(error, KeyboardInterrupt)
        self.rejects.rewind()
        self._record(run, Run.Status.INTERRUPTED if interrupted else Run.Status.FAILED)
