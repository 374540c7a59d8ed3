"""Legacy tables as observable assets: their history in the figures of `etl analyze`, and freshness."""

# No `from __future__ import annotations`: Dagster compares the annotation of `context` with its class.

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._utils.warnings import disable_dagster_warnings

from .. import conf
from .. import registry as registries
from ..engine.failures import sentence
from ..source import Query
from .seen import data_version, look_at, seen_metadata
from .sensors import name_after, readers_by_source
from .specs import Registry, TransformerClass, build_legacy_specs

if TYPE_CHECKING:
    from ..analysis.profile import Profile

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("column"),
        dg.TableColumn("type"),
        dg.TableColumn("nulls", "int"),
        dg.TableColumn("null_percent", "float"),
        dg.TableColumn("distinct", "int"),
        dg.TableColumn("issues", "int", description="Kinds of dirt; manage.py etl analyze names them."),
    ]
)


def build_legacy_assets(
    registry: Registry, *, only: Collection[str] | None = None
) -> list[dg.AssetsDefinition]:
    """Make an observable asset for each legacy source that the transformers read.

    Args:
        registry: all transformers, by name.
        only: names of those that are assets here; None for all.
    """
    readers = readers_by_source(registry, only)
    specs = build_legacy_specs(registry, only=only)
    with disable_dagster_warnings():  # observable assets are "beta"
        return [_build(spec, readers[spec.key][0], registry) for spec in specs]


def build_freshness_checks(
    assets: Sequence[dg.AssetsDefinition],
) -> Sequence[dg.AssetChecksDefinition]:
    """Make a check for each legacy table: has it changed within the hours that MONITORING STALE_AFTER says?

    Dagster would rather have a FreshnessPolicy, but that looks at materializations alone, and nobody here
    materializes a legacy table.
    """
    if not assets:
        return []
    with disable_dagster_warnings():
        return dg.build_last_update_freshness_checks(
            assets=[key for one in assets for key in one.keys],
            lower_bound_delta=dt.timedelta(hours=conf.load().stale_after),
            severity=dg.AssetCheckSeverity.WARN,
        )


def _build(spec: dg.AssetSpec, reader: TransformerClass, registry: Registry) -> dg.AssetsDefinition:
    @dg.multi_observable_source_asset(  # type: ignore[untyped-decorator]
        specs=[spec], name=name_after("observe", spec.key)
    )
    def observe(context: dg.AssetExecutionContext) -> Iterator[dg.ObserveResult]:
        meta = reader._meta
        try:
            seen = look_at(spec.key, registry)
            profile = None if isinstance(meta.source, Query) else _profile(reader, registry)
        except Exception as error:  # told in one sentence; the traceback is below it
            raise dg.Failure(sentence(error, meta.database), allow_retries=False) from error
        yield dg.ObserveResult(
            asset_key=spec.key,
            # By it Dagster knows which assets were loaded before the table changed.
            data_version=data_version(seen),
            metadata={
                **seen_metadata(context.instance, spec.key, seen),
                **({} if profile is None else _figures(profile)),
            },
        )

    return observe


def _profile(reader: TransformerClass, registry: Registry) -> "Profile":
    from ..analysis.profile import analyze  # brings DuckDB, which nothing else in the code location needs
    from ..analysis.table import open_table

    with open_table(reader._meta.source_label, reader._meta.database) as table:
        return analyze(table, registry=registries.Registry(registry.values()))


def _figures(profile: "Profile") -> dict[str, Any]:
    """Each number by itself is drawn over time; the table is for reading."""
    columns = profile["columns"]
    records = [
        dg.TableRecord(
            {
                "column": name,
                "type": one["type"],
                "nulls": one["null_count"],
                "null_percent": round(one["null_percent"], 2),
                "distinct": one["distinct_count"],
                "issues": len(one["issues"]),
            }
        )
        for name, one in columns.items()
    ]
    return {
        "dagster/row_count": profile["row_count"],
        "quality_score": profile["quality_score"],
        "columns": dg.TableMetadataValue(records, COLUMNS),
        **{f"nulls/{name}": one["null_count"] for name, one in columns.items()},
    }
