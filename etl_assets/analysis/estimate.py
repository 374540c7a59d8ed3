"""How long a load will take: measured on a sample of it that is rolled back, and reckoned up for the rest."""

from __future__ import annotations

import math
from typing import TypedDict

from django.utils import timezone

from ..engine.evaluate import evaluate
from ..engine.options import RunOptions
from ..engine.plan import make_plan
from ..engine.verbs import Context
from .forecast import MARGIN, Forecast, Progress, memory_now
from .reading import Registry, TransformerClass, transformer_of
from .rehearsal import Rehearsal
from .sample import Opening, Sample
from .suggest import advise, expression_of
from .table import LegacyTable, open_table


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
    """Most memory that this process had. A load of everything has a few bytes more for each row."""
    recommended_batch_size: int
    suggestions: list[str]


def estimate(
    table: LegacyTable,
    batch_size: int = 1000,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Time the transformer that reads the table on a sample of its rows, and reckon how long all will take.

    Stretches of batches, spread over the table, go all the way into the target: read, cleaned and written at
    once, as a load does it, in a transaction that is rolled back. No row is kept and no sequence drawn.

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
        forecast = rehearsal.forecast(progress)
    seconds = forecast.seconds
    return {
        "table": table.name,
        "database": table.database,
        "transformer": transformer._meta.name if transformer else None,
        "row_count": rows,
        "batch_size": batch_size,
        "batches": math.ceil(rows / batch_size),
        "sample_rows": forecast.sample_rows,
        "rows_per_second": round(forecast.rows / seconds, 1) if seconds else 0.0,
        "estimated_seconds": _shortened(seconds),
        "estimated_seconds_low": _shortened(seconds * (1 - MARGIN)),
        "estimated_seconds_high": _shortened(seconds * (1 + MARGIN)),
        "memory_bytes": memory_now(),
        "recommended_batch_size": forecast.recommended_batch_size,
        "suggestions": _suggestions(forecast, rows, batch_size, transformer),
    }


def _shortened(seconds: float) -> float:
    """Keep as many digits as mean anything, be it a small part of a second."""
    return float(f"{seconds:.6g}")


def _without_transformer(table: LegacyTable, batch_size: int, progress: Progress | None) -> Forecast:
    """Time reading and the suggested verbs, one after the other."""
    columns = list(table.columns)
    advice = advise(table, columns)
    zone = timezone.get_default_timezone()
    context = Context(zone, timezone.now().astimezone(zone).date())
    expressions = [expression_of(name, advice[name]) for name in columns]
    with open_table(table.name, table.database) as same:
        opening = Opening.of(same.reader, batch_size)
    forecast = Forecast(table.row_count, batch_size, opening_seconds=opening.seconds)
    sample = Sample(forecast.rows, batch_size, opening)
    sample.settle(table.reader)
    for raw in forecast.clock(sample.pieces(table.reader), sample.rows, progress):
        source = dict(zip(raw.schema.names, raw.columns, strict=True))
        for expression in expressions:
            evaluate(expression, source, raw.num_rows, context)
    return forecast


def _suggestions(
    forecast: Forecast, rows: int, batch_size: int, transformer: TransformerClass | None
) -> list[str]:
    """Advise on what was measured."""
    if not rows:
        return ["The table is empty: there is nothing to load."]
    advice = []
    if transformer is None:
        advice.append(
            "No transformer reads this table, so that only reading and the suggested verbs were timed: "
            "write one, and writing to the target will be timed too."
        )
    elif forecast.rows != rows:
        advice.append(
            f"The transformer reads {forecast.rows} of the table's {rows} rows: those were reckoned."
        )
    if transformer is not None and transformer._meta.watermark is not None:
        advice.append(
            "The transformer has a watermark: this is a load of everything, without what it notes for later "
            "loads, which read only what is new."
        )
    if forecast.recommended_batch_size != batch_size:
        advice.append(
            f"Use --batch-size {forecast.recommended_batch_size}: each batch of {batch_size} spends "
            f"{forecast.overhead_share:.0%} of its time on what does not depend on its rows."
        )
    if forecast.advice is not None:
        advice.append(f"{forecast.advice}.")
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
