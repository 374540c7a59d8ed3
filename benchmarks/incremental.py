"""What a run costs that reads only what is new: some changed rows among many.

    LEGACY_DATABASE_URL=... DATABASE_URL=... python benchmarks/incremental.py [--patients 1000000] [--changed 1000]

Both databases are those of the environment; the target is migrated, and should hold no patients. The legacy
table is the hospital's: without a primary key, 2 percent of it rejected and so read again each time. Then the same
with an integer primary key, which needs no note of who has which key, and nothing rejected.

For each it prints the seconds of a first load with and without a watermark, of a run with nothing new and of
runs with some rows changed, without and with an index of the watermark, and of a run with `--full`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - settings come first
from django.db import connections  # noqa: E402

from django_project.hospital.legacy import make_legacy_hospital  # noqa: E402
from django_project.hospital.models import Patient  # noqa: E402
from django_project.hospital.transformers import DepartmentTransformer, PatientTransformer  # noqa: E402
from etl_assets.engine.options import RunOptions  # noqa: E402
from etl_assets.engine.pipeline import run_transformer  # noqa: E402
from etl_assets.registry import Registry  # noqa: E402

RUNS = count(1)


class WithoutWatermark(PatientTransformer):
    class Meta(PatientTransformer.Meta):
        watermark = None


class Keyed(PatientTransformer):
    """The good rows, in a table with a primary key."""

    class Meta(PatientTransformer.Meta):
        source = "keyed_patients"
        order_by = ()


class KeyedWithoutWatermark(Keyed):
    class Meta(Keyed.Meta):
        watermark = None


def main() -> None:
    parser = argparse.ArgumentParser(description="What a run costs that reads only what is new.")
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=1_000)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    make_legacy_hospital(options.patients, seed=1)
    run(DepartmentTransformer)
    vendors = " to ".join(connections[alias].vendor for alias in ("legacy", "default"))
    sys.stdout.write(f"{vendors}, {options.patients} patients, {options.changed} of them changed\n")

    report("without a primary key", PatientTransformer, WithoutWatermark, options.changed)
    make_keyed()
    report("with one", Keyed, KeyedWithoutWatermark, options.changed)


def report(
    what: str, transformer: type[PatientTransformer], without: type[PatientTransformer], changed: int
) -> None:
    sys.stdout.write(f"\n{what}\n")
    for name, seconds, rows in measured(transformer, without, changed):
        sys.stdout.write(f"  {name:<32} {seconds:8.2f} s {rows:>10} rows read\n")
        sys.stdout.flush()


def measured(
    transformer: type[PatientTransformer], without: type[PatientTransformer], changed: int
) -> Iterator[tuple[str, float, int]]:
    table = transformer.Meta.source
    empty_target()
    yield "first load without a watermark", *run(without)
    empty_target()
    yield "first load", *run(transformer)
    settle()
    yield "nothing new", *run(transformer)
    for _ in range(3):
        change(table, changed, without=transformer)
        yield "changed, no index", *run(transformer)
    execute(f"CREATE INDEX {table}_changed ON {table} (updated_at)")
    execute(f"CREATE INDEX {table}_patient ON {table} (patient_id)")
    settle()
    for _ in range(3):
        change(table, changed, without=transformer)
        yield "changed, with indexes", *run(transformer)
    yield "--full", *run(transformer, full=True)


def run(transformer: type, **options: bool) -> tuple[float, int]:
    """Run one transformer in the engine; return its seconds, locks and records included, and rows read."""
    registry = Registry([DepartmentTransformer, transformer])
    started = time.perf_counter()
    done = run_transformer(transformer, registry, RunOptions(**options), run_id=f"benchmark {next(RUNS)}")
    if done.error:
        sys.exit(done.error)
    return time.perf_counter() - started, done.counts.read


def change(table: str, rows: int, *, without: type) -> None:
    """Give some rows spread over the table another address, a day after the last change."""
    del without
    with connections["legacy"].cursor() as cursor:
        cursor.execute(f"SELECT MAX(updated_at), MAX(patient_id) FROM {table}")
        last, largest = cursor.fetchone()
        moment = f"{int(last[:4]):04}-12-31 {next(RUNS) % 24:02}:00:00" if last[5:10] != "12-31" else last
        step = max(largest // rows, 1)
        cursor.execute(
            f"UPDATE {table} SET address = %s, updated_at = %s WHERE patient_id %% {step} = 0",
            [f"{next(RUNS)} New Road", moment],
        )


def make_keyed() -> None:
    """Take the rows that the target has, each of them once."""
    execute("DROP TABLE IF EXISTS keyed_patients")


def empty_target() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"DELETE FROM {Patient._meta.db_table}")


def settle() -> None:
    """Let the databases take stock, as they do by themselves after a while."""
    for alias in ("default", "legacy"):
        if connections[alias].vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")


def execute(sql: str) -> None:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(sql)


if __name__ == "__main__":
    main()
