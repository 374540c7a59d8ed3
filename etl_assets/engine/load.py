"""A whole source through the engine, batch by batch: extract, transform, validate, merge, reconcile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pyarrow as pa
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils import timezone

from .. import conf
from ..exceptions import TooManyRejects
from ..models import Run
from . import runs
from .batch import Batch
from .checkpoints import Checkpoints
from .checks.counts import rejected_share
from .checks.result import require
from .checks.run import RunChecks
from .claims import Claims, LocalClaims, NoClaims, StoredClaims, keys_cannot_repeat
from .examples import examples_of
from .incremental import Everything, increment_of
from .links import LinkResolver
from .merge import Merger, Prepared
from .newcomers import Newcomers
from .options import RunOptions
from .overlap import Background, ahead
from .pace import Pace
from .plan import Plan
from .progress import Progress
from .rebuild import Rebuild
from .reconcile import check_balance, check_rejects
from .rejects import RejectLog, forget_queries
from .report import Counts, TransformerReport
from .sources import Position, Reader, open_reader
from .stages import CHECKING, EXTRACT, LOAD, PACKING, TRANSFORM, VALIDATE
from .targets import Target, make_target
from .transform import Transformation
from .validate import ModelRules
from .verbs import Context


class Load:
    """One transformer's rows on their way. `run` is None in a dry run, which keeps nothing."""

    def __init__(
        self,
        plan: Plan,
        options: RunOptions,
        report: TransformerReport,
        rejects: RejectLog,
        progress: Progress,
        run: Run | None,
    ) -> None:
        self.plan = plan
        self.options = options
        self.report = report
        self.report.slow_steps = plan.slow_steps
        self.rejects = rejects
        self.progress = progress
        self.run = run
        self.resumed_rows = 0
        self._cleaned_rows = 0
        self.connection = connections[plan.meta.using]
        self.at_once = self.connection.features.max_query_params or 10_000
        now = timezone.now()
        zone = timezone.get_default_timezone()
        context = Context(zone, now.astimezone(zone).date())
        self.sensitive = sensitive = frozenset(conf.load().sensitive_columns)
        mode = options.validation_mode
        links = LinkResolver(plan.meta.using, self.at_once)
        self.transformation = Transformation(plan, context, links, mode, sensitive)
        self.transformation.timed = report.stages.measure_hook
        self.rules = ModelRules(plan, self.connection, mode, sensitive)
        self.target: Target = make_target(plan, context, now, options.dry_run)
        self.rebuild = Rebuild(self.target, plan, options)
        self.checks = RunChecks(self)

    def whole_source(self) -> None:
        """Load all rows, or those after the last checkpoint, and prove that none was lost."""
        stages = self.report.stages
        with self._opened_source() as reader, self._opened_target():
            checkpoints = Checkpoints(self.plan, reader, self.run.run_id if self.run else "")
            after = self._start(reader, checkpoints)
            increment = self._increment(reader, checkpoints, goes_on=after is not None)
            expected = reader.count(after)
            notes = iter(increment.notes(expected))
            self.checks.begin(expected)
            self.report.pace = pace = self._pace(expected)
            self.progress.started(self.report, self.plan.meta.source_label, expected)
            if self.run is not None:
                self.rejects.watch_open()
            self.rebuild.begin(partial(self.progress.note, self.report))
            with self._claims(reader, expected, goes_on=after is not None) as claims:
                merger = self._merger(claims, expected, goes_on=after is not None)
                merger.owners = increment.owners(hides_key=merger.hides_key)
                with self._background(reader) as background, self._extract(reader, after) as batches:
                    for raw in batches:
                        position = reader.position(raw) if self._saves_position(reader) else None
                        prepared = self._prepare(reader.visible(raw), merger)
                        background.wait()
                        self._note_pace(pace, len(prepared.batch.raw))
                        background.submit(partial(self._write, prepared, merger, checkpoints, position))
                        self.progress.batch(self.report, stages.batches[TRANSFORM], raw.num_rows)
                        self._tell(notes)  # the lines that open a run stay together
                    background.wait()
            pace.close(self.report.counts.read, self.report.counts.rejected)
            self._tell(notes)
            self._reconcile(reader, expected, checkpoints)
            increment.finish()

    @contextmanager
    def sampling(self, reader: Reader, expected: int) -> Iterator[Callable[[Iterable[pa.RecordBatch]], None]]:
        """Open the target as for a source of `expected` rows, and give what loads some batches of it.

        In the caller's transaction, which is to be rolled back.
        """
        checkpoints = Checkpoints(self.plan, reader, "")
        self.checks.begin(expected)
        self.rejects.watch_open()
        with self._opened_target(), self._claims(reader, expected, goes_on=False) as claims:
            merger = self._merger(claims, expected)

            def take(rows: Iterable[pa.RecordBatch]) -> None:
                with self._background(reader) as background:
                    for raw in rows:
                        prepared = self._prepare(raw, merger)
                        background.submit(partial(self._write, prepared, merger, checkpoints, None))
                    background.wait()

            yield take

    def _prepare(self, raw: pa.RecordBatch, merger: Merger) -> Prepared:
        """Turn the rows of a batch into rows of the target, or reject them."""
        stages = self.report.stages
        batch = Batch(raw, self.resumed_rows + self._cleaned_rows)
        self._cleaned_rows += raw.num_rows
        with stages.measure(TRANSFORM):
            self.transformation.clean(batch)
        with stages.measure(VALIDATE):
            self.transformation.check_rows(batch)
            self.rules.check(batch)
        with stages.measure(LOAD, batches=0, part=PACKING):
            return merger.prepare(batch)

    def _write(
        self, prepared: Prepared, merger: Merger, checkpoints: Checkpoints, position: Position | None
    ) -> None:
        """Write a batch; without rollback it commits together with its checkpoint.

        Runs beside the cleaning of the next batch, so nothing here may depend on what is cleaned when.
        """
        batch = prepared.batch
        together = self.plan.meta.using == DEFAULT_DB_ALIAS
        with self.report.stages.measure(LOAD), self._committed():
            merged = merger.load(prepared)
            batch.reject_rows(merged.rejections)
            self.rejects.add(batch)
            self.rejects.note_loaded(batch)
            self.report.examples = self.report.examples or examples_of(batch)
            done = self._ended(batch)
            done.created, done.updated, done.unchanged = merged.created, merged.updated, merged.unchanged
            if not self.options.rollback and not self.options.dry_run:
                self._check_rejects_so_far(done)
                if position is not None:
                    checkpoints.save(position, batch.first_row + batch.raw.num_rows)
                if self.run is not None:
                    self.rejects.keep(self.run)
                    if together:
                        self.rejects.resolve(self.run)
        if self.run is not None and not self.options.rollback and not together:
            self.rejects.resolve(self.run)
        self.report.counts.add(done)
        self.checks.note_written(batch)
        forget_queries()
        for rejection in batch.rejections:
            self.report.reject_reasons[f"{rejection.field}:{rejection.code}"] += 1

    def _ended(self, batch: Batch) -> Counts:
        """Count how the rows of a batch ended that were not written."""
        loaded = batch.rows
        warned = {name: int(mask[loaded].sum()) for name, mask in batch.warnings.items()}
        self.report.warning_reasons.update({name: rows for name, rows in warned.items() if rows})
        any_warning = sum((mask[loaded] for mask in batch.warnings.values()), start=loaded < 0)
        return Counts(
            read=batch.raw.num_rows,
            rejected=len(batch.rejections),
            skipped=batch.skipped,
            warnings=int((any_warning > 0).sum()),
        )

    def _reconcile(self, reader: Reader, expected: int, checkpoints: Checkpoints) -> None:
        """Prove that nothing was lost, leave the target tidy, and see that what is in it is sound."""
        self.checks.judge_counts(expected)
        check_balance(self.report.counts, expected)
        if not self.options.dry_run:
            checkpoints.clear()  # also where it has too many rejects: the next run is to read them again
        check_rejects(self.report.counts, self.options.reject_limit, strict=self._is_strict)
        with self.report.stages.measure_closing(LOAD):
            self.rebuild.end()
            self.target.verify()
        with self.report.stages.measure_closing(CHECKING):
            self.checks.judge_target(reader, expected)
        if not self.options.dry_run and not self.target.pk_is_drawn:
            self.target.advance_sequence()
        require(self.report.checks)

    def _check_rejects_so_far(self, latest: Counts) -> None:
        """Stop before a batch commits that has too many rejects; a share is judged at the end only."""
        limit = self.options.reject_limit
        if limit is not None and limit.count is not None:
            so_far = replace(self.report.counts)
            so_far.add(latest)
            try:
                check_rejects(so_far, limit, strict=self._is_strict)
            except TooManyRejects:
                self.report.checks = [rejected_share(so_far, self.options)]
                raise

    # Where to begin, and how to end each batch

    def _start(self, reader: Reader, checkpoints: Checkpoints) -> Position | None:
        """Return after which row to begin, and say so where it is not the first."""
        if not self.options.rollback and not self.options.dry_run:
            checkpoints.require()
            self.report.is_resumable = reader.is_resumable
            if not reader.is_resumable:
                self.progress.note(
                    self.report,
                    f"{self.plan.meta.source_label} has no unique key to go on after: "
                    "a run that is cut off starts at the beginning",
                )
        last = checkpoints.last()
        if last is None or self.options.full:
            if not self.options.dry_run:
                checkpoints.clear()
            return None
        position, self.resumed_rows = last
        self.progress.note(
            self.report, f"Going on after the {self.resumed_rows} rows that an unfinished run has loaded"
        )
        return position

    def _increment(self, reader: Reader, checkpoints: Checkpoints, *, goes_on: bool) -> Everything:
        """Decide how much of the source to read; a run that goes on keeps to what the first one decided."""
        run_id = self.run.run_id if self.run else ""
        window = checkpoints.window if goes_on else None
        increment = increment_of(self.plan, reader, self.options, run_id, window)
        if increment.window is not None:
            checkpoints.window = increment.window.as_json()
            self.report.since = increment.window.since
            self.report.counts.source_rows = increment.source_rows
        return increment

    def _merger(self, claims: Claims, expected: int, *, goes_on: bool = False) -> Merger:
        """Compose what loads batches; a run that goes on knows keys that may be in the target no more."""
        newcomers = None if goes_on else Newcomers.of(self.target, expected, self._batch_size)
        return Merger(self.target, claims, self.sensitive, newcomers)

    @property
    def _batch_size(self) -> int:
        return self.options.rows_per_batch(self.plan.meta.batch_size)

    def _background(self, reader: Reader) -> Background:
        return Background(self.report.stages.waiting, overlaps=not reader.stops_writing)

    def _pace(self, expected: int) -> Pace:
        """Begin to reckon how long the load takes."""
        past = None if self.run is None else runs.closing_seconds(self.run, expected)
        return Pace(expected, past, stores_rejects=self.run is not None and self.options.rollback)

    def _note_pace(self, pace: Pace, rows_ahead: int) -> None:
        """Note how far the load is, but for a batch that is only to be written."""
        counts = self.report.counts
        pace.advance(counts.read, counts.rejected, rows_ahead * self.report.stages.share_before_writing())

    def _tell(self, notes: Iterator[str]) -> None:
        for note in notes:
            self.progress.note(self.report, note)

    @property
    def _is_strict(self) -> bool:
        return self.options.validation_mode == "strict"

    def _saves_position(self, reader: Reader) -> bool:
        return reader.is_resumable and not self.options.rollback and not self.options.dry_run

    @contextmanager
    def _extract(self, reader: Reader, after: Position | None = None) -> Iterator[Iterator[pa.RecordBatch]]:
        """Read the source in its order, a batch ahead where another thread may."""
        batches = self.extract(reader, after)
        if reader.reads_ahead:
            with ahead(batches, reader.give_up) as fetched:
                yield fetched
        else:
            yield batches

    def extract(self, reader: Reader, after: Position | None = None) -> Iterator[pa.RecordBatch]:
        """Read the source in its order, and measure it."""
        stages = self.report.stages
        batches = reader.batches(self._batch_size, after)
        while True:
            with stages.measure(EXTRACT, batches=0):
                raw = next(batches, None)
            if raw is None:
                return
            stages.batches[EXTRACT] += 1
            yield raw

    @contextmanager
    def _committed(self) -> Iterator[None]:
        """Without rollback, commit what happens within; with it, the whole run is one transaction."""
        if self.options.rollback or self.options.dry_run:
            yield
        else:
            with transaction.atomic(self.plan.meta.using):
                yield

    def _opened_source(self) -> Reader:
        return open_reader(self.plan, joins_transaction=self.options.dry_run)

    @contextmanager
    def _opened_target(self) -> Iterator[None]:
        self.target.open()
        yield
        self.target.close()  # after a failure the rollback, or the end of the connection, does it

    @contextmanager
    def _claims(self, reader: Reader, expected: int, *, goes_on: bool) -> Iterator[Claims]:
        stored = StoredClaims(self.plan.meta.using, self.plan.meta.name, self.at_once)
        claims: Claims
        if keys_cannot_repeat(self.plan, reader):
            claims = NoClaims()
        elif self.options.rollback or self.options.dry_run:
            claims = LocalClaims(stored if goes_on else NoClaims(), expected)
        else:
            claims = stored
        try:
            yield claims
        finally:
            claims.close()
