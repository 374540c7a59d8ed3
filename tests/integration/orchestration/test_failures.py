"""The sensor that tells of failed runs, and the command that tells of its own."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from django.core import mail
from django.db import connections

from etl_assets.models import Run
from etl_assets.orchestration.failures import tell
from etl_assets.orchestration.jobs import build_definitions
from etl_assets.orchestration.tags import ABANDONED, STARTED_BY
from tests.commands import migrate
from tests.databases import Pair
from tests.integration.orchestration.ticks import location
from tests.integration.orchestration.visitors import REGISTRY, Trouble


@pytest.fixture(autouse=True)
def told(settings: Any) -> list[Any]:
    """The mails that are sent."""
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "MONITORING": {"ALERT_EMAIL": "ops@example.org"}}
    return mail.outbox


def fail() -> None:
    raise RuntimeError("the clerk has gone home")


def run_job(history: dg.DagsterInstance, **tags: str) -> Any:
    job = build_definitions(REGISTRY).resolve_job_def("migrate_legacy_data")
    return job.execute_in_process(instance=history, tags=tags, raise_on_error=False)


def context_of(result: Any, history: dg.DagsterInstance) -> Any:
    run = history.get_run_by_id(result.run_id)
    assert run is not None
    return dg.build_run_status_sensor_context(
        sensor_name="alert_on_failure",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=history,
        dagster_run=run,
    ).for_run_failure()


def test_there_is_no_sensor_where_nobody_is_to_be_told(settings: Any) -> None:
    assert "alert_on_failure" in [one.name for one in location().sensor_defs]

    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "MONITORING": {}}
    assert "alert_on_failure" not in [one.name for one in location().sensor_defs]


def test_it_runs_by_itself() -> None:
    sensor = location().get_sensor_def("alert_on_failure")

    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_a_failed_run_is_told_of_once(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], told: list[Any]
) -> None:
    """By the whole sensor, with its cursor, as the daemon calls it."""
    sensor = location().get_sensor_def("alert_on_failure")
    cursor: str | None = None

    def tick() -> None:
        nonlocal cursor
        with dg.build_sensor_context(instance=history, cursor=cursor, repository_def=location()) as context:
            sensor.evaluate_tick(context)
            cursor = context.cursor

    tick()
    quiet_town["places"] = fail
    run_job(history)
    assert told == []
    tick()
    assert len(told) == 1
    tick()
    assert len(told) == 1


def test_it_names_the_run_its_transformers_and_the_first_error(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], told: list[Any]
) -> None:
    quiet_town["places"] = fail
    result = run_job(history, **{"dagster/schedule_name": "nightly"})

    assert tell(context_of(result, history)) is None

    (sent,) = told
    assert sent.subject == "Hospital: 1 of 2 transformers failed"
    assert f"Run {result.run_id}, started by the schedule 'nightly'." in sent.body
    assert "'places' failed: " in sent.body
    assert "the clerk has gone home" in sent.body
    assert "documents: success (2 read, 2 created" in sent.body


@pytest.mark.parametrize(
    ("tags", "started_by"),
    [
        ({"dagster/sensor_name": "watch__x"}, "the sensor 'watch__x'"),
        ({}, "the Dagster UI"),
        ({STARTED_BY: "manage.py migrate_legacy_data", ABANDONED: "x"}, "manage.py migrate_legacy_data"),
    ],
)
def test_it_says_who_started_the_run(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], told: list[Any],
    tags: dict[str, str], started_by: str,
) -> None:  # fmt: skip
    quiet_town["places"] = fail
    tell(context_of(run_job(history, **tags), history))

    assert f"started by {started_by}." in told[0].body


def test_a_run_of_the_command_is_left_to_the_command(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], told: list[Any]
) -> None:
    quiet_town["places"] = fail
    result = run_job(history, **{STARTED_BY: "manage.py migrate_legacy_data"})

    said = tell(context_of(result, history))

    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == (f"Run {result.run_id} was started by the command, which tells of it itself.")
    assert told == []


def test_a_re_execution_of_it_is_not(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], told: list[Any]
) -> None:
    quiet_town["places"] = fail
    parent = run_job(history)
    tags = {
        STARTED_BY: "manage.py migrate_legacy_data",
        "dagster/parent_run_id": parent.run_id,
        "dagster/root_run_id": parent.run_id,
    }
    result = run_job(history, **tags)
    run = history.get_run_by_id(result.run_id)
    assert run is not None

    context = context_of(result, history)
    context._dagster_run = run._replace(parent_run_id=parent.run_id, root_run_id=parent.run_id)
    tell(context)

    assert "started by the Dagster UI." in told[0].body


def test_a_dry_run_alerts_nobody(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], told: list[Any]
) -> None:
    quiet_town["places"] = fail
    job = build_definitions(REGISTRY).resolve_job_def("dry_run_legacy_data")
    result = job.execute_in_process(instance=history, raise_on_error=False)
    assert not result.success

    assert isinstance(tell(context_of(result, history)), dg.SkipReason)
    assert told == []


def test_a_run_that_left_no_record_is_told_of_in_dagster_s_words(
    town: Pair, history: dg.DagsterInstance, told: list[Any]
) -> None:
    with connections["legacy"].cursor() as cursor:
        cursor.execute("DROP TABLE old_places")
    job = build_definitions(REGISTRY).resolve_job_def("observe_legacy_tables")
    result = job.execute_in_process(instance=history, raise_on_error=False)

    tell(context_of(result, history))

    assert told[0].subject == "Hospital: the run failed"
    assert "Database 'legacy' has no table or view 'old_places'." in told[0].body


def test_what_could_not_be_sent_fails_the_tick_and_nothing_else(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble], settings: Any
) -> None:
    settings.ETL_CONFIG = {
        **settings.ETL_CONFIG, "MONITORING": {"WEBHOOK_URL": "http://127.0.0.1:9/t0ken"}
    }  # fmt: skip
    quiet_town["places"] = fail
    result = run_job(history)

    with pytest.raises(dg.Failure) as caught:
        tell(context_of(result, history))

    assert "The alert could not be posted to '127.0.0.1' (" in str(caught.value.description)
    assert "t0ken" not in str(caught.value.description)


# The command


VISITORS = "tests.integration.orchestration.visitors"


@pytest.fixture
def by_command(settings: Any) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "TRANSFORMER_DISCOVERY_PATHS": [VISITORS]}


def test_the_command_tells_of_its_failure_without_a_daemon(
    town: Pair, home: Any, quiet_town: dict[str, Trouble], told: list[Any], by_command: None
) -> None:
    quiet_town["places"] = fail

    result = migrate()

    assert result.status == 1
    (sent,) = told
    assert sent.subject == "Hospital: 1 of 4 transformers failed"
    run_id = Run.objects.get(transformer="places").run_id
    assert f"Run {run_id}, started by manage.py migrate_legacy_data." in sent.body
    assert "'places' failed: " in sent.body
    assert "visitors: skipped (0 read" in sent.body
    assert f"/runs/{run_id}" in sent.body


def test_the_command_tells_nobody_of_success_or_a_dry_run(
    town: Pair, home: Any, quiet_town: dict[str, Trouble], told: list[Any], by_command: None
) -> None:
    assert migrate().status == 0
    quiet_town["places"] = fail
    assert migrate("--dry-run").status == 1

    assert told == []


def test_the_command_tells_also_of_what_kept_it_from_running(
    town: Pair, home: Any, told: list[Any], by_command: None
) -> None:
    assert migrate("--only", "placs").status == 1

    (sent,) = told
    assert "No run was begun by manage.py migrate_legacy_data." in sent.body
    assert "No transformer is named 'placs'. Did you mean 'places'?" in sent.body


def test_an_alert_that_cannot_be_sent_is_told_beside_the_failure(
    town: Pair, home: Any, quiet_town: dict[str, Trouble], settings: Any, by_command: None, tmp_path: Any
) -> None:
    settings.ETL_CONFIG = {
        **settings.ETL_CONFIG, "MONITORING": {"WEBHOOK_URL": "http://127.0.0.1:9/t0ken"}
    }  # fmt: skip
    quiet_town["places"] = fail

    result = migrate("--log-file", tmp_path / "etl.log")

    assert result.status == 1
    assert "'places' failed: " in result.stderr
    assert "The alert could not be posted to '127.0.0.1' (" in result.stderr
    log = (tmp_path / "etl.log").read_text()
    assert "The alert could not be posted to '127.0.0.1' (" in log
    assert "t0ken" not in log + result.stderr + result.stdout
