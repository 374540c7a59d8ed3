"""Legacy tables: what an observation records of them, and when they count as stale."""

from __future__ import annotations

import datetime as dt
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.event_api import AssetRecordsFilter
from dagster._core.loader import LoadingContextForTest
from django.db import connections

from etl_assets import Query, Transformer, col, key
from etl_assets.engine.options import RunOptions
from etl_assets.orchestration.in_process import materialize
from etl_assets.orchestration.jobs import build_definitions
from etl_assets.registry import Registry
from tests.databases import Pair
from tests.integration.orchestration.visitors import REGISTRY, ROWS, Trouble
from tests.targets.models import Document, Place

PLACES = dg.AssetKey(["legacy", "old_places"])
CHANGED_AT = "dagster/last_updated_timestamp"


def write(sql: str) -> None:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(sql)


def observe(history: dg.DagsterInstance, key: dg.AssetKey = PLACES, registry: Registry = REGISTRY) -> Any:
    """Run the job for one table, and return what was recorded of it."""
    job = build_definitions(registry).resolve_job_def("observe_legacy_tables")
    result = job.execute_in_process(instance=history, asset_selection=[key], raise_on_error=False)
    assert result.success
    record = history.fetch_observations(AssetRecordsFilter(asset_key=key), limit=1).records[0]
    assert record.asset_observation is not None
    return {name: value.value for name, value in record.asset_observation.metadata.items()}


def is_fresh(history: dg.DagsterInstance, key: dg.AssetKey = PLACES) -> bool:
    check = dg.AssetCheckKey(key, "freshness_check")
    (record,) = history.event_log_storage.get_asset_check_execution_history(check, limit=1)
    assert record.event is not None
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    return bool(evaluation.passed)


def test_each_legacy_table_can_be_observed_in_the_ui(town: Pair) -> None:
    graph = build_definitions(REGISTRY).get_repository_def().asset_graph

    for table in ROWS:
        node = graph.get(dg.AssetKey(["legacy", table]))
        assert node.is_observable
        assert node.group_name == "legacy"
        assert dg.AssetCheckKey(node.key, "freshness_check") in graph.asset_check_keys


def test_the_figures_are_those_of_a_count_by_hand(town: Pair, history: dg.DagsterInstance) -> None:
    write("INSERT INTO old_places VALUES (5, 'E', NULL), (6, NULL, NULL)")

    seen = observe(history)

    rows = [*ROWS["old_places"][1], (5, "E", None), (6, None, None)]
    assert seen["dagster/row_count"] == len(rows)
    for place, column in enumerate(("id", "code", "name")):
        assert seen[f"nulls/{column}"] == sum(row[place] is None for row in rows)
    assert 0 < seen["quality_score"] < 100
    assert seen["seen"] == "rows 6, highest id 6"


def test_the_table_of_columns_is_for_reading(town: Pair, history: dg.DagsterInstance) -> None:
    write("INSERT INTO old_places VALUES (5, 'E', NULL)")
    observe(history)

    record = history.fetch_observations(AssetRecordsFilter(asset_key=PLACES), limit=1).records[0]
    table = record.asset_observation.metadata["columns"]  # type: ignore[union-attr]
    assert isinstance(table, dg.TableMetadataValue)
    (name,) = [one.data for one in table.records if one.data["column"] == "name"]
    assert (name["nulls"], name["null_percent"], name["distinct"]) == (1, 20.0, 4)


def test_a_query_is_observed_by_its_rows_and_key(town: Pair, history: dg.DagsterInstance) -> None:
    class Later(Transformer):
        class Meta:
            source = Query("SELECT id, title FROM old_documents WHERE id > 7")
            model = Document

        legacy_id = key("id")
        title = col("title")

    key_ = dg.AssetKey(["legacy", "query-documents"])

    assert observe(history, key_, Registry([Later]))["seen"] == "rows 1, highest id 8"


def test_without_a_watermark_a_change_dates_from_when_it_was_first_seen(
    town: Pair, history: dg.DagsterInstance
) -> None:
    before = dt.datetime.now(dt.UTC).timestamp()
    first = observe(history)[CHANGED_AT]
    still = observe(history)[CHANGED_AT]
    write("DELETE FROM old_places WHERE id = 2")
    changed = observe(history)[CHANGED_AT]

    assert before <= first == still < changed


@pytest.fixture
def marked(pair: Pair) -> Registry:
    """A table with a watermark of the day before yesterday, on each database."""

    class Places(Transformer):
        class Meta:
            source = "marked_places"
            model = Place
            watermark = "updated_at"

        legacy_id = key("id")
        code = col("code")

    write("CREATE TABLE marked_places (id integer primary key, code varchar(9), updated_at timestamp)")
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
    write(f"INSERT INTO marked_places VALUES (1, 'A', '{long_ago:%Y-%m-%d %H:%M:%S}')")
    return Registry([Places])


