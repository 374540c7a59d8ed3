"""Runs in this process: what they do, bring back, and leave in Dagster's history."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from etl_assets import Query, Transformer, col, key
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse
from etl_assets.engine.progress import Silent
from etl_assets.engine.report import RunReport, TransformerReport
from etl_assets.exceptions import Interrupted
from etl_assets.models import Run
from etl_assets.orchestration.in_process import materialize
from etl_assets.registry import Registry
from tests.databases import Database, Pair
from tests.integration.orchestration.visitors import REGISTRY, Trouble
from tests.targets.models import Badge, Document, Place, Visitor

ROOT = Path(__file__).parents[3]


def run(*names: str, registry: Registry = REGISTRY, **options: Any) -> RunReport:
    return materialize(registry.choose(names or None), registry, RunOptions(**options))


def statuses(report: RunReport) -> dict[str, str]:
    return {name: one.status for name, one in report.transformers.items()}


def materialization(history: dg.DagsterInstance, name: str) -> dg.AssetMaterialization | None:
    event = history.get_latest_materialization_event(dg.AssetKey(name))
    return event.asset_materialization if event else None


def plain(metadata: Any) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


class Listener(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        self.told.append((report.name, number, rows))

    def finished(self, report: TransformerReport) -> None:
        self.told.append((report.name, report.status))


# What comes of a run


def test_all_assets_are_materialized_in_order(town: Pair, history: dg.DagsterInstance) -> None:
    report = run()

    assert statuses(report) == dict.fromkeys(["documents", "places", "visitors", "badges"], "success")
    assert report.succeeded
    assert not report.dry_run
    assert report.total_records == 12
    assert set(Place.objects.values_list("legacy_id", "code")) == {(1, "A"), (2, "B"), (4, "D")}
    assert set(Visitor.objects.values_list("legacy_id", "place__code")) == {(10, "A"), (11, "B"), (12, "D")}
    assert set(Badge.objects.values_list("legacy_id", "visitor__legacy_id")) == {(100, 10), (101, 12)}


def test_the_reports_are_those_of_the_engine_with_their_rejects(town: Pair, home: Path) -> None:
    report = run("places", "visitors")

    places, visitors = report.transformers["places"], report.transformers["visitors"]
    assert places.counts.as_dict() == {
        "read": 4, "created": 3, "updated": 0, "unchanged": 0, "rejected": 1, "skipped": 0, "warnings": 0
    }  # fmt: skip
    assert [(row.legacy_key, row.field, row.raw["code"]) for row in places.rejects or ()] == [
        ("3", "code", "CASTLE-HILL")
    ]
    assert [(row.legacy_key, row.field) for row in visitors.rejects or ()] == [("13", "place")]
    assert Run.objects.get(transformer="places").run_id == report.run_id


def test_a_materialization_says_what_the_run_did(town: Pair, history: dg.DagsterInstance) -> None:
    run()

    found = materialization(history, "places")
    assert found is not None
    said = plain(found.metadata)
    assert (
        said.items()
        >= {
            "dagster/row_count": 3,
            "read": 4,
            "created": 3,
            "updated": 0,
            "unchanged": 0,
            "rejected": 1,
            "skipped": 0,
            "warnings": 0,
        }.items()
    )
    assert said["rows_per_second"] > 0
    assert said["data_extraction_seconds"] > 0
    table = found.metadata["reject_reasons"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["field"] for record in table.records] == ["code"]
    assert [record.data["rows"] for record in table.records] == [1]


def test_one_asset_alone_uses_what_is_loaded_already(town: Pair, history: dg.DagsterInstance) -> None:
    run("places")
    before = materialization(history, "places")

    report = run("visitors")

    assert statuses(report) == {"visitors": "success"}
    assert Visitor.objects.filter(place__code="B").exists()
    assert materialization(history, "visitors") is not None
    assert materialization(history, "badges") is None
    assert len(history.fetch_materializations(dg.AssetKey("places"), limit=5).records) == 1
    assert before is not None


def test_the_listener_is_told_batches_and_ends(town: Pair, home: Path) -> None:
    listener = Listener()

    materialize(REGISTRY.choose(["places"]), REGISTRY, RunOptions(batch_size=3), progress=listener)

    assert listener.told == [("places", 1, 3), ("places", 2, 1), ("places", "success")]


# Failures


def fail() -> None:
    raise RuntimeError("the clerk has gone home")


def test_a_failure_skips_what_depends_on_it_and_nothing_else(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    quiet_town["places"] = fail

    report = run()

    assert statuses(report) == {
        "documents": "success", "places": "failed", "visitors": "skipped", "badges": "skipped"
    }  # fmt: skip
    assert not report.succeeded
    assert "the clerk has gone home" in (report.transformers["places"].error or "")
    assert report.transformers["visitors"].error == "'places' has not been loaded, and 'visitors' needs it."
    assert report.transformers["badges"].error == "'visitors' has not been loaded, and 'badges' needs it."
    assert report.error is None
    assert Document.objects.count() == 2
    assert not Place.objects.exists()
    assert materialization(history, "places") is None
    assert materialization(history, "documents") is not None


def test_a_failed_step_says_why_in_the_history_and_is_not_tried_again(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    quiet_town["places"] = fail

    report = run("places", "visitors")

    record = history.get_run_by_id(report.run_id)
    assert record is not None
    assert record.status is dg.DagsterRunStatus.FAILURE
    events = [event.dagster_event for event in history.all_logs(report.run_id) if event.dagster_event]
    assert not [event for event in events if event.is_step_up_for_retry]
    (failure,) = [event for event in events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "the clerk has gone home" in (data.description or "")
    assert plain(data.metadata)["created"] == 0


@pytest.mark.parametrize("names", [("places",), ("places", "visitors")])
def test_what_breaks_in_dagster_itself_is_not_taken_for_success(
    names: tuple[str, ...], town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    def lose_history() -> None:
        with history.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("DROP TABLE asset_keys")

    quiet_town["places"] = lose_history

    report = run(*names)

    assert not report.succeeded
    assert report.error
    assert report.error.startswith("Dagster stopped the run: ")
    assert report.transformers["places"].status == "success"
    for late in names[1:]:
        assert report.transformers[late].status == "skipped"
        assert report.transformers[late].error == f"The run ended before it came to {late!r}."


@pytest.mark.parametrize("rollback", [True, False])
def test_a_lost_connection_is_tried_again(
    rollback: bool,
    town_on_postgres: Pair,
    history: dg.DagsterInstance,
    quiet_town: dict[str, Trouble],
    settings: Any,
) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "TRANSFORMATION": {"MAX_RETRIES": 2, "RETRY_DELAY": 0}}
    attempts: list[int] = []

    def once() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            throw_out(town_on_postgres.target)

    quiet_town["places"] = once

    report = run("places", rollback=rollback)

    assert len(attempts) == 2
    assert report.transformers["places"].error is None
    assert report.succeeded
    assert Place.objects.count() == 3
    assert Run.objects.get().status == Run.Status.SUCCESS
    events = [event.dagster_event for event in history.all_logs(report.run_id) if event.dagster_event]
    assert len([event for event in events if event.is_step_up_for_retry]) == 1


def test_a_server_that_stays_away_is_given_up(
    town_on_postgres: Pair,
    history: dg.DagsterInstance,
    quiet_town: dict[str, Trouble],
    settings: Any,
) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "TRANSFORMATION": {"MAX_RETRIES": 1, "RETRY_DELAY": 0}}
    attempts = []

    def always() -> None:
        attempts.append(1)
        throw_out(town_on_postgres.target)

    quiet_town["places"] = always

    report = run("places", "visitors")

    assert len(attempts) == 2
    assert statuses(report) == {"places": "failed", "visitors": "skipped"}
    assert "The connection to a database was lost" in (report.transformers["places"].error or "")


def test_waiting_for_another_attempt_can_be_interrupted(
    town_on_postgres: Pair,
    history: dg.DagsterInstance,
    quiet_town: dict[str, Trouble],
    settings: Any,
    handled: None,
) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "TRANSFORMATION": {"MAX_RETRIES": 1, "RETRY_DELAY": 60}}
    quiet_town["places"] = lambda: throw_out(town_on_postgres.target)

    class Impatient(Silent):
        def note(self, report: TransformerReport, message: str) -> None:
            assert message == "Trying again in 60 seconds, attempt 2 of 2"
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(Interrupted) as caught:
        materialize(REGISTRY.choose(["places"]), REGISTRY, RunOptions(), progress=Impatient())

    assert caught.value.exit_status == 130
    assert history.get_runs()[0].status is dg.DagsterRunStatus.CANCELED


def throw_out(database: Database) -> None:
    """End all connections to a database, as a restart of the server would."""
    with psycopg.connect(database.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


# The history


def test_the_history_has_the_run_with_its_options(town: Pair, history: dg.DagsterInstance) -> None:
    report = run("places", "documents", batch_size=2, validation=False, rollback=False, full=True)

    record = history.get_run_by_id(report.run_id)
    assert record is not None
    assert record.status is dg.DagsterRunStatus.SUCCESS
    assert record.job_name == "migrate_legacy_data"
    assert record.asset_selection == {dg.AssetKey("places"), dg.AssetKey("documents")}
    resources: Any = record.run_config["resources"]
    assert resources["options"]["config"] == {
        "batch_size": 2, "validation": False, "rollback": False, "full": True
    }  # fmt: skip
    assert record.tags["etl_assets/started_by"] == "manage.py migrate_legacy_data"


def test_the_run_is_one_of_the_code_location(town: Pair, history: dg.DagsterInstance) -> None:
    report = run("places")

    record = history.get_run_by_id(report.run_id)
    assert record is not None
    origin = record.remote_job_origin
    assert origin is not None
    selector = origin.repository_origin.get_selector()
    assert (selector.location_name, selector.repository_name) == ("etl_assets.definitions", "__repository__")
    assert origin.job_name == "migrate_legacy_data"


def test_options_in_the_config_reach_the_engine(town: Pair, home: Path) -> None:
    report = run("places", batch_size=1, rollback=False)

    assert report.transformers["places"].stages.batches["data_extraction"] == 4
    assert Run.objects.get().options == {
        "rollback": False, "validation": None, "batch_size": 1, "full": False, "dry_run": False
    }  # fmt: skip


def test_transformers_of_other_paths_are_not_for_the_ui_to_run_again(
    town: Pair, history: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "migration"):
        report = materialize(
            REGISTRY.choose(["places"]), REGISTRY, RunOptions(), transformer_paths=["town.one", "town.two"]
        )

    record = history.get_run_by_id(report.run_id)
    assert record is not None
    assert record.remote_job_origin is None
    assert record.tags["etl_assets/transformer_paths"] == "town.one,town.two"
    assert record.status is dg.DagsterRunStatus.SUCCESS
    assert "the Dagster UI cannot re-execute it" in caplog.text


def test_another_dagster_costs_the_origin_and_not_the_run(
    town: Pair, history: dg.DagsterInstance, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("dagster._core.remote_origin.ManagedGrpcPythonEnvCodeLocationOrigin")

    with caplog.at_level(logging.WARNING, "migration"):
        report = run("places")

    assert report.succeeded
    assert "The Dagster UI cannot re-execute this run" in caplog.text
    assert len(history.get_run_records()) == 1


def test_a_dry_run_leaves_nothing_in_the_history(town: Pair, history: dg.DagsterInstance) -> None:
    report = rehearse(REGISTRY.choose(None), REGISTRY, RunOptions(dry_run=True), run_id="dry")

    assert report.succeeded
    assert history.get_run_records() == []
    assert materialization(history, "places") is None


# The process around it


def test_log_files_stay_open(town: Pair, home: Path, tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "migration.log", mode="w")
    log = logging.getLogger("migration.test")
    log.addHandler(handler)
    try:
        log.warning("before")
        run("places")
        log.warning("after")
    finally:
        log.removeHandler(handler)
        handler.close()

    assert (tmp_path / "migration.log").read_text() == "before\nafter\n"


def test_dagster_is_silent(town: Pair, home: Path, quiet_town: dict[str, Trouble], capfd: Any) -> None:
    quiet_town["documents"] = fail

    run()

    assert capfd.readouterr() == ("", "")


def test_stdout_and_stderr_stay_where_they_are(
    town: Pair, home: Path, quiet_town: dict[str, Trouble]
) -> None:
    def where() -> list[tuple[int, int]]:
        found = [os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr)]
        return [(one.st_dev, one.st_ino) for one in found]

    seen = []
    quiet_town["places"] = lambda: seen.append(where())

    run("places")

    assert seen == [where()]


def own_handler(number: int, frame: object) -> None:
    raise Interrupted(128 + number)


@pytest.fixture
def handled() -> Any:
    """Handlers as a command may set them, and a look whether they are there afterwards."""
    own = {number: partial(own_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: signal.signal(number, handler) for number, handler in own.items()}
    yield
    left = {number: signal.getsignal(number) for number in own}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert left == own


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_comes_out_and_ends_the_run(
    town: Pair,
    history: dg.DagsterInstance,
    quiet_town: dict[str, Trouble],
    number: signal.Signals,
    handled: None,
) -> None:
    quiet_town["visitors"] = lambda: os.kill(os.getpid(), number)

    with pytest.raises(Interrupted) as caught:
        run()

    assert caught.value.exit_status == 128 + number
    (record,) = history.get_runs()
    assert record.status is dg.DagsterRunStatus.CANCELED
    assert Place.objects.count() == 3
    assert not Visitor.objects.exists()
    assert not Badge.objects.exists()
    assert Run.objects.get(transformer="visitors").status == Run.Status.INTERRUPTED


def test_a_signal_that_dagster_holds_comes_out_too(
    town: Pair, history: dg.DagsterInstance, handled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted_metadata(report: TransformerReport) -> dict[str, Any]:
        # The engine is done, and Dagster's handlers are in force again.
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    monkeypatch.setattr("etl_assets.orchestration.assets.run_metadata", interrupted_metadata)

    with pytest.raises(Interrupted) as caught:
        run("places", "visitors")

    assert caught.value.exit_status == 143
    assert history.get_runs()[0].is_finished
    assert not Visitor.objects.exists()


def test_a_query_that_waits_in_the_driver_is_interrupted(
    town_on_postgres: Pair, history: dg.DagsterInstance, handled: None
) -> None:
    class SlowTransformer(Transformer):
        class Meta:
            source = Query("SELECT 1 AS id, 'x' AS title, pg_sleep(60)::text AS nap")
            model = Document

        legacy_id = key("id")
        title = col("title")

    registry = Registry([SlowTransformer])
    stopper = threading.Thread(target=_stop_when_asleep, args=(town_on_postgres.target.url,))
    stopper.start()

    with pytest.raises(Interrupted) as caught:
        run(registry=registry)

    stopper.join()
    assert caught.value.exit_status == 143
    assert history.get_runs()[0].status is dg.DagsterRunStatus.CANCELED


def _stop_when_asleep(url: str) -> None:
    asleep = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    with psycopg.connect(url, autocommit=True) as database:
        while not database.execute(asleep).fetchone():
            time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_run_whose_process_was_killed_is_ended_by_the_next(
    town: Pair, history: dg.DagsterInstance, home: Path
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        env=town.environment(ETL_TEST_KILLED_IN="visitors", DAGSTER_HOME=str(home)),
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    (dead,) = history.get_runs()
    assert dead.status is dg.DagsterRunStatus.STARTED

    report = run("visitors")

    assert report.succeeded
    found = history.get_run_by_id(dead.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    last = [event for event in history.all_logs(dead.run_id) if event.dagster_event][-1]
    assert f"run {report.run_id} found the lock of 'visitors' free" in last.message
    assert Run.objects.get(run_id=dead.run_id, transformer="visitors").status == Run.Status.ABANDONED


KILLED = """
import django
django.setup()
from etl_assets.engine.options import RunOptions
from etl_assets.orchestration.in_process import materialize
from tests.integration.orchestration.visitors import REGISTRY
materialize(REGISTRY.choose(["places", "visitors"]), REGISTRY, RunOptions())
"""
