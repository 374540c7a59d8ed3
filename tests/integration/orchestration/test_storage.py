"""Dagster's history on either storage: the same, and complete however many write it at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.stats import StepEventStatus

from etl_assets.engine.options import RunOptions
from etl_assets.orchestration.in_process import materialize
from tests.databases import VENDORS, Databases, Pair, Vendor, Workshop
from tests.integration.orchestration import crowd, visitors
from tests.integration.orchestration.visitors import REGISTRY
from tests.servers import ask, daemon, launch, started, wait_for, web_server

SETTINGS = "tests.integration.orchestration.crowd_settings"
QUIET = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"
ON_POSTGRES = "storage:\n  postgres:\n    postgres_url:\n      env: TEST_HISTORY_URL\n"
ONCE = ["PIPELINE_START", "STEP_START", "ASSET_MATERIALIZATION", "STEP_SUCCESS", "PIPELINE_SUCCESS"]

MakeHome = Callable[[str, Vendor], Path]


@pytest.fixture
def make_home(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeHome]:
    """Makes a home whose history is in SQLite files or on PostgreSQL, and sets DAGSTER_HOME to it."""
    with ExitStack() as stack:

        def make(name: str, vendor: Vendor) -> Path:
            home = tmp_path / name
            home.mkdir()
            (home / "dagster.yaml").write_text(QUIET + (ON_POSTGRES if vendor == "postgresql" else ""))
            if vendor == "postgresql":
                database = workshop.empty("postgresql")
                stack.callback(workshop.drop, database)
                monkeypatch.setenv("TEST_HISTORY_URL", database.url)
            monkeypatch.setenv("DAGSTER_HOME", str(home))
            return home

        yield make


def told(history: dg.DagsterInstance, run_id: str) -> list[str]:
    """The kinds of a run's events, in order."""
    return [one.dagster_event.event_type_value for one in history.all_logs(run_id) if one.dagster_event]


def materializations(history: dg.DagsterInstance, name: str) -> list[dg.EventLogRecord]:
    return list(history.fetch_materializations(dg.AssetKey(name), limit=1000).records)


# The same history


def story(history: dg.DagsterInstance) -> list[dict[str, Any]]:
    """All that does not depend on ids and the clock, the oldest run first."""
    found = []
    for record in history.get_run_records(ascending=True):
        run = record.dagster_run
        steps = history.get_run_step_stats(run.run_id)
        logs = history.all_logs(run.run_id)
        found.append(
            {
                "status": run.status,
                "tags": run.tags,
                "config": run.run_config,
                "selection": run.asset_selection,
                "steps": [(step.step_key, step.status) for step in steps],
                "events": told(history, run.run_id),
                "lines": [
                    re.sub(r"[\d,]+ rows/s", "? rows/s", line.user_message)
                    for line in logs
                    if not line.dagster_event
                ],
            }
        )
    return found


def figures(history: dg.DagsterInstance, name: str) -> list[dict[str, Any]]:
    """What each materialization said, but for times."""
    found = []
    for record in materializations(history, name):
        assert record.asset_materialization is not None
        metadata = record.asset_materialization.metadata.items()
        found.append({key: value.value for key, value in metadata if "second" not in key})
    return found


def test_history_is_the_same_on_both_storages(
    databases: Databases, make_home: MakeHome, quiet_town: dict[str, visitors.Trouble]
) -> None:
    databases.fresh("legacy", "sqlite")
    visitors.make_legacy()
    stories, said = [], []
    for vendor in VENDORS:
        databases.fresh("default", "sqlite", migrated=True)
        home = make_home(vendor, vendor)
        materialize(REGISTRY.choose(None), REGISTRY, RunOptions(batch_size=3))
        quiet_town["places"] = lambda: 1 / 0
        materialize(REGISTRY.choose(["places", "visitors"]), REGISTRY, RunOptions(rollback=False))
        quiet_town.clear()
        materialize(REGISTRY.choose(["documents"]), REGISTRY, RunOptions())

        with dg.DagsterInstance.from_config(str(home)) as history:
            kind = type(history.run_storage).__module__
            assert ("postgres" in kind) is (vendor == "postgresql"), kind
            stories.append(story(history))
            said.append({name: figures(history, name) for name in REGISTRY})

    assert [one["status"].value for one in stories[0]] == ["SUCCESS", "FAILURE", "SUCCESS"]
    assert {name: len(found) for name, found in said[0].items()} == {
        "documents": 2, "places": 1, "visitors": 1, "badges": 1
    }  # fmt: skip
    assert stories[0] == stories[1]
    assert said[0] == said[1]


