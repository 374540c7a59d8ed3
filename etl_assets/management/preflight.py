"""What can be found wrong before the first row is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from .. import conf
from ..engine.plan import make_plan
from ..engine.sources import configured
from ..exceptions import ConfigurationError
from ..models import CheckResult, Reject, Run
from ..registry import Registry, TransformerClass, discover


def prepare(
    only: Sequence[str] | None, transformer_paths: Sequence[str] | None
) -> tuple[Registry, list[TransformerClass]]:
    """Find the transformers, choose those that are asked for, and see that they can run.

    Raises:
        ConfigurationError: settings, transformers or databases are not as they have to be.
    """
    for alias in conf.load().required_databases:
        configured(alias, "ETL_CONFIG['REQUIRED_DATABASES']")
    if transformer_paths is not None and not transformer_paths:
        raise ConfigurationError("--transformer-paths names no module: write for example myapp.transformers.")
    registry = discover(transformer_paths)
    if not registry:
        where = f" in {', '.join(transformer_paths)}" if transformer_paths else ""
        raise ConfigurationError(
            f"No transformers discovered{where}: write them in transformers.py of an installed app, "
            "or name their modules with --transformer-paths."
        )
    chosen = _chosen(registry, only)
    for transformer in chosen:
        meta = transformer._meta
        for alias in (meta.database, meta.using):
            configured(alias, meta.label)
        make_plan(transformer, registry)
    _check_tables(chosen)
    return registry, chosen


def _chosen(registry: Registry, only: Sequence[str] | None) -> list[TransformerClass]:
    if only is not None and not only:
        raise ConfigurationError(
            f"--only names no transformer: name one or more of {', '.join(sorted(registry))}."
        )
    return registry.choose(only)


def _check_tables(chosen: Iterable[TransformerClass]) -> None:
    """See that migrations have made what the run writes to."""
    tables = {DEFAULT_DB_ALIAS: _tables(DEFAULT_DB_ALIAS)}
    if not {one._meta.db_table for one in (Run, Reject, CheckResult)} <= tables[DEFAULT_DB_ALIAS]:
        raise ConfigurationError(
            f"Database {DEFAULT_DB_ALIAS!r} has no tables for runs and rejects: run manage.py migrate."
        )
    for transformer in chosen:
        meta = transformer._meta
        if meta.using not in tables:
            tables[meta.using] = _tables(meta.using)
        table = meta.model._meta.db_table
        if table not in tables[meta.using] and "." not in table:  # a schema's tables are not all listed
            raise ConfigurationError(
                f"Database {meta.using!r} has no table {table!r} for {meta.model._meta.label}: "
                f"run manage.py migrate --database {meta.using}."
            )


def _tables(alias: str) -> set[str]:
    connection = connections[alias]
    try:
        connection.ensure_connection()
    except OperationalError as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigurationError(
            f"Database {alias!r} cannot be reached ({first}): see that it is up and that DATABASES is right."
        ) from error
    return set(connection.introspection.table_names(include_views=True))
