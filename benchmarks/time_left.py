"""How true the time left is: loads a hospital's patients, and holds what was told against what came.

    LEGACY_DATABASE_URL=... DATABASE_URL=... python -m benchmarks.time_left --patients 300000

Both databases are those of the environment; the target is migrated, and should hold no patients. Three runs:
the first one into the empty target, then all patients again unchanged, then with every second one changed.
At the end of each stands what closing it took: `CHECKING` and `KEEPING_A_REJECT` in etl_assets/engine/pace.py
come from the first.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - settings come first
from django.db.models import F  # noqa: E402

from django_project.hospital.legacy import make_legacy_hospital  # noqa: E402
from django_project.hospital.models import Patient  # noqa: E402
from etl_assets.engine.options import RunOptions  # noqa: E402
from etl_assets.engine.pipeline import run_transformer  # noqa: E402
from etl_assets.engine.progress import Silent  # noqa: E402
from etl_assets.engine.report import TransformerReport  # noqa: E402
from etl_assets.registry import Registry, discover  # noqa: E402

SHARES = (10, 25, 50, 75, 90)
"""Percent of the rows after which the time left is looked at."""


class Listener(Silent):
    """Notes the time left when a share of the rows is done."""

    def __init__(self) -> None:
        self.told: dict[int, tuple[float, float]] = {}
        """Percent -> when, and the seconds left."""
        self.closing_since = 0.0

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        assert report.pace is not None
        standing = report.pace.standing
        for share in SHARES:
            if standing.percent >= share and share not in self.told and standing.seconds_left is not None:
                self.told[share] = time.monotonic(), standing.seconds_left

    def finished(self, report: TransformerReport) -> None:
        if report.pace is not None and report.pace.closing_seconds is not None:
            self.closing_since = time.monotonic() - report.pace.closing_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="How true the time left is.")
    parser.add_argument(
        "--patients", type=int, default=300_000, help="patients to make; 0 takes those there are"
    )
    parser.add_argument("--batch-size", type=int, default=10_000)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    if options.patients:
        make_legacy_hospital(options.patients, seed=1)
    registry = discover()
    load(registry, "departments", options.batch_size)
    for situation in ("empty", "unchanged", "changed"):
        if situation == "changed":
            every_second = Patient.objects.annotate(half=F("legacy_id") % 2).filter(half=0)
            every_second.update(email="before@example.org")
        tell(situation, *load(registry, "patients", options.batch_size))


def load(registry: Registry, name: str, batch_size: int) -> tuple[Listener, TransformerReport, float]:
    """Run a transformer; return what was told, what came of it, and when it ended."""
    listener = Listener()
    run_id = f"benchmark {uuid.uuid4().hex[:8]}"
    options = RunOptions(batch_size=batch_size)
    report = run_transformer(registry[name], registry, options, run_id=run_id, progress=listener)
    if report.error:
        sys.exit(report.error)
    return listener, report, time.monotonic()


def tell(situation: str, listener: Listener, report: TransformerReport, ended: float) -> None:
    counts = report.counts
    out = sys.stdout.write
    out(
        f"\n{situation}: {counts.read} rows in {report.duration_seconds:.1f} s, "
        f"{report.rows_per_second:,.0f} rows/s\n"
    )
    for share, (moment, told) in listener.told.items():
        truth = ended - moment
        out(f"{share:4} percent: told {told:6.1f} s, true {truth:6.1f} s, {told / truth - 1:+.0%}\n")
    closing = ended - listener.closing_since
    of_rows = closing / (report.duration_seconds - closing)
    out(f"closing: {closing:.2f} s, {of_rows:.1%} of what came before, with {counts.rejected} rejects\n")


if __name__ == "__main__":
    main()
