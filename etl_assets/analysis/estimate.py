"""How long a load will take: measured on a sample of it that is rolled back, and reckoned up for the rest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypedDict

from django.utils import timezone

from ..engine.evaluate import evaluate
from ..engine.options import RunOptions
from ..engine.plan import make_plan
from ..engine.report import STAGES, advice_about
from ..engine.verbs import Context
from .forecast import Forecast, memory_now
from .reading import Registry, transformer_of
from .rehearsal import Rehearsal
from .sample import Sample
from .suggest import advise, expression_of
from .table import LegacyTable

Progress = Callable[[int, int], None]
"""Is told how many of how many rows have been dealt with."""


class Estimate(TypedDict):
    table: str
    database: str
    transformer: str | None
    """Name of the one that was timed; None where only reading and the suggested verbs were."""
    row_count: int
    batch_size: int
    batches: int
    sample_rows: int
    """Rows that went all the way and were rolled back."""
    rows_per_second: float
    estimated_seconds: float
    estimated_seconds_low: float
    estimated_seconds_high: float
    memory_bytes: int
    """Most memory that this process had while it loaded the sample; it does not grow with the table."""
    recommended_batch_size: int
    suggestions: list[str]


def estimate(
    table: LegacyTable,
    batch_size: int = 1000,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Time the transformer that reads the table on a sample of its rows, and reckon how long all will take.

    The table is read once to its end. Batches spread over it then go all the way into the target, in a
    transaction that is rolled back, as in a dry run: no row is kept and no sequence drawn.

    Raises:
        ConfigurationError: the batch size is below 1, or the transformer cannot run as it is written.
        SourceError: a source is not there.
    """
    options = RunOptions(dry_run=True, batch_size=batch_size)  # refuses a batch size below 1
    rows = table.row_count
    transformer = transformer_of(table, registry or {})
    if transformer is None:
        forecast = _without_transformer(table, batch_size, progress)
    else:
        rehearsal = Rehearsal(make_plan(transformer, registry or {}), registry or {}, options)
        forecast = rehearsal.forecast(rows, progress)
    seconds = forecast.seconds
    margin = forecast.margin
    return {
        "table": table.name,
        "database": table.database,
        "transformer": transformer._meta.name if transformer else None,
        "row_count": rows,
        "batch_size": batch_size,
        "batches": math.ceil(rows / batch_size),
        "sample_rows": forecast.sample_rows,
        "rows_per_second": round(forecast.rows / seconds, 1) if seconds else 0.0,
        "estimated_seconds": round(seconds, 6),
        "estimated_seconds_low": round(seconds * (1 - margin), 6),
        "estimated_seconds_high": round(seconds * (1 + margin), 6),
        "memory_bytes": memory_now(),
        "recommended_batch_size": forecast.recommended_batch_size,
        "suggestions": _suggestions(forecast, rows, batch_size, has_transformer=transformer is not None),
    }


def _without_transformer(table: LegacyTable, batch_size: int, progress: Progress | None) -> Forecast:
    """Time reading, and on the sample the suggested verbs."""
    columns = list(table.columns)
    advice = advise(table, columns)
    zone = timezone.get_default_timezone()
    context = Context(zone, timezone.now().astimezone(zone).date())
    forecast = Forecast(rows=table.row_count, batch_size=batch_size)
    sample = Sample(table.row_count, batch_size)
    started = time.perf_counter()
    for raw in table.batches(size=batch_size, ordered=True):
        forecast.reading_seconds += time.perf_counter() - started
        sample.offer(raw)
        if progress is not None:
            progress(sample.offered, table.row_count)
        started = time.perf_counter()
    expressions = {name: expression_of(name, advice[name]) for name in columns}
    for raw in sample.in_parts():
        started = time.perf_counter()
        source = dict(zip(raw.schema.names, raw.columns, strict=True))
        for expression in expressions.values():
            evaluate(expression, source, raw.num_rows, context)
        forecast.add(raw, cleaning=time.perf_counter() - started)
    return forecast


def _suggestions(forecast: Forecast, rows: int, batch_size: int, *, has_transformer: bool) -> list[str]:
    """Advise on what was measured."""
    if not rows:
        return ["The table is empty: there is nothing to load."]
    advice = []
    if not has_transformer:
        advice.append(
            "No transformer reads this table, so that only reading and the suggested verbs were timed: "
            "write one, and writing to the target will be timed too."
        )
    elif forecast.rows != rows:
        advice.append(
            f"The transformer reads {forecast.rows} of the table's {rows} rows: those were reckoned."
        )
    if forecast.recommended_batch_size != batch_size:
        advice.append(
            f"Use --batch-size {forecast.recommended_batch_size}: each batch of {batch_size} spends "
            f"{forecast.overhead_share:.0%} of its time on what does not depend on its rows."
        )
    shares = forecast.shares()
    if has_transformer and shares:
        dearest = max(STAGES, key=lambda stage: shares.get(stage, 0.0))
        advice.append(
            f"{advice_about(dearest, forecast.slow_steps)} ({dearest}: {shares[dearest]:.0%} of the time)."
        )
    if forecast.rejected:
        advice.append(
            f"{forecast.rejected} of {forecast.sample_rows} sampled rows were rejected, most as "
            f"{forecast.reject_reasons.most_common(1)[0][0]!r}: see etl preview, then mend that first."
        )
    if forecast.missing_parents:
        names = ", ".join(sorted(forecast.missing_parents))
        advice.append(f"{names} are not loaded yet: the sample's parents were loaded with it, and not timed.")
    return advice


__all__ = ["Estimate", "estimate"]
