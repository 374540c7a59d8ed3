"""What the command costs besides its imports and the engine: Dagster's part, on the demo hospital.

    python benchmarks/command_overhead.py [--patients 10000] [--runs 3]

Writes a hospital into a temporary folder, runs `materialize` on it, each time with the same Dagster home, and
prints the seconds that are neither the engine's nor an import's. The first run also makes the home.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _use(Path(folder))
        for number, (total, engine) in enumerate(_measure(options.patients, options.runs), 1):
            besides = total - engine
            sys.stdout.write(
                f"run {number}: {total:.2f} s in all, {engine:.2f} s engine, {besides:.2f} s besides\n"
            )


def _use(folder: Path) -> None:
    """Put databases and Dagster's home into a folder, before Django reads its settings."""
    home = folder / "dagster"
    home.mkdir()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "django_project.settings",
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "LEGACY_DATABASE_URL": f"sqlite:///{folder}/legacy.sqlite3",
        "DAGSTER_HOME": str(home),
    }
    sys.path.insert(0, str(ROOT))


def _measure(patients: int, runs: int) -> list[tuple[float, float]]:
    import django

    django.setup()
    from django.core.management import call_command

    from django_project.hospital.legacy import make_legacy_hospital
    from etl_assets import registry
    from etl_assets.engine.options import RunOptions
    from etl_assets.orchestration.in_process import materialize

    call_command("migrate", verbosity=0)
    make_legacy_hospital(patients, seed=1)
    found = registry.discover()
    measured = []
    for _ in range(runs):
        started = time.perf_counter()
        report = materialize(found.choose(None), found, RunOptions())
        total = time.perf_counter() - started
        assert report.succeeded, report.as_dict()
        measured.append((total, sum(one.duration_seconds for one in report.transformers.values())))
    return measured


if __name__ == "__main__":
    main()
