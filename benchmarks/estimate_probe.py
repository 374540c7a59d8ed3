"""One load of `benchmarks.estimate`, as `python -m benchmarks.estimate_probe BATCH_SIZE`.

Loads the patients of LEGACY_DATABASE_URL into DATABASE_URL, their departments before them, and prints one
line of JSON: how long that took, and how its batches followed each other.
"""

from __future__ import annotations

import json
import math
import sys
import time

import django

EARLY = 8
"""One row in so many counts as an early one: an estimate looks at as many."""

WARM = 2
"""Batches until all threads have something to do."""


def main(batch_size: int) -> None:
    django.setup()
    from etl_assets.engine.options import RunOptions
    from etl_assets.engine.pipeline import run_transformer
    from etl_assets.engine.progress import Silent
    from etl_assets.engine.report import TransformerReport
    from etl_assets.registry import discover

    class Clock(Silent):
        """Notes when each batch began to be written."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def batch(self, report: TransformerReport, number: int, rows: int) -> None:
            self.times.append(time.perf_counter())

    registry, options, clock = discover(), RunOptions(batch_size=batch_size), Clock()
    departments = run_transformer(registry["departments"], registry, options, run_id=f"before {time.time()}")
    report = run_transformer(
        registry["patients"], registry, options, run_id=f"measured {time.time()}", progress=clock
    )
    closing = report.pace.closing_seconds if report.pace is not None else None
    if error := departments.error or report.error:
        sys.exit(error)

    times = clock.times[WARM:] if len(clock.times) > 2 * WARM else clock.times
    pace = _mean_gap(times) / _mean_gap(times[: max(len(times) // EARLY, 2)])
    created = report.counts.created / max(report.counts.read, 1)
    rejecting = (closing or 0.0) - report.stages.closing.total()
    found = {
        "seconds": report.duration_seconds,
        "pace": pace,
        "growth": (pace - 1) / math.log2(EARLY) if created > 0.5 else 0.0,
        "reject_seconds": rejecting / max(report.counts.rejected, 1),
    }
    sys.stdout.write(json.dumps(found) + "\n")


def _mean_gap(times: list[float]) -> float:
    return (times[-1] - times[0]) / (len(times) - 1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
