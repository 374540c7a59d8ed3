"""The real daemon: a sensor and a schedule tick by themselves, and a run that fails is told of."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    ScheduleInstigatorData,
    TickStatus,
)

from etl_assets.orchestration.origin import remote_origin
from tests.databases import Pair

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
SENSOR = "watch__legacy__old_documents"

SETTINGS = """
from tests.settings import *
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = {mails!r}
ETL_CONFIG = {{
    **ETL_CONFIG,
    "TRANSFORMER_DISCOVERY_PATHS": ["watched_town"],
    "SENSORS": {{"ENABLED": True, "INTERVAL": 1}},
    "SCHEDULES": {{"each_minute": {{"cron": "* * * * *"}}}},
    "MONITORING": {{"ALERT_EMAIL": "ops@example.org"}},
}}
"""

TRANSFORMERS = """
from etl_assets import Transformer, col, key
from tests.targets.models import Document

class Documents(Transformer):
    class Meta:
        source = "old_documents"
        model = Document

    legacy_id = key("id")
    title = col("title")

    def prepare(self, rows):
        raise RuntimeError("the clerk has gone home")
"""

DAGSTER = """
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    return tmp_path / "mails"


@pytest.fixture
def daemon(
    town: Pair, history: dg.DagsterInstance, home: Path, tmp_path: Path, mails: Path
) -> Iterator[None]:
    """The daemon at work on a project whose one transformer fails."""
    (tmp_path / "watched_settings.py").write_text(SETTINGS.format(mails=str(mails)))
    (tmp_path / "watched_town.py").write_text(TRANSFORMERS)
    (home / "dagster.yaml").write_text(DAGSTER)
    _start_in_the_past(history, "each_minute")
    process = subprocess.Popen(
        [BIN / "dagster-daemon", "run", "-m", "etl_assets.definitions"],
        cwd=ROOT,
        env=town.environment(
            DAGSTER_HOME=str(home), DJANGO_SETTINGS_MODULE="watched_settings", PYTHONPATH=f"{tmp_path}:{ROOT}"
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _start_in_the_past(history: dg.DagsterInstance, schedule: str) -> None:
    """Have the schedule switched on for a while, so that nobody waits for the next full minute."""
    origin = remote_origin("migrate_legacy_data").repository_origin.get_instigator_origin(schedule)
    data = ScheduleInstigatorData("* * * * *", start_timestamp=time.time() - 90)
    history.add_instigator_state(
        InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
    )


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)


def ticks(history: dg.DagsterInstance, name: str) -> list[InstigatorTick]:
    """The ticks of a schedule or sensor that launched something, the newest first."""
    origin = remote_origin("migrate_legacy_data").repository_origin.get_instigator_origin(name)
    selector = origin.get_selector().get_id()
    found = history.get_ticks(origin.get_id(), selector)
    return [tick for tick in found if tick.status is TickStatus.SUCCESS and tick.run_ids]


def test_a_sensor_and_a_schedule_tick_and_a_failure_is_told_of(
    daemon: None, history: dg.DagsterInstance, mails: Path
) -> None:
    wait_for(lambda: bool(ticks(history, SENSOR) and ticks(history, "each_minute")))
    (by_sensor,) = ticks(history, SENSOR)[-1].run_ids
    (by_schedule, *_) = ticks(history, "each_minute")[-1].run_ids

    wait_for(lambda: mails.is_dir() and by_sensor in written(mails))

    run = history.get_run_by_id(by_sensor)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert run.tags["etl_assets/change"] == "'old_documents' in database 'legacy': rows 2, highest id 8"
    assert by_schedule != by_sensor
    assert f"Run {by_sensor}, started by the sensor '{SENSOR}'." in written(mails)
    assert "the clerk has gone home" in written(mails)
    assert len(ticks(history, SENSOR)) == 1


def written(mails: Path) -> str:
    return "".join(path.read_text() for path in mails.iterdir())
