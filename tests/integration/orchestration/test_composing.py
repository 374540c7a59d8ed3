"""The parts that other definitions are composed of."""

from __future__ import annotations

import dagster as dg
import pytest

import etl_assets.orchestration
from etl_assets.orchestration import (
    MigrationOptions,
    build_asset_specs,
    build_assets,
    build_definitions,
    build_legacy_specs,
)
from tests.databases import Pair
from tests.integration.orchestration.visitors import REGISTRY
from tests.targets.models import Place

SEEN: list[int] = []


@dg.asset(deps=[dg.AssetKey("places")])
def street_map() -> None:
    """Somebody else's asset, made of what a transformer loads."""
    SEEN.append(Place.objects.count())


def test_exactly_these_names_are_offered() -> None:
    assert etl_assets.orchestration.__all__ == [
        "MigrationOptions",
        "build_asset_specs",
        "build_assets",
        "build_definitions",
        "build_legacy_specs",
    ]
    with pytest.raises(AttributeError, match="build_everything"):
        etl_assets.orchestration.build_everything  # noqa: B018


def test_assets_run_beside_a_foreign_one(town: Pair, history: dg.DagsterInstance) -> None:
    SEEN.clear()
    definitions = dg.Definitions(
        assets=[*build_legacy_specs(REGISTRY), *build_assets(REGISTRY), street_map],
        resources={"options": MigrationOptions()},
        jobs=[dg.define_asset_job("draw", selection=dg.AssetSelection.keys("street_map").upstream())],
        executor=dg.in_process_executor,
    )

    result = definitions.resolve_job_def("draw").execute_in_process(instance=history)

    assert result.success
    assert SEEN == [3]
    materialized = {event.asset_key for event in result.get_asset_materialization_events()}
    assert materialized == {dg.AssetKey("places"), dg.AssetKey("street_map")}


def test_all_of_it_merges_with_definitions_that_have_an_executor() -> None:
    foreign = dg.Definitions(assets=[street_map], executor=dg.multiprocess_executor)

    merged = dg.Definitions.merge(build_definitions(REGISTRY), foreign)

    dg.Definitions.validate_loadable(merged)
    assert merged.executor is dg.multiprocess_executor


def test_specs_alone_describe_what_something_else_loads() -> None:
    specs = build_asset_specs(REGISTRY, only=["places", "visitors"])

    @dg.multi_asset(specs=specs)
    def by_other_means():
        pass

    graph = dg.Definitions(assets=[by_other_means]).resolve_asset_graph()
    assert graph.materializable_asset_keys == {dg.AssetKey("places"), dg.AssetKey("visitors")}
    assert graph.get(dg.AssetKey("places")).description == "Where people go.\n\nTwo lines about it."


def test_some_assets_alone_run_as_they_would_among_all(town: Pair, history: dg.DagsterInstance) -> None:
    job = build_definitions(REGISTRY, only=["visitors", "places"]).resolve_job_def("migrate_legacy_data")

    result = job.execute_in_process(instance=history)

    materialized = [event.asset_key for event in result.get_asset_materialization_events()]
    assert materialized == [dg.AssetKey("places"), dg.AssetKey("visitors")]


def test_a_definition_without_jobs_can_be_there_twice() -> None:
    merged = dg.Definitions.merge(
        build_definitions(REGISTRY, only=["documents"]),
        build_definitions(REGISTRY, only=["places"], jobs=False),
    )

    dg.Definitions.validate_loadable(merged)
