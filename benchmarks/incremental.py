"""What a run costs that reads only what is new: some changed rows among many.

    python benchmarks/incremental.py [--patients 1000000] [--changed 1000]

Both databases are those of the environment, LEGACY_DATABASE_URL and DATABASE_URL; what they hold of the
hospital is replaced. The legacy table is the hospital's: it has no primary key, and 2 percent of it are
rejected, and so read again each time. Then the same with an integer primary key, which needs no note of who
has which key, and nothing rejected.

For each it prints the seconds of a first load with and without a watermark, of a run with nothing new, of
runs with some rows changed, before and after watermark and key are indexed, and of a run with `--full`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
os.environ["SENSORS"] = "1"  # with them on, the hospital's patients have a watermark
django.setup()

from django.core.management import call_command  # noqa: E402 - settings come first
from django.db import connections  # noqa: E402

from django_project.hospital.legacy import make_legacy_hospital  # noqa: E402
from django_project.hospital.legacy.tables import PATIENTS, Table, replace_table  # noqa: E402
from django_project.hospital.models import Patient  # noqa: E402
from django_project.hospital.transformers import DepartmentTransformer, PatientTransformer  # noqa: E402
from etl_assets import Transformer  # noqa: E402
from etl_assets.engine.options import RunOptions  # noqa: E402
from etl_assets.engine.pipeline import run_transformer  # noqa: E402
from etl_assets.models import Reject  # noqa: E402
from etl_assets.registry import Registry  # noqa: E402

RUNS = count(1)
LATER = dt.timedelta(hours=3)
"""Between two changes: more than the overlap, so that each run reads its own."""

KEYED = Table("keyed_patients", {**PATIENTS.columns, "patient_id": "integer PRIMARY KEY"})


class WithoutWatermark(PatientTransformer):
    class Meta(PatientTransformer.Meta):
        watermark = None


class Keyed(PatientTransformer):
    class Meta(PatientTransformer.Meta):
        source = KEYED.name
        name = KEYED.name
        order_by = ()  # type: ignore[assignment]


class KeyedWithoutWatermark(Keyed):
    class Meta(Keyed.Meta):
        watermark = None


def main() -> None:
    parser = argparse.ArgumentParser(description="What a run costs that reads only what is new.")
    parser.add_argument(
        "--patients", type=int, default=100_000, help="patients to make; 0 takes those there are"
    )
    parser.add_argument("--changed", type=int, default=1_000, help="how many of them change between runs")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    if options.patients:
        make_legacy_hospital(options.patients, seed=1)
    run(DepartmentTransformer)
    vendors = " to ".join(connections[alias].vendor for alias in ("legacy", "default"))
    sys.stdout.write(f"{vendors}, {options.changed} rows changed\n")

    tell("without a primary key, 2 percent rejected", PatientTransformer, WithoutWatermark, options.changed)
    make_keyed()
    tell("with a primary key, none rejected", Keyed, KeyedWithoutWatermark, options.changed)


def tell(
    what: str, transformer: type[Transformer], without_watermark: type[Transformer], changed: int
) -> None:
    sys.stdout.write(f"\n{what}\n")
    for name, seconds, rows in measured(transformer, without_watermark, changed):
        sys.stdout.write(f"  {name:<30} {seconds:8.2f} s {rows:>10} rows read\n")
        sys.stdout.flush()


def measured(
    transformer: type[Transformer], without_watermark: type[Transformer], changed: int
) -> Iterator[tuple[str, float, int]]:
    table = transformer._meta.source_label
    execute(f"DROP INDEX IF EXISTS {table}_changed")
    execute(f"DROP INDEX IF EXISTS {table}_patient")
    empty_target()
    yield "first load, no watermark", *run(without_watermark)
    empty_target()
    yield "first load", *run(transformer)
    settle()
    yield "nothing new", *run(transformer)
    for _ in range(3):
        change(table, changed)
        yield "changed", *run(transformer)
    execute(f"CREATE INDEX {table}_changed ON {table} (updated_at)")
    execute(f"CREATE INDEX {table}_patient ON {table} (patient_id)")
    settle()
    for _ in range(3):
        change(table, changed)
        yield "changed, columns indexed", *run(transformer)
    yield "--full", *run(transformer, full=True)


def run(transformer: type[Transformer], *, full: bool = False) -> tuple[float, int]:
    """Run one transformer in the engine; return its seconds, lock and record included, and rows read."""
    registry = Registry(dict.fromkeys((DepartmentTransformer, transformer)))
    started = time.perf_counter()
    done = run_transformer(transformer, registry, RunOptions(full=full), run_id=f"benchmark {next(RUNS)}")
    if done.error:
        sys.exit(done.error)
    return time.perf_counter() - started, done.counts.read


def change(table: str, rows: int) -> None:
    """Give rows all over the table another address, some hours after the last change."""
    with connections["legacy"].cursor() as cursor:
        cursor.execute(f"SELECT MAX(updated_at), MIN(patient_id), MAX(patient_id) FROM {table}")
        last, first_id, last_id = cursor.fetchone()
        later = dt.datetime.fromisoformat(last) + LATER
        step = max((last_id - first_id) // rows, 1)
        cursor.execute(
            f"UPDATE {table} SET address = %s, updated_at = %s WHERE patient_id %% %s = 0",
            [f"{next(RUNS)} New Road", str(later), step],
        )


def make_keyed() -> None:
    """Copy the patients that were not rejected, each once."""
    names = ", ".join(KEYED.columns)
    replace_table(connections["legacy"], KEYED, ())
    execute(
        f"INSERT INTO {KEYED.name} ({names}) SELECT {names} FROM {PATIENTS.name} "
        "WHERE patient_id IS NOT NULL ORDER BY patient_id, registered_at ON CONFLICT DO NOTHING"
    )
    rejected = Reject.objects.filter(transformer="patients").values_list("legacy_key", flat=True)
    with connections["legacy"].cursor() as cursor:
        cursor.executemany(
            f"DELETE FROM {KEYED.name} WHERE patient_id = %s", [(int(key),) for key in rejected if key]
        )


def empty_target() -> None:
    table = Patient._meta.db_table
    with connections["default"].cursor() as cursor:
        if connections["default"].vendor == "postgresql":
            cursor.execute(f"TRUNCATE {table} CASCADE")
        else:
            cursor.execute(f"DELETE FROM {table}")


def settle() -> None:
    """Let PostgreSQL take stock, as it does by itself after a while."""
    for alias in ("default", "legacy"):
        if connections[alias].vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")


def execute(sql: str) -> None:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(sql)


if __name__ == "__main__":
    main()