def test_a_watermark_says_when_a_table_changed_and_whether_it_is_stale(
    marked: Registry, history: dg.DagsterInstance
) -> None:
    key_ = dg.AssetKey(["legacy", "marked_places"])
    then = observe(history, key_, marked)[CHANGED_AT]
    was_fresh = is_fresh(history, key_)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    write(f"UPDATE marked_places SET updated_at = '{now:%Y-%m-%d %H:%M:%S}'")
    changed = observe(history, key_, marked)[CHANGED_AT]

    assert now.timestamp() - then == pytest.approx(2 * 86_400, abs=60)
    assert not was_fresh
    assert changed == now.timestamp()
    assert is_fresh(history, key_)


def test_the_hours_are_a_setting(marked: Registry, history: dg.DagsterInstance, settings: Any) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "MONITORING": {"STALE_AFTER": 72}}
    key_ = dg.AssetKey(["legacy", "marked_places"])
    observe(history, key_, marked)

    assert is_fresh(history, key_)


def is_stale(history: dg.DagsterInstance, asset: str = "places", registry: Registry = REGISTRY) -> bool:
    """What the UI calls "Unsynced"."""
    graph = build_definitions(registry).get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(history, graph, LoadingContextForTest(history))
    status = resolver.get_status(dg.AssetKey(asset))
    assert status is not StaleStatus.MISSING
    return status is StaleStatus.STALE


def load(*names: str, registry: Registry = REGISTRY) -> None:
    assert materialize(registry.choose(names or None), registry, RunOptions()).succeeded


def test_what_was_loaded_before_a_change_is_marked_until_it_is_loaded_again(
    town: Pair, history: dg.DagsterInstance
) -> None:
    load()
    loaded = is_stale(history)
    observe(history)
    first_seen = is_stale(history)
    write("DELETE FROM old_places WHERE id = 2")
    observe(history)
    changed = is_stale(history)
    load()
    loaded_again = is_stale(history)

    assert (loaded, first_seen, changed, loaded_again) == (False, False, True, False)


def test_a_run_in_the_ui_marks_nothing_either(town: Pair, history: dg.DagsterInstance) -> None:
    write("DELETE FROM old_places WHERE id = 3")
    job = build_definitions(REGISTRY).resolve_job_def("migrate_legacy_data")
    assert job.execute_in_process(instance=history).success

    for table in ROWS:
        observe(history, dg.AssetKey(["legacy", table]))

    assert not any(is_stale(history, name) for name in REGISTRY)


def test_a_table_that_changes_while_it_is_loaded_is_marked(
    town_on_postgres: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    """Whether the load still saw the row cannot be told: the next one will."""
    quiet_town["places"] = lambda: write("INSERT INTO old_places VALUES (6, 'F', 'Forge')")
    load("places")

    observe(history)

    assert is_stale(history)


def test_readers_with_watermarks_of_their_own_see_one_version(
    pair: Pair, history: dg.DagsterInstance
) -> None:
    class Marked(Transformer):
        class Meta:
            source = "marked"
            model = Place
            watermark = "updated"

        legacy_id = key("id")
        code = col("code")

    class Counted(Transformer):
        class Meta:
            source = "marked"
            model = Document

        legacy_id = key("id")
        title = col("code")

    registry = Registry([Marked, Counted])
    write("CREATE TABLE marked (id integer primary key, code varchar(9), updated integer)")
    write("INSERT INTO marked VALUES (1, 'A', 10)")
    load(registry=registry)

    observe(history, dg.AssetKey(["legacy", "marked"]), registry)
    before = [is_stale(history, name, registry) for name in registry]
    write("INSERT INTO marked VALUES (2, 'B', 20)")
    load("places", registry=registry)

    assert before == [False, False]
    assert [is_stale(history, name, registry) for name in ("places", "documents")] == [False, True]


def test_a_table_that_is_gone_fails_the_run_with_a_sentence(town: Pair, history: dg.DagsterInstance) -> None:
    write("DROP TABLE old_places")
    job = build_definitions(REGISTRY).resolve_job_def("observe_legacy_tables")

    result = job.execute_in_process(instance=history, asset_selection=[PLACES], raise_on_error=False)

    assert not result.success
    (failure,) = [
        event for event in result.all_events if event.is_step_failure and "observe" in str(event.step_key)
    ]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert (data.description or "").startswith("Database 'legacy' has no table or view 'old_places'.")


def test_a_load_records_what_it_is_about_to_read_and_reads_no_rows_for_it(
    town: Pair, history: dg.DagsterInstance
) -> None:
    load("places")

    (record,) = history.fetch_observations(AssetRecordsFilter(asset_key=PLACES), limit=9).records
    assert record.asset_observation is not None
    assert set(record.asset_observation.metadata) == {"seen", CHANGED_AT}
    assert record.asset_observation.metadata["seen"] == dg.MetadataValue.text("rows 4, highest id 4")


def test_a_table_that_a_load_does_not_find_fails_the_load_with_its_own_sentence(
    town: Pair, history: dg.DagsterInstance
) -> None:
    write("DROP TABLE old_places")

    report = materialize(REGISTRY.choose(["places"]), REGISTRY, RunOptions())

    assert (report.transformers["places"].error or "").startswith("Database 'legacy' has no table or view")
    assert history.fetch_observations(AssetRecordsFilter(asset_key=PLACES), limit=1).records == []
    messages = [entry.user_message for entry in history.all_logs(report.run_id)]
    assert any(text.startswith("No data version of legacy/old_places: ") for text in messages)