# Many at once


@pytest.fixture
def crowded(databases: Databases) -> Pair:
    both = Pair(databases.fresh("legacy", "sqlite"), databases.fresh("default", "sqlite", migrated=True))
    crowd.make_legacy()
    return both


def run_all_at_once(environment: dict[str, str], folder: Path) -> None:
    """Start a command for each transformer of the crowd, and wait for all of them."""
    with ExitStack() as stack:
        commands = []
        for name in crowd.NAMES:
            command = (sys.executable, "manage.py", "migrate_legacy_data", "--only", name)
            log = folder / f"{name}.txt"
            commands.append(stack.enter_context(started(*command, environment=environment, log=log)))
        statuses = dict(zip(crowd.NAMES, [command.wait(150) for command in commands], strict=True))
    assert statuses == dict.fromkeys(crowd.NAMES, 0), [
        (folder / f"{name}.txt").read_text() for name, status in statuses.items() if status
    ]


def assert_nothing_is_lost(history: dg.DagsterInstance, runs: int) -> None:
    """Each run has told its whole story, once, and each asset knows of each of its runs."""
    found = {one.dagster_run.run_id: one.dagster_run for one in history.get_run_records()}
    assert [run.status for run in found.values()] == [dg.DagsterRunStatus.SUCCESS] * runs
    for run_id in found:
        kinds = told(history, run_id)
        assert [kind for kind in kinds if kind in ONCE] == ONCE
        assert [step.status for step in history.get_run_step_stats(run_id)] == [StepEventStatus.SUCCESS]
    for name in crowd.NAMES:
        records = materializations(history, name)
        of_this = [one for one, run in found.items() if dg.AssetKey(name) in (run.asset_selection or ())]
        assert sorted(one.run_id for one in records) == sorted(of_this)
        assert len(of_this) > 0
        for record in records:
            assert record.asset_materialization is not None
            metadata = record.asset_materialization.metadata
            assert (metadata["read"].value, metadata["rejected"].value) == (crowd.ROWS, crowd.REJECTED)


@pytest.mark.parametrize("vendor", VENDORS)
def test_commands_that_start_at_once_in_a_new_home_lose_nothing(
    vendor: Vendor, crowded: Pair, make_home: MakeHome, tmp_path: Path
) -> None:
    home = make_home("home", vendor)

    run_all_at_once(crowded.environment(DJANGO_SETTINGS_MODULE=SETTINGS), tmp_path)

    with dg.DagsterInstance.from_config(str(home)) as history:
        told_by = {
            record.dagster_run.run_id: tuple(told(history, record.dagster_run.run_id))
            for record in history.get_run_records()
        }
        assert len(set(told_by.values())) == 1, told_by
        assert_nothing_is_lost(history, runs=crowd.SIZE)


@pytest.mark.parametrize("vendor", VENDORS)
def test_commands_web_server_and_daemon_write_one_history(
    vendor: Vendor, crowded: Pair, make_home: MakeHome, tmp_path: Path
) -> None:
    home = make_home("home", vendor)
    environment = crowded.environment(DJANGO_SETTINGS_MODULE=SETTINGS)
    log = tmp_path / "servers.txt"
    with (
        dg.DagsterInstance.from_config(str(home)) as history,
        web_server(environment, log) as address,
        daemon(environment, log),
    ):
        launched = [launch(address, name) for name in crowd.NAMES[:2]]
        assert history.get_runs_count() == 2
        # Two runs of one transformer exclude each other.
        wait_for(lambda: all(_is_finished(history, one) for one in launched), log)
        launched += [launch(address, crowd.BESIDE)]
        run_all_at_once(environment, tmp_path)
        wait_for(lambda: all(_is_finished(history, one) for one in launched), log)

        assert_nothing_is_lost(history, runs=crowd.SIZE + len(launched))
        answer = ask(address, "{ runsOrError { ... on Runs { results { runId status } } } }")
        shown = {one["runId"]: one["status"] for one in answer["data"]["runsOrError"]["results"]}
        assert len(shown) == crowd.SIZE + len(launched)
        assert set(shown.values()) == {"SUCCESS"}


def _is_finished(history: dg.DagsterInstance, run_id: str) -> bool:
    run = history.get_run_by_id(run_id)
    return run is not None and run.is_finished
