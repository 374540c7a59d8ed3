"""What each asset says of itself before it runs, apart from how it runs."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg

from .. import labels
from ..places import place_of
from ..source import Query
from ..transformer import Options, Transformer
from .keys import asset_key, source_key
from .mapping import column_lineage, mapping_table
from .schema import table_schema, vendor

TransformerClass = type[Transformer]
Registry = Mapping[str, TransformerClass]

LEGACY_GROUP = "legacy"


def build_asset_specs(registry: Registry, *, only: Collection[str] | None = None) -> list[dg.AssetSpec]:
    """Describe one asset for each transformer: key, dependencies, and what is known beforehand.

    Args:
        registry: all transformers, by name.
        only: names of those to describe; None for all.

    Raises:
        ConfigurationError: Meta has an owner, a tag or a group that Dagster does not take.
    """
    return [_asset_spec(transformer, registry) for transformer in chosen(registry, only)]


def build_legacy_specs(registry: Registry, *, only: Collection[str] | None = None) -> list[dg.AssetSpec]:
    """Describe the legacy tables that the transformers read: external assets, one for each table."""
    specs = {source_key(one._meta): _legacy_spec(one._meta) for one in chosen(registry, only)}
    return list(specs.values())


def chosen(registry: Registry, only: Collection[str] | None) -> list[TransformerClass]:
    """Return the transformers of these names, or all, in the registry's order."""
    return [transformer for name, transformer in registry.items() if only is None or name in only]


def _asset_spec(transformer: TransformerClass, registry: Registry) -> dg.AssetSpec:
    meta = transformer._meta
    upstream = [up for up in meta.upstream if up not in ("self", meta.name)]
    problem = next(labels.problems(meta), None)
    if problem is not None:
        raise meta.error(problem)
    try:
        return dg.AssetSpec(
            asset_key(meta.name),
            deps=[source_key(meta), *map(asset_key, upstream)],
            description=_description(transformer),
            kinds={"django", vendor(meta.using)},
            metadata=_metadata(transformer, registry),
            owners=list(meta.owners),
            tags=meta.tags,
            group_name=meta.group,
        )
    except (dg.DagsterInvalidDefinitionError, dg.DagsterInvariantViolationError) as error:
        raise meta.error(f"cannot become a Dagster asset: {error}") from error


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
        kinds={vendor(meta.database), "query" if is_query else "table"},
        metadata=metadata,
    )


def _description(transformer: TransformerClass) -> str | None:
    """The docstring that the author wrote, not one that the class inherits."""
    own = transformer.__dict__.get("__doc__")
    return inspect.cleandoc(own) if own else None


def _metadata(transformer: TransformerClass, registry: Registry) -> dict[str, Any]:
    meta = transformer._meta
    metadata: dict[str, Any] = {
        "dagster/table_name": meta.model._meta.db_table,
        "dagster/column_schema": table_schema(meta),
        "dagster/column_lineage": column_lineage(meta, registry),
        "column_mapping": mapping_table(meta),
        "model": meta.model._meta.label,
        "source": meta.source_label,
        "source_database": meta.database,
        "target_database": meta.using,
        "transformer": meta.label,
    }
    reference = _code_reference(transformer)
    if reference is not None:
        metadata["dagster/code_references"] = reference
    return metadata


def _code_reference(transformer: TransformerClass) -> dg.CodeReferencesMetadataValue | None:
    place = place_of(transformer)
    if place is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(file_path=place.file, line_number=place.line)
        return dg.CodeReferencesMetadataValue(code_references=[reference])


__all__ = ["asset_key", "build_asset_specs", "build_legacy_specs", "source_key"]
