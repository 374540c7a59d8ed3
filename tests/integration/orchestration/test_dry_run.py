"""The job `dry_run_legacy_data`: a dry run from the UI, which leaves nothing behind but its run."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
import yaml

from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse
from etl_assets.models import Reject, Run
from etl_assets.orchestration.jobs import build_definitions
from tests.databases import Pair
from tests.documents import ROOT, code
from tests.integration.orchestration.visitors import REGISTRY, Trouble
from tests.targets.models import Document, Place

STEP = "rehearse_transformers"


def dry_run(
    history: dg.DagsterInstance, *names: str, only: list[str] | None = None, **options: Any
) -> dg.ExecuteInProcessResult:
    job = build_definitions(REGISTRY, only=only).resolve_job_def("dry_run_legacy_data")
    config = {
        "ops": {STEP: {"config": {"only": list(names)}}},
        "resources": {"options": {"config": options}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    return job.execute_in_process(config, instance=history, raise_on_error=False)


def step_metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (output,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return dict(output.step_output_data.metadata)


def failure(result: dg.ExecuteInProcessResult) -> Any:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data


def records(table: Any) -> list[dict[str, Any]]:
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


def test_it_says_what_a_run_would_do_and_does_nothing(town: Pair, history: dg.DagsterInstance) -> None:
    result = dry_run(history)

    assert result.success
    said = step_metadata(result)
    rows = {row["transformer"]: row for row in records(said["transformers"])}
    assert list(rows) == ["documents", "places", "visitors", "badges"]
    places = rows["places"]
    assert (places["status"], places["read"], places["created"], places["rejected"]) == ("success", 4, 3, 1)
    assert (rows["visitors"]["created"], rows["visitors"]["rejected"]) == (3, 1)
    assert records(said["reject_reasons"]) == [
        {"transformer": "places", "field": "code", "code": "max_length", "rows": 1},
        {"transformer": "visitors", "field": "place", "code": "link", "rows": 1},
    ]
    assert said["total_records"].value == 12
    # Nothing has changed, and Dagster has the run without a materialization.
    assert not Place.objects.exists()
    assert not Document.objects.exists()
    assert not Run.objects.exists()
    assert not Reject.objects.exists()
    assert not history.all_asset_keys()
    (record,) = history.get_runs()
    assert record.job_name == "dry_run_legacy_data"
    assert record.status is dg.DagsterRunStatus.SUCCESS
    assert record.tags["etl_assets/dry_run"] == "true"


def test_it_finds_what_the_engine_finds(town: Pair, history: dg.DagsterInstance) -> None:
    expected = rehearse(REGISTRY.choose(None), REGISTRY, RunOptions(dry_run=True), run_id="x")

    rows = records(step_metadata(dry_run(history))["transformers"])

    assert {row["transformer"]: row["rejected"] for row in rows} == {
        name: one.counts.rejected for name, one in expected.transformers.items()
    }


def test_some_transformers_alone(town: Pair, history: dg.DagsterInstance) -> None:
    rows = records(step_metadata(dry_run(history, "documents", "places"))["transformers"])

    assert [row["transformer"] for row in rows] == ["documents", "places"]


def test_options_reach_the_engine(town: Pair, history: dg.DagsterInstance) -> None:
    result = dry_run(history, "places", batch_size=0)

    assert not result.success
    assert failure(result).description == (
        "The batch size is 0, and a batch needs a row: give a number from 1 up."
    )


@pytest.mark.parametrize(
    ("only", "known"),
    [(None, "badges, documents, places, visitors"), (["places", "documents"], "documents, places")],
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    only: list[str] | None, known: str, town: Pair, history: dg.DagsterInstance
) -> None:
    result = dry_run(history, "placs", only=only)

    assert not result.success
    assert failure(result).description == (
        f"No transformer is named 'placs'. Did you mean 'places'? Known transformers: {known}."
    )


def test_a_dry_run_that_fails_fails_its_run(
    town: Pair, history: dg.DagsterInstance, quiet_town: dict[str, Trouble]
) -> None:
    def fail() -> None:
        raise RuntimeError("the clerk has gone home")

    quiet_town["places"] = fail

    result = dry_run(history)

    assert not result.success
    said = failure(result)
    assert said.description.startswith("The dry run failed. places: ")
    assert "the clerk has gone home" in said.description
    rows = {row["transformer"]: row for row in records(said.metadata["transformers"])}
    assert {name: row["status"] for name, row in rows.items()} == {
        "documents": "success", "places": "failed", "visitors": "skipped", "badges": "skipped"
    }  # fmt: skip
    assert rows["visitors"]["error"] == "'places' has not been loaded, and 'visitors' needs it."
    assert not history.all_asset_keys()


def test_the_documented_config_fits() -> None:
    job = build_definitions(REGISTRY).resolve_job_def("dry_run_legacy_data")
    (text,) = [one.text for one in code(ROOT / "docs/dagster.md", "yaml") if STEP in one.text]

    assert dg.validate_run_config(job, yaml.safe_load(text))


def test_its_fields_are_explained_in_the_launchpad() -> None:
    job = build_definitions(REGISTRY).resolve_job_def("dry_run_legacy_data")

    schema: Any = job.run_config_schema.config_type
    for name in ("ops", STEP, "config"):
        schema = schema.fields[name].config_type
    (only,) = schema.fields.items()
    assert only[0] == "only"
    assert "Empty: all of them." in only[1].description
    assert not only[1].is_required
