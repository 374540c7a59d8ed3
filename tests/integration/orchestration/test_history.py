"""The local history, whose files stay open while this process writes them."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef
from sqlalchemy.pool import NullPool

from etl_assets.orchestration.history import EventLog, kept_open
from etl_assets.orchestration.instance import open_instance
from tests.databases import Pair
from tests.integration.orchestration.test_runs import run
from tests.integration.orchestration.visitors import Trouble


def note(instance: dg.DagsterInstance, run_id: str, text: str) -> None:
    instance.report_engine_event(text, run_id=run_id, job_name="job")


def messages(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    return [entry.message for entry in instance.all_logs(run_id)]


def open_files(folder: Path) -> list[str]:
    """What this process holds open in a folder."""
    found = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the listing's own descriptor is gone again
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115
        except OSError:
            continue
    return [one for one in found if one.startswith(str(folder))]


def test_others_read_and_write_it_meanwhile(history: dg.DagsterInstance) -> None:
    with open_instance() as mine:
        note(mine, "r", "one")
        assert messages(history, "r") == ["one"]
        note(history, "r", "two")
        note(mine, "r", "three")
        assert messages(mine, "r") == messages(history, "r") == ["one", "two", "three"]


def test_an_event_opens_no_connection_of_its_own(history: dg.DagsterInstance) -> None:
    with open_instance() as mine:
        storage = mine.event_log_storage
        assert isinstance(storage, EventLog)
        note(mine, "r", "first")
        with storage.run_connection("r") as connection:
            first = connection.connection.dbapi_connection
            assert not isinstance(connection.engine.pool, NullPool)
        note(mine, "r", "second")
        with storage.run_connection("r") as connection:
            assert connection.connection.dbapi_connection is first


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_files_are_closed_with_the_instance(history: dg.DagsterInstance, home: Path) -> None:
    with open_instance() as mine:
        note(mine, "r", "one")
        assert any(file.endswith("r.db") for file in open_files(home))

    assert not [file for file in open_files(home) if "r.db" in file]
    assert not list(home.glob("history/runs/r.db-*"))


def test_the_page_of_a_run_is_complete_while_it_runs(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    seen: list[str] = []

    def look() -> None:
        (record,) = history.get_runs()
        events = [entry.dagster_event for entry in history.all_logs(record.run_id)]
        seen.extend(event.event_type_value for event in events if event is not None)

    quiet_town["visitors"] = look

    run("places", "visitors")

    assert seen.count("ASSET_MATERIALIZATION") == 1
    assert seen.count("STEP_START") == 2


def test_a_history_on_a_server_is_left_as_it_is(home: Path) -> None:
    home.mkdir()
    (home / "dagster.yaml").write_text("storage: {postgres: {postgres_url: 'postgresql://u:p@h/d'}}\n")

    ref = InstanceRef.from_dir(str(home))

    assert kept_open(ref) is ref


def test_one_in_files_keeps_its_folder(home: Path) -> None:
    home.mkdir()
    (home / "dagster.yaml").write_text(f"storage: {{sqlite: {{base_dir: {home}/elsewhere}}}}\n")

    with open_instance() as instance:
        note(instance, "r", "one")
        assert isinstance(instance.event_log_storage, EventLog)

    assert (home / "elsewhere" / "history" / "runs" / "r.db").exists()
