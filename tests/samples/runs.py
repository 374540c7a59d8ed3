"""Running transformers in a test, and looking at what a run did to the target."""

from __future__ import annotations

import hashlib
from itertools import count
from typing import Any

from django.db import connections

from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse, run_transformer
from etl_assets.engine.report import TransformerReport
from etl_assets.registry import Registry

RUN_IDS = (f"run-{number}" for number in count(1))


def load(registry: Registry, **options: Any) -> dict[str, TransformerReport]:
    """Run all transformers for real; each succeeds and balances."""
    run_id = next(RUN_IDS)
    reports = {
        name: run_transformer(transformer, registry, RunOptions(**options), run_id=run_id)
        for name, transformer in registry.items()
    }
    _all_well(reports)
    return reports


def try_out(registry: Registry, **options: Any) -> dict[str, TransformerReport]:
    """Do a dry run of all transformers; each succeeds and balances."""
    run = rehearse(
        registry.choose(None), registry, RunOptions(dry_run=True, **options), run_id=next(RUN_IDS)
    )
    _all_well(run.transformers)
    return run.transformers


def _all_well(reports: dict[str, TransformerReport]) -> None:
    assert {name: report.error for name, report in reports.items()} == dict.fromkeys(reports)
    for name, report in reports.items():
        ends = report.counts
        assert ends.read == ends.created + ends.updated + ends.unchanged + ends.rejected + ends.skipped, name


def counts(reports: dict[str, TransformerReport]) -> dict[str, dict[str, int]]:
    """Each transformer's counts."""
    return {name: report.counts.as_dict() for name, report in reports.items()}


def rejects(reports: dict[str, TransformerReport]) -> dict[str, list[tuple]]:
    """Each transformer's rejected rows, in the order in which they were met."""
    return {
        name: [(row.legacy_key, row.field, row.code, row.reason, row.raw) for row in report.rejects or ()]
        for name, report in reports.items()
    }


def fingerprint(*apps: str) -> dict[str, object]:
    """A checksum of each row of the target database, in its place, and the state of its sequences.

    Args:
        apps: labels of the apps whose tables are meant; without any, all tables are.

    A row that was written again, with the very same values, has another place or transaction on PostgreSQL.
    """
    connection = connections["default"]
    place = "ctid, xmin, *" if connection.vendor == "postgresql" else "*"
    found: dict[str, object] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if apps and not table.startswith(tuple(f"{app}_" for app in apps)):
                continue
            cursor.execute(f"SELECT {place} FROM {connection.ops.quote_name(table)}")
            found[table] = sorted(hashlib.md5(repr(row).encode()).digest() for row in cursor)
        if connection.vendor == "postgresql":
            cursor.execute("SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2")
        else:
            cursor.execute("SELECT * FROM sqlite_sequence ORDER BY 1")
        found["sequences of all apps"] = cursor.fetchall()
    return found
