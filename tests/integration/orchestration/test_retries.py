"""What is tried again, by whom, and what is not; and how runs that Dagster launched wait for each other."""

from __future__ import annotations

import threading
import time
from typing import Any

import dagster as dg
import psycopg
import pytest
from django.db import connections

from etl_assets.engine.locks import exclusive
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse, run_transformer
from etl_assets.orchestration import assets
from etl_assets.orchestration.in_process import materialize
from etl_assets.orchestration.jobs import build_definitions
from tests.databases import Database, Pair
from tests.integration.orchestration.visitors import REGISTRY, Trouble, make_legacy
from tests.targets.models import Place


@pytest.fixture(autouse=True)
def three_retries(settings: Any) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "TRANSFORMATION": {"MAX_RETRIES": 3, "RETRY_DELAY": 0}}


def throw_out(database: Database) -> None:
    """End all connections to a database, as a restart of the server would."""
    with psycopg.connect(database.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def counted(trouble: dict[str, Trouble], then: Trouble = lambda: None) -> list[int]:
    """Count the attempts at places."""
    attempts: list[int] = []

    def attempt() -> None:
        attempts.append(1)
        then()

    trouble["places"] = attempt
    return attempts


def test_a_rejected_row_is_not_tried_again(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], settings: Any
) -> None:
    run = settings.ETL_CONFIG["TRANSFORMATION"]
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "TRANSFORMATION": {**run, "VALIDATION_MODE": "strict"}}
    attempts = counted(quiet_town)

    report = materialize(REGISTRY.choose(["places"]), REGISTRY, RunOptions())

    assert report.transformers["places"].status == "failed"
    assert report.transformers["places"].counts.rejected == 1
    assert len(attempts) == 1
    events = [one.dagster_event for one in history.all_logs(report.run_id) if one.dagster_event]
    assert not [one for one in events if one.is_step_up_for_retry]


@pytest.mark.parametrize("real", [True, False], ids=["engine", "dry run"])
def test_without_dagster_a_lost_connection_is_told_and_not_tried_again(
    town_on_postgres: Pair, quiet_town: dict[str, Trouble], real: bool
) -> None:
    attempts = counted(quiet_town, lambda: throw_out(town_on_postgres.target))
    places = REGISTRY["places"]

    if real:
        report = run_transformer(places, REGISTRY, RunOptions(), run_id="alone")
    else:
        rehearsed = rehearse([places], REGISTRY, RunOptions(dry_run=True), run_id="alone")
        report = rehearsed.transformers["places"]

    assert len(attempts) == 1
    assert report.status == "failed"
    assert report.lost_connection
    assert (report.error or "").startswith("The connection to a database was lost (")
    assert not Place.objects.exists()


def test_a_run_that_dagster_launched_is_tried_again_too(
    town_on_postgres: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    attempts: list[int] = []

    def once() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            throw_out(town_on_postgres.target)

    quiet_town["places"] = once

    result = launched(history)

    assert result.success
    assert len(attempts) == 2
    assert Place.objects.count() == 3


def launched(history: dg.DagsterInstance) -> Any:
    """Run places as a run worker of the daemon does."""
    job = build_definitions(REGISTRY).resolve_job_def("migrate_legacy_data")
    return job.execute_in_process(
        instance=history, asset_selection=[dg.AssetKey("places")], raise_on_error=False
    )


def test_a_launched_run_waits_where_another_process_runs_the_transformer(
    pair: Pair, history: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, quiet_town: dict[str, Trouble]
) -> None:
    make_legacy()
    monkeypatch.setattr(assets, "SECONDS_BETWEEN_TURNS", 0.05)
    held = threading.Event()

    def waiting() -> list[str]:
        logs = [history.all_logs(run.run_id) for run in history.get_runs()]
        lines = [one.user_message for log in logs for one in log]
        return [line for line in lines if line.endswith("This run waits for that.")]

    def hold_until_somebody_waits() -> None:
        with exclusive(connections["default"], "places"):
            held.set()
            deadline = time.monotonic() + 30
            while not waiting() and time.monotonic() < deadline:
                time.sleep(0.1)
        connections["default"].close()

    holder = threading.Thread(target=hold_until_somebody_waits)
    holder.start()
    assert held.wait(10)
    result = launched(history)
    holder.join()

    assert result.success
    assert waiting() == [
        "'places' is being run by another process: wait until it has finished, then run it again. "
        "This run waits for that."
    ]


def test_a_run_of_the_command_does_not_wait(town: Pair, history: dg.DagsterInstance) -> None:
    with exclusive(connections["default"], "places"):
        report = materialize(REGISTRY.choose(["places"]), REGISTRY, RunOptions())

    assert report.transformers["places"].status == "failed"
    assert "is being run by another process" in (report.transformers["places"].error or "")
