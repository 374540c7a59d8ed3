"""Checks in Dagster: what a run records of them, what stops dependents, and each by itself."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from django.db import connections

from etl_assets import Transformer, col, key, rule
from etl_assets.engine.options import RunOptions
from etl_assets.engine.report import RunReport
from etl_assets.models import CheckResult, Run
from etl_assets.orchestration.assets import build_assets
from etl_assets.orchestration.in_process import materialize
from etl_assets.orchestration.jobs import OPTIONS, build_definitions
from etl_assets.orchestration.options import KEY, run_config
from etl_assets.registry import Registry
from tests.databases import Pair
from tests.integration.checked import behind_the_back
from tests.integration.orchestration.visitors import REGISTRY
from tests.legacy import configured
from tests.targets.models import Badge, Document, Place


class Ruled(Transformer):
    """Documents under two rules, one with a name that Dagster does not take."""

    class Meta:
        source = "old_documents"
        model = Document
        name = "documents"

    legacy_id = key("id")
    title = col("title")

    @rule("is no deed")
    def deeds(self, rows):
        return rows["title"] == "Deed"

    @rule("is too short", severity="warning")
    def größe(self, rows):
        return rows["title"].str.len() > 4


class Linked(Transformer):
    """What depends on the documents."""

    class Meta:
        source = "old_places"
        model = Place
        name = "after_documents"
        after = ("documents",)

    legacy_id = key("id")
    code = col("code").truncate(8)


RULED = Registry([Ruled, Linked])


def run(*names: str, registry: Registry = REGISTRY) -> RunReport:
    return materialize(registry.choose(names or None), registry, RunOptions())


def evaluations(history: dg.DagsterInstance, run_id: str, asset: str) -> dict[str, Any]:
    """What the run's own event log has, by check."""
    events = [record.dagster_event for record in history.all_logs(run_id) if record.dagster_event]
    found: list[Any] = [
        event.event_specific_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return {one.check_name: one for one in found if one.asset_key == dg.AssetKey(asset)}


def latest(history: dg.DagsterInstance, asset: str, check: str) -> AssetCheckExecutionRecordStatus:
    """What the UI shows beside the check."""
    key_ = dg.AssetCheckKey(dg.AssetKey(asset), check)
    return history.event_log_storage.get_latest_asset_check_execution_by_key([key_])[key_].status


def execute_check(
    history: dg.DagsterInstance, asset: str, check: str, registry: Registry = REGISTRY, **options: Any
):
    """What Execute does in the UI: a run of the check and of nothing else."""
    key_ = dg.AssetCheckKey(dg.AssetKey(asset), check)
    return dg.materialize(
        build_assets(registry),
        selection=dg.AssetSelection.checks(key_),
        resources={KEY: OPTIONS},
        run_config={
            "resources": {"options": {"config": options}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        instance=history,
        raise_on_error=False,
    )


def test_a_run_records_each_check_with_figures_that_are_plotted(
    town: Pair, history: dg.DagsterInstance
) -> None:
    report = run()

    found = evaluations(history, report.run_id, "places")
    assert list(found) == [
        "rows_accounted_for", "rejected_share", "null_share", "keys_unique", "matches_source"
    ]  # fmt: skip
    shares = found["rejected_share"]
    assert (shares.passed, shares.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert shares.description == "1 of 4 rows were rejected (25.00%)."
    assert shares.metadata["rejected"] == dg.MetadataValue.int(1)
    assert shares.metadata["rejected_percent"] == dg.MetadataValue.float(25.0)
    orphans = evaluations(history, report.run_id, "visitors")["no_orphans"]
    assert (orphans.passed, orphans.blocking) == (True, True)
    assert orphans.metadata["place"] == dg.MetadataValue.int(0)
    assert latest(history, "places", "rejected_share") is AssetCheckExecutionRecordStatus.FAILED
    assert latest(history, "visitors", "no_orphans") is AssetCheckExecutionRecordStatus.SUCCEEDED


def test_a_warning_neither_fails_the_run_nor_stops_what_depends_on_it(
    town: Pair, history: dg.DagsterInstance
) -> None:
    report = run()

    assert report.succeeded
    record = history.get_run_by_id(report.run_id)
    assert record is not None
    assert record.status is dg.DagsterRunStatus.SUCCESS
    assert Badge.objects.count() == 2


def test_an_error_is_recorded_and_fails_the_run_and_stops_what_depends_on_it(
    town: Pair, history: dg.DagsterInstance
) -> None:
    run()
    behind_the_back(f"DELETE FROM {Place._meta.db_table} WHERE code = 'A'")
    with connections["legacy"].cursor() as cursor:
        cursor.execute("UPDATE old_visitors SET place_id = 99 WHERE id = 10")
    before = len(history.fetch_materializations(dg.AssetKey("visitors"), limit=9).records)

    report = run("visitors", "badges")

    assert {name: one.status for name, one in report.transformers.items()} == {
        "visitors": "failed", "badges": "skipped"
    }  # fmt: skip
    assert (report.transformers["visitors"].error or "").startswith("Check 'no_orphans' failed: 1 row of")
    found = evaluations(history, report.run_id, "visitors")["no_orphans"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    table = found.metadata["samples"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["legacy_id"] for record in table.records] == [10]
    assert latest(history, "visitors", "no_orphans") is AssetCheckExecutionRecordStatus.FAILED
    assert len(history.fetch_materializations(dg.AssetKey("visitors"), limit=9).records) == before
    kept = Run.objects.get(run_id=report.run_id)
    assert kept.status == Run.Status.FAILED
    assert not kept.checks.get(name="no_orphans").passed


def test_offenders_of_rules_are_shown_with_their_keys(town: Pair, history: dg.DagsterInstance) -> None:
    report = run(registry=RULED)

    found = evaluations(history, report.run_id, "documents")
    (odd,) = [name for name in found if name.startswith("rule_gr")]
    assert odd.isascii()
    table = found["rule_deeds"].metadata["samples"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data for record in table.records] == [{"legacy_key": "8"}]
    assert found["rule_deeds"].metadata["offenders"] == dg.MetadataValue.int(1)
    assert (found[odd].passed, found[odd].severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found[odd].metadata["loaded_with_warning"] == dg.MetadataValue.int(1)  # the will was rejected


def test_strict_mode_stops_what_depends_on_it(town: Pair, history: dg.DagsterInstance) -> None:
    with configured(VALIDATION_MODE="strict"):
        report = run(registry=RULED)

    assert {name: one.status for name, one in report.transformers.items()} == {
        "documents": "failed", "after_documents": "skipped"
    }  # fmt: skip
    found = evaluations(history, report.run_id, "documents")
    assert found["rule_deeds"].severity is dg.AssetCheckSeverity.ERROR
    assert found["rejected_share"].severity is dg.AssetCheckSeverity.ERROR


def test_what_the_log_says_is_what_django_keeps(town: Pair, history: dg.DagsterInstance) -> None:
    report = run()

    kept = CheckResult.objects.filter(run__run_id=report.run_id).select_related("run")
    told = {
        (name, check): (one.passed, one.description)
        for name in report.transformers
        for check, one in evaluations(history, report.run_id, name).items()
    }
    assert told == {(one.run.transformer, one.name): (one.passed, f"{one.description}.") for one in kept}


# By themselves


def test_each_check_can_be_executed_alone(town: Pair, history: dg.DagsterInstance) -> None:
    run()
    before = Place.objects.count(), Run.objects.count(), CheckResult.objects.count()

    for check in ("rows_accounted_for", "rejected_share", "null_share", "keys_unique", "matches_source"):
        ended = execute_check(history, "places", check)
        assert [one.check_name for one in ended.get_asset_check_evaluations()] == [check]
        assert not ended.get_asset_materialization_events()

    assert (Place.objects.count(), Run.objects.count(), CheckResult.objects.count()) == before
    graph = build_definitions(REGISTRY).resolve_asset_graph()
    assert {graph.get_execution_set_identifier(one) for one in graph.asset_check_keys} == {None}


def test_a_changed_target_fails_the_check_alone_in_a_sample_and_in_full(
    town: Pair, history: dg.DagsterInstance
) -> None:
    run()
    Place.objects.filter(code="B").update(name="Tampered")

    for options in ({"match_rows": 10}, {"match_all": True}):
        ended = execute_check(history, "places", "matches_source", **options)
        (found,) = ended.get_asset_check_evaluations()
        assert not found.passed
        assert found.metadata["different"] == dg.MetadataValue.int(1)
        assert not ended.success  # a blocking error
    assert latest(history, "places", "matches_source") is AssetCheckExecutionRecordStatus.FAILED


def test_a_check_that_has_nothing_to_tell_of_says_so(town: Pair, history: dg.DagsterInstance) -> None:
    ended = execute_check(history, "places", "rejected_share")

    assert not ended.success
    (failure,) = [event for event in ended.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "run the transformer first" in (data.description or "")


def test_options_for_the_check_that_make_no_sense_are_refused(
    town: Pair, history: dg.DagsterInstance
) -> None:
    ended = execute_check(history, "places", "matches_source", match_rows=0)

    (failure,) = [event for event in ended.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "match_rows is 0" in (data.description or "")


def test_a_materialization_that_leaves_checks_out_makes_them_all_the_same_and_tells_of_none(
    town: Pair, history: dg.DagsterInstance
) -> None:
    ended = dg.materialize(
        build_assets(REGISTRY),
        selection=dg.AssetSelection.assets("places").without_checks(),
        resources={KEY: OPTIONS},
        run_config=run_config(RunOptions()),
        instance=history,
    )

    assert ended.get_asset_check_evaluations() == []
    assert CheckResult.objects.filter(run__run_id=ended.run_id).count() == 5
