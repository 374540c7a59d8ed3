"""Names: of the transformers' assets, of the legacy tables that they read, of jobs and steps."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
INPUT_SUFFIX = "_rows"
"""For what such a transformer is to those that depend on it."""


def asset_key(name: str) -> dg.AssetKey:
    """Key of a transformer's asset."""
    return dg.AssetKey([name])


def step_name(name: str) -> str:
    """Name of the step that loads a transformer: its own, where nothing else in a code location has it."""
    return name + STEP_SUFFIX if name in JOBS_AND_STEPS or _is_refused(name) else name


def named_inputs(keys: Iterable[dg.AssetKey]) -> dict[str, dg.AssetIn]:
    """Name those upstream assets of a step whose keys make no name that Dagster takes."""
    names = {key: key.to_python_identifier() for key in keys}
    return {
        name + INPUT_SUFFIX: dg.AssetIn(key, dagster_type=dg.Nothing)
        for key, name in names.items()
        if _is_refused(name)
    }


def _is_refused(name: str) -> bool:
    """Ask Dagster, which keeps some names for itself, and Python's keywords."""
    try:
        dg.OpDefinition(name=name, compute_fn=lambda: None)
    except dg.DagsterInvalidDefinitionError:
        return True
    return False


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
