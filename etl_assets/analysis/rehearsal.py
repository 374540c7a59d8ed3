"""A sample of a load, for real and then rolled back, with a clock beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import numpy as np
import pyarrow as pa
from django.db import transaction

from ..engine.batch import Batch
from ..engine.evaluate import evaluate
from ..engine.fields import read_as
from ..engine.links import LinkResolver
from ..engine.load import Load
from ..engine.options import RunOptions
from ..engine.pipeline import rolled_back
from ..engine.plan import Lookup, Plan
from ..engine.progress import Silent
from ..engine.rejects import RejectLog
from ..engine.report import LOAD, TRANSFORM, VALIDATE, TransformerReport
from ..engine.sources import configured, open_reader
from .forecast import GROWTH, SQLITE_GROWTH, Forecast
from .parents import sources_of
from .reading import Registry
from .sample import Sample

DEEPEST = 10
"""Generations of parents that are loaded for a sample."""


class Rehearsal:
    """One transformer, tried on a part of its source."""

    def __init__(self, plan: Plan, registry: Registry, options: RunOptions) -> None:
        self.plan = plan
        self.registry = registry
        self.options = options
        self.alias = configured(plan.meta.using, plan.meta.label)

    def forecast(self, rows: int, progress: Callable[[int, int], None] | None = None) -> Forecast:
        """Read the whole source, load some batches of it, and leave no trace."""
        started = time.perf_counter()
        batch_size = self.options.rows_per_batch(None)
        with open_reader(self.plan) as reader, closing(RejectLog(self.plan.meta.name)) as rejects:
            expected = reader.count()
            report = TransformerReport(self.plan.meta.name, rejects=rejects)
            load = Load(self.plan, self.options, report, rejects, Silent(), None)
            is_sqlite = load.connection.vendor == "sqlite"
            growth = SQLITE_GROWTH if is_sqlite else GROWTH
            forecast = Forecast(rows=expected, batch_size=batch_size, growth=growth)
            forecast.fixed_seconds = time.perf_counter() - started
            sample = Sample(expected, batch_size)
            with closing(load.extract(reader)) as batches:  # type: ignore[type-var]
                for raw in batches:
                    sample.offer(reader.visible(raw))
                    if progress is not None:
                        progress(sample.offered, expected)
            forecast.reading_seconds = report.stages.seconds.total()
            with rolled_back(self.alias):
                parents = Parents(self.registry, self.options, forecast.missing_parents)
                parents.load_for(self.plan, load, sample.batches)
                started = time.perf_counter()
                load.sample(reader, _timed(sample, report, forecast))
                took = time.perf_counter() - started
                load.target.count()
            forecast.fixed_seconds += max(took - sum(one.total for one in forecast.timed), 0.0)
        forecast.slow_steps = report.slow_steps
        forecast.created = report.counts.created
        forecast.rejected = report.counts.rejected
        forecast.reject_reasons = report.reject_reasons
        return forecast


def _timed(sample: Sample, report: TransformerReport, forecast: Forecast) -> Iterator[pa.RecordBatch]:
    """Give the sample's batches out, and note how long each one took."""
    for raw in sample.in_parts():
        before = dict(report.stages.seconds)
        yield raw
        after = report.stages.seconds
        took = {stage: after[stage] - before.get(stage, 0.0) for stage in (TRANSFORM, VALIDATE, LOAD)}
        forecast.add(raw, stages=took)


class Parents:
    """Loads what a sample links to, where that is not loaded yet."""

    def __init__(self, registry: Registry, options: RunOptions, missing: set[str]) -> None:
        self.registry = registry
        self.options = options
        self.missing = missing
        """Names of the transformers whose rows were not there."""

    def load_for(self, plan: Plan, load: Load, rows: Sequence[pa.RecordBatch], depth: int = 0) -> None:
        """Load the parents of these rows, and before them their own."""
        for field in plan.fields.values():
            if field.lookup is None or depth == DEEPEST:
                continue
            keys: set[object] = set()
            links = LinkResolver(plan.meta.using, load.at_once)
            for raw in rows:
                source = load.transformation.prepare(Batch(raw, 0))
                value = evaluate(field.expression, source, raw.num_rows, load.transformation.context)
                read = read_as(field.lookup.key_field, value.values, load.transformation.context).values
                _, missing = links.resolve(read, field.lookup)
                keys.update(read.take(pa.array(np.flatnonzero(missing))).to_pylist())
            if keys:
                self._load(field.lookup, keys, load, depth)

    def _load(self, lookup: Lookup, keys: set[object], child: Load, depth: int) -> None:
        for source in sources_of(lookup, self.registry, child.transformation.context):
            found = [raw for raw, _ in source.rows_with(keys)]
            if not found:
                continue
            with closing(RejectLog(source.plan.meta.name)) as rejects, open_reader(source.plan) as reader:
                report = TransformerReport(source.plan.meta.name, rejects=rejects)
                parent = Load(source.plan, self.options, report, rejects, Silent(), None)
                self.load_for(source.plan, parent, found, depth + 1)
                with transaction.atomic(source.plan.meta.using):
                    parent.sample(reader, found)
                if report.counts.created:
                    self.missing.add(source.plan.meta.name)
