"""What is typed into the launchpad: the command's options, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from etl_assets.models import Run
from etl_assets.orchestration.jobs import build_definitions
from tests.databases import Pair
from tests.integration.orchestration.visitors import REGISTRY
from tests.targets.models import Place


def launch(history: dg.DagsterInstance, **options: Any) -> dg.ExecuteInProcessResult:
    """Launch the job for places, as the UI does."""
    return (
        build_definitions(REGISTRY)
        .resolve_job_def("migrate_legacy_data")
        .execute_in_process(
            {
                "resources": {"options": {"config": options}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            instance=history,
            asset_selection=[dg.AssetKey("places")],
            raise_on_error=False,
        )
    )


def test_options_are_those_of_the_command(town: Pair, history: dg.DagsterInstance) -> None:
    result = launch(history, batch_size=3, validation=False, rollback=False)

    assert result.success
    assert Run.objects.get().options.items() >= {
        "batch_size": 3, "validation": False, "rollback": False
    }.items()  # fmt: skip


def test_an_empty_launchpad_does_what_the_settings_say(town: Pair, history: dg.DagsterInstance) -> None:
    assert launch(history).success
    assert Place.objects.count() == 3


def test_a_number_that_is_too_small_is_one_sentence(town: Pair, history: dg.DagsterInstance) -> None:
    result = launch(history, batch_size=0)

    (event,) = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.description == "The batch size is 0, and a batch needs a row: give a number from 1 up."
    assert not Place.objects.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch_size": "many"},
            'Invalid scalar at path root:resources:options:config:batch_size. Value "many" of type',
        ),
        (
            {"rollback": "maybe"},
            'Invalid scalar at path root:resources:options:config:rollback. Value "maybe" of type',
        ),
        (
            {"batchsize": 5},
            'Received unexpected config entry "batchsize" at path root:resources:options:config.',
        ),
    ],
    ids=["no number", "no boolean", "no option"],
)
def test_what_is_no_option_is_refused_before_anything_runs(
    options: dict[str, Any], message: str, town: Pair, history: dg.DagsterInstance
) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError) as caught:
        launch(history, **options)

    assert message in str(caught.value)
    assert not Place.objects.exists()
