"""From a run in Dagster to its page in the admin."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from django.contrib.auth.models import User
from django.test import Client

from etl_assets.engine.options import RunOptions
from etl_assets.models import Run
from etl_assets.orchestration.in_process import materialize
from tests.databases import Pair
from tests.integration.orchestration.visitors import REGISTRY, Trouble

SITE = "https://hospital.example.org"


def run(name: str) -> None:
    materialize(REGISTRY.choose([name]), REGISTRY, RunOptions())


def said(history: dg.DagsterInstance, name: str) -> dict[str, Any]:
    event = history.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def test_a_materialization_links_to_its_run(town: Pair, history: dg.DagsterInstance, settings: Any) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SITE_URL": f"{SITE}/"}
    run("places")
    run("places")

    address = said(history, "places")["admin"]
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = client.get(address.removeprefix(SITE))
    assert address.startswith(f"{SITE}/admin/")
    assert [one.pk for one in page.context["cl"].result_list] == [Run.objects.latest("started_at").pk]


def test_without_an_address_there_is_no_link(town: Pair, history: dg.DagsterInstance) -> None:
    run("places")

    assert "admin" not in said(history, "places")


def test_a_failure_links_to_its_run(
    town: Pair, history: dg.DagsterInstance, settings: Any, quiet_town: dict[str, Trouble]
) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SITE_URL": SITE}

    def fail() -> None:
        raise ValueError("no good")

    quiet_town["places"] = fail
    run("places")

    (record,) = history.get_run_records(limit=1)
    failures = [
        entry.dagster_event.step_failure_data.user_failure_data
        for entry in history.all_logs(record.dagster_run.run_id)
        if entry.dagster_event and entry.dagster_event.is_step_failure
    ]
    (failure,) = failures
    assert failure is not None
    assert failure.metadata["admin"].value == (
        f"{SITE}/admin/etl_assets/run/?run_id={record.dagster_run.run_id}&transformer=places"
    )


def test_a_project_without_the_admin_still_runs(
    town: Pair, history: dg.DagsterInstance, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SITE_URL": SITE}
    settings.ROOT_URLCONF = "tests.targets.models"  # has no URLs

    run("places")

    assert "admin" not in said(history, "places")
    assert "SITE_URL is set, but no page of the admin can be linked to: " in caplog.text
