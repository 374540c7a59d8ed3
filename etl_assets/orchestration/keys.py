"""Names: of the transformers' assets, of the legacy tables that they read, of jobs and steps."""

from __future__ import annotations

import re
from hashlib import blake2b

import dagster as dg

from ..source import Query
from ..transformer import Options

MIGRATE = "migrate_legacy_data"
DRY_RUN = "dry_run_legacy_data"
REHEARSE = "rehearse_transformers"
"""The step of DRY_RUN."""
OBSERVE = "observe_legacy_tables"
JOBS_AND_STEPS = frozenset({MIGRATE, DRY_RUN, REHEARSE, OBSERVE})

STEP_SUFFIX = "_load"
"""For a transformer whose name is taken, by these or by Dagster itself (`context`, `type`)."""


def asset_key(name: str) -> dg.AssetKey:
    """Key of a transformer's asset."""
    return dg.AssetKey([name])


def step_name(name: str) -> str:
    """Name of the step that loads a transformer: its own, where nothing else in a code location has it."""
    try:
        dg.OpDefinition(name=name, compute_fn=lambda: None)
    except dg.DagsterInvalidDefinitionError:
        return name + STEP_SUFFIX
    return name + STEP_SUFFIX if name in JOBS_AND_STEPS else name


def source_key(meta: Options) -> dg.AssetKey:
    """Key of the legacy table that a transformer reads: the database's alias, then the table's name.

    A query has no name of its own, and goes by its transformer's. The hyphen keeps it apart from a table.
    """
    if isinstance(meta.source, Query):
        return dg.AssetKey([_key_part(meta.database), f"query-{meta.name}"])
    return dg.AssetKey([_key_part(meta.database), *_table_parts(meta.source_label)])


def _table_parts(table: str) -> list[str]:
    """`hr.staff` has a part for its schema; any other name is one part."""
    parts = table.split(".")
    return parts if all(re.fullmatch(r"\w+", part, re.ASCII) for part in parts) else [_key_part(table)]


def _key_part(text: str) -> str:
    """Make a name fit for a key: what does not fit becomes an underscore, and a digest tells names apart."""
    if re.fullmatch(r"\w+", text, re.ASCII):
        return text
    return f"{re.sub(r'[^A-Za-z0-9_]+', '_', text)}_{blake2b(text.encode(), digest_size=4).hexdigest()}"
