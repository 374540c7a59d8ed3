"""A sample of a load, through the same threads as the real one, with a clock beside it; then rolled back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, nullcontext

import numpy as np
import pyarrow as pa
from django.db import transaction

from ..engine.advice import about_speed
from ..engine.batch import Batch
from ..engine.evaluate import evaluate
from ..engine.fields import read_as
from ..engine.links import LinkResolver
from ..engine.load import Load
from ..engine.options import RunOptions
from ..engine.overlap import ahead
from ..engine.pipeline import rolled_back
from ..engine.plan import FieldPlan, Lookup, Plan
from ..engine.progress import Silent
from ..engine.rejects import RejectLog
from ..engine.report import TransformerReport
from ..engine.sources import Reader, configured, open_reader
from ..engine.stages import CHECKING, EXTRACT, LOAD
from .forecast import Forecast, Progress
from .parents import sources_of
from .reading import Registry
from .sample import Opening, Sample

DEEPEST = 10
"""Generations of parents that are loaded for a sample."""


class Rehearsal:
    """One transformer, tried on a part of its source."""

    def __init__(self, plan: Plan, registry: Registry, options: RunOptions) -> None:
        self.plan = plan
        self.registry = registry
        self.options = options
        self.alias = configured(plan.meta.using, plan.meta.label)

    def forecast(self, progress: Progress | None = None) -> Forecast:
        """Load some stretches of the source as a run would, and leave no trace."""
        batch_size = self.options.rows_per_batch(None)
        with open_reader(self.plan) as reader:
            opening = Opening.of(reader, batch_size)
        started = time.perf_counter()
        with open_reader(self.plan) as reader, closing(RejectLog(self.plan.meta.name)) as rejects:
            forecast = Forecast(reader.count(), batch_size, opening_seconds=opening.seconds)
            report = TransformerReport(self.plan.meta.name, rejects=rejects, slow_steps=self.plan.slow_steps)
            load = Load(self.plan, self.options, report, rejects, Silent(), None)
            forecast.start_seconds = time.perf_counter() - started
            sample = Sample(forecast.rows, batch_size, opening)
            sample.settle(reader)
            with rolled_back(self.alias):
                parents = Parents(self.registry, self.options, forecast.missing_parents)
                parents.load_for(self.plan, load, self._linking(sample))
                self._load(load, reader, sample, forecast, progress)
        _conclude(forecast, report)
        return forecast

    def _load(
        self, load: Load, reader: Reader, sample: Sample, forecast: Forecast, progress: Progress | None
    ) -> None:
        stages = load.report.stages
        load.rebuild.begin(lambda note: None)
        pieces = sample.pieces(reader, lambda: stages.measure(EXTRACT))
        with load.sampling(reader, forecast.rows) as take:
            with ahead(pieces, reader.give_up) if reader.reads_ahead else nullcontext(pieces) as coming:
                take(forecast.clock(coming, sample.rows, progress))
            written = time.perf_counter()
            with stages.measure_closing(LOAD):
                load.rebuild.end()
            with stages.measure_closing(CHECKING):
                load.checks.judge_target(reader, forecast.rows)
        forecast.drain_seconds = written - forecast.asked_last

    def _linking(self, sample: Sample) -> Iterator[pa.RecordBatch]:
        """Read the sample, in so far as it says what it links to."""
        linked = linked_fields(self.plan)
        if not linked:
            return
        with open_reader(self.plan) as reader:
            if not self.plan.transformer.overrides("prepare"):
                names = {name for one, _ in linked for name in one.expression.source_columns}
                reader.columns = {name: of for name, of in reader.columns.items() if name in names}
            for piece in sample.pieces(reader):
                yield piece.raw


def _conclude(forecast: Forecast, report: TransformerReport) -> None:
    """Take over what the sample's report says, and what its stages say of the whole."""
    forecast.stages = report.stages
    forecast.checking_seconds = report.stages.closing[CHECKING]
    forecast.rebuilding_seconds = report.stages.closing[LOAD]
    forecast.checked_rows = report.target_rows or 0
    forecast.created = report.counts.created
    forecast.rejected = report.counts.rejected
    forecast.reject_reasons = report.reject_reasons
    stages = report.stages.times(forecast.times)
    stages.closing.update(
        {EXTRACT: forecast.opening_seconds, LOAD: forecast.rebuilding, CHECKING: forecast.checking}
    )
    advice = about_speed(stages, forecast.seconds, report.slow_steps)
    forecast.advice = advice.text if advice is not None else None


def linked_fields(plan: Plan) -> list[tuple[FieldPlan, Lookup]]:
    """Return the fields that refer to rows of other transformers, and how these are found."""
    return [(one, one.lookup) for one in plan.fields.values() if one.lookup is not None]


class Parents:
    """Loads what a sample links to, where that is not loaded yet."""

    def __init__(self, registry: Registry, options: RunOptions, missing: set[str]) -> None:
        self.registry = registry
        self.options = options
        self.missing = missing
        """Names of the transformers whose rows were not there."""

    def load_for(self, plan: Plan, load: Load, rows: Iterable[pa.RecordBatch], depth: int = 0) -> None:
        """Load the parents of these rows, and before them their own."""
        if depth == DEEPEST:
            return
        links = LinkResolver(plan.meta.using, load.at_once)
        missing: dict[str, set[object]] = {one.name: set() for one, _ in linked_fields(plan)}
        for raw in rows:
            source = _source(plan, load, raw)
            for field, lookup in linked_fields(plan):
                value = evaluate(field.expression, source, raw.num_rows, load.transformation.context)
                keys = read_as(lookup.key_field, value.values, load.transformation.context).values
                _, are_missing = links.resolve(keys, lookup)
                missing[field.name].update(keys.take(pa.array(np.flatnonzero(are_missing))).to_pylist())
        for field, lookup in linked_fields(plan):
            if missing[field.name]:
                self._load(lookup, missing[field.name], load, depth)

    def _load(self, lookup: Lookup, keys: set[object], child: Load, depth: int) -> None:
        for source in sources_of(lookup, self.registry, child.transformation.context):
            found = [raw for raw, _ in source.rows_with(keys)]
            if not found:
                continue
            with closing(RejectLog(source.plan.meta.name)) as rejects, open_reader(source.plan) as reader:
                report = TransformerReport(source.plan.meta.name, rejects=rejects)
                parent = Load(source.plan, self.options, report, rejects, Silent(), None)
                self.load_for(source.plan, parent, found, depth + 1)
                with (
                    transaction.atomic(source.plan.meta.using),
                    parent.sampling(reader, sum(raw.num_rows for raw in found)) as take,
                ):
                    take(found)
                if report.counts.created:
                    self.missing.add(source.plan.meta.name)


def _source(plan: Plan, load: Load, raw: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Return the columns of which the keys are made."""
    if plan.transformer.overrides("prepare"):
        return load.transformation.prepare(Batch(raw, 0))
    return dict(zip(raw.schema.names, raw.columns, strict=True))
