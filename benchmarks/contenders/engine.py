"""The product's engine, without the command and Dagster."""

from __future__ import annotations

import os
import sys

from .telling import set_up, tell


def main() -> None:
    set_up()
    from etl_assets.engine.options import RunOptions
    from etl_assets.engine.pipeline import run_transformer
    from etl_assets.registry import discover

    registry = discover()
    batch_size = os.environ.get("BENCH_BATCH_SIZE")
    # All of the source each time, as the others do, also where a watermark would spare most of it.
    options = RunOptions(batch_size=int(batch_size) if batch_size else None, full=True)
    seconds = 0.0
    only = os.environ.get("BENCH_ONLY")
    for transformer in registry.choose(only.split(",") if only else None):
        transformer._meta.rebuild_indexes = "--rebuild-indexes" in sys.argv
        run_id = f"benchmark {os.getpid()}"
        report = run_transformer(transformer, registry, options, run_id=run_id)
        if report.error:
            sys.exit(report.error)
        seconds += report.duration_seconds
        stages = {name: round(spent, 3) for name, spent in report.stages.seconds.items()}
    # The last transformer is the large one.
    tell(engine_seconds=round(seconds, 3), **report.counts.as_dict(), **stages)


if __name__ == "__main__":
    main()
