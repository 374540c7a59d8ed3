"""The command's flags against the settings: who wins."""

from __future__ import annotations

import pytest
from django.test import override_settings

from etl_assets.conf import RejectLimit
from etl_assets.engine.options import RunOptions
from etl_assets.exceptions import ConfigurationError


def settings(**run: object) -> override_settings:
    return override_settings(ETL_CONFIG={"TRANSFORMATION": run})


@pytest.mark.parametrize(
    ("enabled", "mode", "flag", "expected"),
    [
        (True, "lenient", None, "lenient"),
        (True, "strict", None, "strict"),
        (True, "warning_only", None, "warning_only"),
        (False, "strict", None, "warning_only"),
        (True, "strict", False, "warning_only"),
        (True, "strict", True, "strict"),
        (False, "strict", True, "strict"),
        (True, "warning_only", True, "lenient"),
        (False, "warning_only", True, "lenient"),
        (False, "lenient", False, "warning_only"),
    ],
)
def test_how_strictly_a_run_validates(enabled: bool, mode: str, flag: bool | None, expected: str):
    with settings(ENABLE_VALIDATION=enabled, VALIDATION_MODE=mode):
        assert RunOptions(validation=flag).validation_mode == expected


def test_in_strict_mode_one_reject_is_too_many_whatever_the_limit():
    with settings(VALIDATION_MODE="strict", MAX_REJECTED="50%"):
        assert RunOptions().reject_limit == RejectLimit(count=0)
        assert RunOptions(validation=False).reject_limit == RejectLimit.parse("50%")
    with settings():
        assert RunOptions().reject_limit is None


def test_the_flag_wins_over_meta_and_meta_over_the_settings():
    with settings(BATCH_SIZE=300):
        assert RunOptions(batch_size=100).rows_per_batch(200) == 100
        assert RunOptions().rows_per_batch(200) == 200
        assert RunOptions().rows_per_batch(None) == 300


@pytest.mark.parametrize("size", [0, -5])
def test_a_batch_needs_a_row(size: int):
    with pytest.raises(ConfigurationError) as caught:
        RunOptions(batch_size=size)
    assert str(caught.value) == (
        f"The batch size is {size}, and a batch needs a row: give a number from 1 up."
    )


def test_options_are_recorded_whole():
    assert RunOptions(rollback=False, batch_size=5, full=True).as_dict() == {
        "rollback": False,
        "validation": None,
        "batch_size": 5,
        "full": True,
        "dry_run": False,
    }
