"""What each asset says of itself before it runs, apart from how it runs."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import dagster as dg
from django.db import connections
from django.db.models import Field

from ..source import Query
from ..transformer import Options, Transformer

TransformerClass = type[Transformer]
Registry = Mapping[str, TransformerClass]

LEGACY_GROUP = "legacy"
STATIC_TYPES = ("postgresql", "sqlite")
"""Databases whose column types Django names without asking the server."""


def build_asset_specs(registry: Registry) -> list[dg.AssetSpec]:
    """Describe one asset for each transformer: key, dependencies, and what is known beforehand.

    Raises:
        ConfigurationError: Meta has an owner, a tag or a group that Dagster does not take.
    """
    return [_asset_spec(transformer) for transformer in registry.values()]


def build_legacy_specs(registry: Registry) -> list[dg.AssetSpec]:
    """Describe the legacy tables that the transformers read: external assets, one for each table."""
    specs = {source_key(one._meta): _legacy_spec(one._meta) for one in registry.values()}
    return list(specs.values())


def asset_key(name: str) -> dg.AssetKey:
    """Key of a transformer's asset."""
    return dg.AssetKey([name])


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


def _asset_spec(transformer: TransformerClass) -> dg.AssetSpec:
    meta = transformer._meta
    upstream = [up for up in meta.upstream if up not in ("self", meta.name)]
    said: dict[str, Any] = {"owners": list(meta.owners), "tags": meta.tags, "group_name": meta.group}
    try:
        return dg.AssetSpec(
            asset_key(meta.name),
            deps=[source_key(meta), *map(asset_key, upstream)],
            description=_description(transformer),
            kinds={"django", _vendor(meta.using)},
            metadata=_metadata(transformer),
            **said,
        )
    except (dg.DagsterInvalidDefinitionError, dg.DagsterInvariantViolationError) as error:
        raise _refused(meta, said, error) from error


def _refused(meta: Options, said: Mapping[str, Any], error: Exception) -> Exception:
    """Name the option of Meta that Dagster does not take."""
    for owner in said["owners"]:
        if not _is_taken(meta, owners=[owner]):
            return meta.error(
                f"has owner {owner!r}, which Dagster does not take: write an e-mail address or 'team:name'."
            )
    if not _is_taken(meta, group_name=said["group_name"]):
        return meta.error(
            f"has group {meta.group!r}, which Dagster does not take: use letters, digits and underscores."
        )
    for name, value in said["tags"].items():
        if not _is_taken(meta, tags={name: value}):
            return meta.error(
                f"has tag {name!r}: {value!r}, which Dagster does not take: use at most 63 letters, digits, "
                "'_', '-' and '.' for each."
            )
    return meta.error(f"cannot become a Dagster asset: {error}")


def _is_taken(meta: Options, **said: Any) -> bool:
    try:
        dg.AssetSpec(asset_key(meta.name), **said)
    except (dg.DagsterInvalidDefinitionError, dg.DagsterInvariantViolationError):
        return False
    return True


def _legacy_spec(meta: Options) -> dg.AssetSpec:
    is_query = isinstance(meta.source, Query)
    metadata: dict[str, Any] = {"database": meta.database}
    if isinstance(meta.source, Query):
        metadata["sql"] = dg.MetadataValue.md(f"```sql\n{meta.source.sql.strip()}\n```")
    else:
        metadata["dagster/table_name"] = meta.source_label
    what = f"Query of {meta.name!r}" if is_query else f"Table {meta.source_label!r}"
    return dg.AssetSpec(
        source_key(meta),
        description=f"{what} in the legacy database {meta.database!r}, which is only read.",
        group_name=LEGACY_GROUP,
        kinds={_vendor(meta.database), "query" if is_query else "table"},
        metadata=metadata,
    )


def _description(transformer: TransformerClass) -> str | None:
    """The docstring that the author wrote, not one that the class inherits."""
    own = transformer.__dict__.get("__doc__")
    return inspect.cleandoc(own) if own else None


def _metadata(transformer: TransformerClass) -> dict[str, Any]:
    meta = transformer._meta
    metadata: dict[str, Any] = {
        "dagster/table_name": meta.model._meta.db_table,
        "dagster/column_schema": dg.TableSchema(columns=_columns(meta)),
        "model": meta.model._meta.label,
        "source": meta.source_label,
        "source_database": meta.database,
        "target_database": meta.using,
        "transformer": meta.label,
    }
    place = _place(transformer)
    if place is not None:
        metadata["dagster/code_references"] = place
    return metadata


def _columns(meta: Options) -> list[dg.TableColumn]:
    return [
        dg.TableColumn(
            name=str(field.column),
            type=_type(field, meta.using),
            description=str(field.help_text) or None,
            constraints=dg.TableColumnConstraints(
                nullable=field.null, unique=field.unique, other=_choices(field)
            ),
        )
        for field in meta.model._meta.concrete_fields
    ]


def _choices(field: Field[Any, Any]) -> list[str]:
    values: Sequence[Any] = [value for value, _ in field.flatchoices] if field.choices else []
    return [f"one of {', '.join(map(repr, values))}"] if values else []


def _type(field: Field[Any, Any], using: str) -> str:
    """The column's type in the database; Django's name where finding it out would take a connection."""
    if _vendor(using) in STATIC_TYPES:
        return field.db_type(connections[using]) or field.get_internal_type()
    return field.get_internal_type()


def _vendor(alias: str) -> str:
    """Kind of a database. One that is not configured stops a run, not the page that shows the asset."""
    return str(connections[alias].vendor) if alias in connections else "database"


def _place(transformer: TransformerClass) -> dg.CodeReferencesMetadataValue | None:
    """File and line of the class."""
    try:
        file = inspect.getsourcefile(transformer)
        _, line = inspect.getsourcelines(transformer)
    except (OSError, TypeError):  # made without a file
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(file_path=str(file), line_number=line)
        return dg.CodeReferencesMetadataValue(code_references=[reference])


__all__ = ["asset_key", "build_asset_specs", "build_legacy_specs", "source_key"]
