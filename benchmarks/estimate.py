"""How true `etl estimate` is: estimates the load of a hospital's patients, then does it, and compares.

    LEGACY_DATABASE_URL=... DATABASE_URL=... python benchmarks/estimate.py --patients 1000000

Both databases are those of the environment; the target is migrated, and should hold no patients.
Seconds on the clock depend on whoever else uses the machine meanwhile; this process's CPU seconds do less.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - settings come first
from django.db import connections  # noqa: E402

from django_project.hospital.legacy import make_legacy_hospital  # noqa: E402
from etl_assets.analysis.estimate import estimate  # noqa: E402
from etl_assets.analysis.table import open_table  # noqa: E402
from etl_assets.engine.options import RunOptions  # noqa: E402
from etl_assets.engine.pipeline import run_transformer  # noqa: E402
from etl_assets.registry import discover  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description="How true `etl estimate` is.")
    parser.add_argument(
        "--patients", type=int, default=300_000, help="patients to make; 0 takes those there are"
    )
    parser.add_argument("--batch-size", type=int, default=1000)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    if options.patients:
        make_legacy_hospital(options.patients, seed=1)
    registry = discover()

    clock = time.perf_counter()
    with open_table("legacy_patients", "legacy") as table:
        found = estimate(table, options.batch_size, registry)
    took = time.perf_counter() - clock

    load = RunOptions(batch_size=options.batch_size)
    run_transformer(registry["departments"], registry, load, run_id="benchmark departments")
    cpu = time.process_time()
    report = run_transformer(registry["patients"], registry, load, run_id="benchmark patients")
    cpu = time.process_time() - cpu
    if report.error:
        sys.exit(report.error)

    low, middle, high = (found[f"estimated_seconds{end}"] for end in ("_low", "", "_high"))  # type: ignore[literal-required]
    truth = report.duration_seconds
    vendors = " to ".join(connections[alias].vendor for alias in ("legacy", "default"))
    sys.stdout.write(
        f"{vendors}, {found['row_count']:,} rows in batches of {options.batch_size}, "
        f"{found['sample_rows']:,} of them sampled in {took:.1f} s\n"
        f"estimate {low:.1f} - {middle:.1f} - {high:.1f} s, truth {truth:.1f} s ({cpu:.1f} s of CPU): "
        f"{'inside' if low <= truth <= high else 'outside'}, {middle / truth - 1:+.1%}\n"
    )


if __name__ == "__main__":
    main()
