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
    run = rehearse(registry.choose(None), registry, RunOptions(dry_run=True, **options), run_id=next(RUN_IDS))
    _all_well(run.transformers)
    return run.transformers


def _all_well(reports: dict[str, TransformerReport]) -> None:
    for name, report in reports.items():
        ends = report.counts
        assert report.error is None, f"{name}: {report.error}"
        assert ends.read == ends.created + ends.updated + ends.unchanged + ends.rejected + ends.skipped, name


def counts(reports: dict[str, TransformerReport]) -> dict[str, dict[str, int]]:
    """Each transformer's counts."""
    return {name: report.counts.as_dict() for name, report in reports.items()}


def rejects(reports: dict[str, TransformerReport]) -> dict[str, list[tuple]]:
    """Each transformer's rejected rows, sorted, with raw values as texts.

    A SQLite column may hold anything. Whether its 7 arrives as 7, 7.0 or '7' depends on what else there is
    in its batch; nothing else may.
    """
    return {
        name: sorted(
            (row.legacy_key, row.field, row.code, row.reason.replace("'", ""), _texts(row.raw))
            for row in report.rejects or ()
        )
        for name, report in reports.items()
    }


def _texts(raw: dict[str, Any]) -> str:
    return repr({name: str(value).removesuffix(".0") for name, value in raw.items()})


def fingerprint(*apps: str) -> dict[str, object]:
    """A checksum of each row of the target database, in its place, and the state of its sequences.

    Args:
        apps: labels of the apps whose tables are meant; without any, all tables are.

    A row that was written again, with the very same values, has another place or transaction on PostgreSQL.
    """
    connection = connections["default"]
    on_postgres = connection.vendor == "postgresql"
    rows = "SELECT ctid, xmin, * FROM {}" if on_postgres else "SELECT * FROM {}"
    sequences = (
        "SELECT sequencename, last_value FROM pg_sequences"
        if on_postgres
        else "SELECT * FROM sqlite_sequence"
    )
    meant = tuple(f"{app}_" for app in apps) or ""
    found: dict[str, object] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(meant):
                cursor.execute(rows.format(connection.ops.quote_name(table)))
                found[table] = sorted(hashlib.md5(repr(row).encode()).hexdigest() for row in cursor)
        cursor.execute(sequences)
        found["sequences"] = sorted(row for row in cursor if row[0].startswith(meant))
    return found
