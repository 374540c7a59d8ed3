"""Schedules: made of the settings, and what a tick launches."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from django.db import connections

from etl_assets.engine.locks import exclusive
from etl_assets.exceptions import ConfigurationError, UnknownTransformer
from etl_assets.orchestration.jobs import build_definitions
from etl_assets.registry import discover
from tests.databases import Pair
from tests.integration.orchestration.ticks import chosen, launched, location, schedule_tick
from tests.integration.orchestration.visitors import REGISTRY

SETTINGS = Path(__file__).parents[3] / "django_project" / "settings.py"
TRANSFORMERS = "django_project.hospital.transformers"
NIGHT = {"cron": "0 2 * * *"}


def schedules(settings: Any, **given: Any) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SCHEDULES": given}


def test_without_settings_there_is_none(settings: Any) -> None:
    schedules(settings)

    assert location().schedule_defs == []


def test_an_entry_is_a_schedule_of_the_job(settings: Any) -> None:
    schedules(
        settings, nightly=NIGHT, weekly={"cron": "30 4 * * SUN", "timezone": "Asia/Tokyo", "enabled": False}
    )
    settings.TIME_ZONE = "Europe/London"

    nightly, weekly = sorted(location().schedule_defs, key=lambda one: one.name)

    assert (nightly.name, nightly.job_name, nightly.cron_schedule) == (
        "nightly",
        "migrate_legacy_data",
        "0 2 * * *",
    )
    assert nightly.execution_timezone == "Europe/London"
    assert nightly.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (weekly.cron_schedule, weekly.execution_timezone) == ("30 4 * * SUN", "Asia/Tokyo")
    assert weekly.default_status is dg.DefaultScheduleStatus.STOPPED


def test_a_tick_launches_everything(town: Pair, history: dg.DagsterInstance, settings: Any) -> None:
    schedules(settings, nightly=NIGHT)

    (request,) = schedule_tick("nightly", history).run_requests

    assert chosen(request) == {"documents", "places", "visitors", "badges"}


def test_a_tick_launches_only_what_the_entry_names(
    town: Pair, history: dg.DagsterInstance, settings: Any
) -> None:
    schedules(settings, nightly={**NIGHT, "only": "visitors,places"})

    (request,) = schedule_tick("nightly", history).run_requests

    assert chosen(request) == {"places", "visitors"}


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
)
def test_a_tick_passes_while_its_last_run_has_not_ended(
    town: Pair, history: dg.DagsterInstance, settings: Any, status: dg.DagsterRunStatus
) -> None:
    schedules(settings, nightly=NIGHT)
    run = launched(history, status, **{"dagster/schedule_name": "nightly"})

    tick = schedule_tick("nightly", history)

    assert tick.run_requests == []
    assert tick.skip_message == (f"Run {run.run_id}, which this schedule launched before, has not ended yet.")


def test_a_run_at_work_is_told_from_one_whose_process_died(
    town: Pair, history: dg.DagsterInstance, settings: Any
) -> None:
    schedules(settings, nightly=NIGHT)
    launched(history, dg.DagsterRunStatus.STARTED, **{"dagster/schedule_name": "nightly"})

    with exclusive(connections["default"], "visitors"):
        at_work = schedule_tick("nightly", history)
    died = schedule_tick("nightly", history)

    assert at_work.run_requests == []
    assert len(died.run_requests) == 1


def test_runs_of_others_do_not_hold_a_schedule_up(
    town: Pair, history: dg.DagsterInstance, settings: Any
) -> None:
    schedules(settings, nightly=NIGHT)
    launched(history, dg.DagsterRunStatus.STARTING, **{"dagster/schedule_name": "weekly"})
    launched(history, dg.DagsterRunStatus.SUCCESS, **{"dagster/schedule_name": "nightly"})

    assert len(schedule_tick("nightly", history).run_requests) == 1


def test_the_code_location_refuses_what_the_system_check_refuses(settings: Any) -> None:
    schedules(settings, nightly={"cron": "0 25 * * *"})
    with pytest.raises(ConfigurationError, match="bad hour"):
        build_definitions(REGISTRY)

    schedules(settings, nightly={**NIGHT, "only": ["visitor"]})
    with pytest.raises(UnknownTransformer, match="Did you mean 'visitors'"):
        build_definitions(REGISTRY)


def test_the_legacy_tables_are_looked_at_when_monitoring_says(settings: Any) -> None:
    settings.ETL_CONFIG = {"MONITORING": {"OBSERVE": "15 6 * * *"}}

    (schedule,) = location().schedule_defs

    assert (schedule.job_name, schedule.cron_schedule) == ("observe_legacy_tables", "15 6 * * *")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


@pytest.mark.parametrize(("given", "is_on"), [({}, False), ({"NIGHTLY": "1", "SENSORS": "1"}, True)])
def test_the_hospital_ships_a_nightly_schedule_and_a_watermark_sensor(
    settings: Any, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], is_on: bool
) -> None:
    for variable in ("NIGHTLY", "SENSORS"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    settings.ETL_CONFIG = runpy.run_path(str(SETTINGS))["ETL_CONFIG"]
    registry = discover([TRANSFORMERS])

    (nightly,) = location(registry).schedule_defs
    sensor = location(registry).get_sensor_def("watch__legacy__legacy_patients")

    assert (nightly.name, nightly.cron_schedule) == ("nightly", "0 2 * * *")
    assert nightly.execution_timezone == "Europe/London"
    assert (nightly.default_status is dg.DefaultScheduleStatus.RUNNING) is is_on
    assert (sensor.default_status is dg.DefaultSensorStatus.RUNNING) is is_on
    made = runpy.run_path(str(SETTINGS.parent / "hospital" / "transformers.py"), run_name=TRANSFORMERS)
    assert made["PatientTransformer"]._meta.watermark == ("updated_at" if is_on else None)
