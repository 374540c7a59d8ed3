"""Which loads mark what depends on them: those that wrote something, or may have."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import extract_data_version_from_entry

from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import run_transformer
from etl_assets.orchestration.in_process import materialize
from tests.databases import Pair
from tests.integration.orchestration.test_observations import is_stale, load, write
from tests.integration.orchestration.test_retries import throw_out
from tests.integration.orchestration.visitors import REGISTRY, Trouble
from tests.targets.models import Place

DEPENDENT = "visitors"  # on places


def version(history: dg.DagsterInstance, name: str = "places") -> str:
    entry = history.get_latest_materialization_event(dg.AssetKey(name))
    assert entry is not None
    found = extract_data_version_from_entry(entry)
    assert found is not None
    return found.value


def test_a_load_that_writes_nothing_leaves_dependents_in_sync(
    town: Pair, history: dg.DagsterInstance
) -> None:
    load()
    first = version(history)
    load("places")
    load("places")

    assert version(history) == first
    assert not is_stale(history, DEPENDENT)


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO old_places VALUES (9, 'I', 'Inn')",
        "UPDATE old_places SET name = 'Abbot' WHERE id = 1",
    ],
    ids=["created", "updated"],
)
def test_a_load_that_writes_marks_them_until_they_are_loaded(
    town: Pair, history: dg.DagsterInstance, change: str
) -> None:
    load()
    first = version(history)
    write(change)
    load("places")
    marked = is_stale(history, DEPENDENT)
    load(DEPENDENT)

    assert version(history) != first
    assert (marked, is_stale(history, DEPENDENT)) == (True, False)


def test_a_quiet_load_does_not_take_back_what_a_busy_one_said(
    town: Pair, history: dg.DagsterInstance
) -> None:
    load()
    write("INSERT INTO old_places VALUES (9, 'I', 'Inn')")
    load("places")
    load("places")

    assert is_stale(history, DEPENDENT)


def test_what_a_failed_run_committed_is_not_forgotten(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    load()
    write("INSERT INTO old_places VALUES (9, 'I', 'Inn'), (10, 'J', 'Jetty')")
    calls: list[int] = []

    def fail_late() -> None:
        calls.append(1)
        if len(calls) == 6:
            raise RuntimeError("no more")

    quiet_town["places"] = fail_late
    options = RunOptions(rollback=False, batch_size=1)
    failed = materialize(REGISTRY.choose(["places"]), REGISTRY, options).transformers["places"]
    quiet_town.clear()
    write("DELETE FROM old_places WHERE id = 10")
    report = materialize(REGISTRY.choose(["places"]), REGISTRY, RunOptions(rollback=False)).transformers[
        "places"
    ]

    assert (failed.status, failed.counts.created) == ("failed", 1)
    assert (report.status, report.counts.created, report.counts.updated) == ("success", 0, 0)
    assert is_stale(history, DEPENDENT)


def test_what_an_attempt_before_committed_is_not_forgotten(
    town_on_postgres: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], settings: Any
) -> None:
    """The second attempt goes on after the batch that the first one wrote, and finds nothing to write."""
    run = {"MAX_RETRIES": 3, "RETRY_DELAY": 0}
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "TRANSFORMATION": run}
    load()
    write("UPDATE old_places SET name = 'Abbot' WHERE id = 1")
    calls: list[int] = []

    def lose_connection() -> None:
        calls.append(1)
        if len(calls) == 4:
            throw_out(town_on_postgres.target)

    quiet_town["places"] = lose_connection
    options = RunOptions(rollback=False, batch_size=1)
    report = materialize(REGISTRY.choose(["places"]), REGISTRY, options).transformers["places"]

    assert (report.status, report.counts.updated) == ("success", 0)
    assert Place.objects.get(legacy_id=1).name == "Abbot"
    assert is_stale(history, DEPENDENT)


def test_what_another_history_has_recorded_is_not_forgotten(town: Pair, history: dg.DagsterInstance) -> None:
    load()
    write("UPDATE old_places SET name = 'Abbot' WHERE id = 1")
    elsewhere = run_transformer(REGISTRY["places"], REGISTRY, RunOptions(), run_id="elsewhere")
    load("places")

    assert elsewhere.counts.updated == 1
    assert is_stale(history, DEPENDENT)


def test_rows_that_nobody_loaded_count_too(town: Pair, history: dg.DagsterInstance) -> None:
    load()
    Place.objects.create(legacy_id=99, code="Z", name="Zoo")
    load("places")

    assert is_stale(history, DEPENDENT)
