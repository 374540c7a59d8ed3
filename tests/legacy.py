"""Legacy tables made of Python rows, runs over them, and what a database holds before and after."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.test import override_settings

from etl_assets import Transformer
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse, run_transformer
from etl_assets.engine.report import RunReport, TransformerReport
from etl_assets.models import Reject
from etl_assets.registry import Registry

RUN_NUMBERS = itertools.count(1)
BYTES = {"sqlite": "blob", "postgresql": "bytea"}


def make_table(
    name: str,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[Any]],
    *,
    primary_key: str | Sequence[str] | None = None,
    using: str = "legacy",
) -> None:
    """Make a table, in place of one that has the name, and fill it.

    Args:
        columns: name -> type that both databases know; "bytes" is either's own.
        primary_key: its columns; none where a legacy table has none.
    """
    connection = connections[using]
    quote = connection.ops.quote_name
    lines = [f"{quote(column)} {_type(connection, type_)}" for column, type_ in columns.items()]
    if primary_key is not None:
        names = [primary_key] if isinstance(primary_key, str) else primary_key
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, names))})")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {quote(name)}")
        cursor.execute(f"CREATE TABLE {quote(name)} ({', '.join(lines)})")
    insert(name, rows, using=using)


def insert(name: str, rows: Sequence[Sequence[Any]], *, using: str = "legacy") -> None:
    """Add rows to a table."""
    if not rows:
        return
    connection = connections[using]
    marks = ", ".join(["%s"] * len(rows[0]))
    with transaction.atomic(using), connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {connection.ops.quote_name(name)} VALUES ({marks})", rows)


def execute(sql: str, *, using: str = "legacy") -> None:
    """Run one statement as it is written."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql)


def _type(connection: BaseDatabaseWrapper, declared: str) -> str:
    return BYTES[connection.vendor] if declared == "bytes" else declared


def new_run_id() -> str:
    return f"run-{next(RUN_NUMBERS)}"


def attempt(
    transformer: type[Transformer], *others: type[Transformer], run_id: str | None = None, **options: Any
) -> TransformerReport:
    """Run one transformer for real, whatever comes of it; the others are there to be linked to."""
    registry = Registry([transformer, *others])
    return run_transformer(transformer, registry, RunOptions(**options), run_id=run_id or new_run_id())


def load(
    transformer: type[Transformer], *others: type[Transformer], run_id: str | None = None, **options: Any
) -> TransformerReport:
    """Run one transformer for real; it must succeed."""
    report = attempt(transformer, *others, run_id=run_id, **options)
    if report.exception is not None:
        raise report.exception
    assert report.status == "success"
    return report


def dry_run(*transformers: type[Transformer], **options: Any) -> RunReport:
    """Rehearse all of them."""
    registry = Registry(transformers)
    return rehearse(registry.choose(None), registry, RunOptions(dry_run=True, **options), run_id=new_run_id())


def counts(report: TransformerReport) -> tuple[int, int, int, int, int, int]:
    """Read, created, updated, unchanged, rejected, skipped."""
    one = report.counts
    return one.read, one.created, one.updated, one.unchanged, one.rejected, one.skipped


def rejected(report: TransformerReport) -> list[tuple[str, str, str]]:
    """Each reject's legacy key, field and code, in the order found by key."""
    assert report.rejects is not None
    return sorted((row.legacy_key, row.field, row.code) for row in report.rejects)


def reasons(report: TransformerReport) -> dict[str, str]:
    """Legacy key -> reason."""
    assert report.rejects is not None
    return {row.legacy_key: row.reason for row in report.rejects}


def stored_rejects(transformer: str) -> list[tuple[str, str, str]]:
    """What `rejected` says, from the model."""
    return sorted(Reject.objects.filter(transformer=transformer).values_list("legacy_key", "field", "code"))


def rows_of(model: type[Model], *fields: str, using: str = "default") -> list[tuple[Any, ...]]:
    """Values of these fields in all rows, sorted by them as text."""
    return sorted(model._base_manager.using(using).values_list(*fields), key=repr)


def loaded(model: type[Model], key: str, *fields: str) -> dict[Any, Any]:
    """Key -> value of one field, or the tuple of several."""
    rows = model._base_manager.values_list(key, *fields)
    return {row[0]: row[1] if len(fields) == 1 else row[1:] for row in rows}


def checksums(using: str = "default") -> dict[str, str]:
    """A hash of all rows of each table, and of the place of each sequence.

    Postgres' physical row versions are in it, so that a row that was written over with its own values,
    and then kept, shows too.
    """
    connection = connections[using]
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            hidden = "xmin::text, " if connection.vendor == "postgresql" else ""
            cursor.execute(f"SELECT {hidden}* FROM {connection.ops.quote_name(table)}")
            found[table] = _hash(cursor.fetchall())
        found["(sequences)"] = _hash(_sequences(connection))
    return found


def _sequences(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
            if not cursor.fetchall():  # no table of this database has such a key
                return []
            cursor.execute("SELECT name, seq FROM sqlite_sequence")
            return cursor.fetchall()
        cursor.execute("SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'")
        rows: list[tuple[Any, ...]] = []
        for (name,) in cursor.fetchall():
            cursor.execute(f"SELECT '{name}', last_value, is_called, log_cnt FROM {name}")
            rows += cursor.fetchall()
        return rows


def _hash(rows: Sequence[Any]) -> str:
    return hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()


@contextmanager
def configured(**run: Any) -> Iterator[None]:
    """Change ETL_CONFIG["TRANSFORMATION"] for a while: `configured(VALIDATION_MODE="strict")`."""
    config: dict[str, Any] = dict(settings.ETL_CONFIG)
    config["TRANSFORMATION"] = {**config["TRANSFORMATION"], **run}
    with override_settings(ETL_CONFIG=config):
        yield
