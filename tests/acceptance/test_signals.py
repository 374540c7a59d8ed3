"""Real signals to a real process in the middle of a load, and two processes at once."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from django.db import connections

from django_project.hospital.models import Department, Patient
from etl_assets.models import Checkpoint, Run
from tests.commands import migrate, running
from tests.databases import Pair

IN_THE_MIDST = "migration.PatientTransformer - DEBUG - Processing batch 5 "
SLOWLY = ("--only", "patients", "--batch-size", "25", "--log-level", "DEBUG")

ON_EACH_VENDOR = pytest.mark.parametrize("large_hospital", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def departments(large_hospital: Pair) -> None:
    """Loaded beforehand, with a patient that somebody made by hand."""
    assert migrate("--only", "departments").status == 0
    Patient.objects.create(
        legacy_id=1,
        number="AA000001",
        department=Department.objects.earliest("pk"),
        registered_at="2020-01-01T00:00Z",
    )


def patients() -> list[tuple[object, ...]]:
    return list(Patient.objects.order_by("pk").values_list())


def statuses() -> list[str]:
    # A connection that stood open would not see what the other process has written meanwhile.
    connections["default"].close()
    return list(Run.objects.filter(transformer="patients").order_by("pk").values_list("status", flat=True))


@ON_EACH_VENDOR
@pytest.mark.usefixtures("departments")
def test_ctrl_c_rolls_back_says_so_and_leaves_report_and_log(large_hospital: Pair, tmp_path: Path):
    before = patients()
    log, output = tmp_path / "m.log", tmp_path / "report.json"
    with running(large_hospital, *SLOWLY, "--log-file", log, "--output", output) as process:
        process.wait_for(IN_THE_MIDST)
        process.send(signal.SIGINT)
        ended = process.end()

    sentence = "Interrupted: 'patients' was rolled back; nothing of it was kept."
    assert ended.stderr == f"{sentence}\n"
    assert ended.status == 130
    assert "complete" not in ended.stdout
    assert statuses() == ["interrupted"]
    assert patients() == before
    report = json.loads(output.read_text())
    assert (report["status"], report["error"]) == ("failed", sentence)
    patient = report["transformers"]["patients"]
    assert patient["status"] == "failed"
    assert patient["read"] > 0
    assert patient["created"] == patient["updated"] == patient["unchanged"] == 0
    lines = log.read_text().splitlines()
    assert lines[-2].endswith(f" - migration - ERROR - {sentence}")
    assert " - migration - INFO - Total time: " in lines[-1]

    assert migrate("--only", "patients").status == 0
    assert statuses() == ["interrupted", "success"]
    assert len(patients()) > 5_700


@ON_EACH_VENDOR
@pytest.mark.usefixtures("departments")
def test_a_second_process_is_refused_and_a_second_signal_breaks_no_rollback(large_hospital: Pair):
    before = patients()
    with running(large_hospital, *SLOWLY) as process:
        process.wait_for(IN_THE_MIDST)
        process.send(signal.SIGSTOP)  # or it might be done by the time that the second one has begun
        second = migrate("--only", "patients")
        process.send(signal.SIGTERM, signal.SIGCONT)
        ended = process.end_under_fire(signal.SIGTERM, signal.SIGINT)

    assert second.status == 1
    assert second.stderr == (
        "CommandError: 'patients' failed: 'patients' is being run by another process: wait until it has "
        "finished, then run it again.\n"
    )
    assert ended.stderr == "Interrupted: 'patients' was rolled back; nothing of it was kept.\n"
    assert ended.status == 143
    assert statuses() == ["interrupted"]
    assert patients() == before


@pytest.mark.usefixtures("departments")
def test_without_rollback_the_next_run_goes_on_after_the_last_whole_batch_unless_full(large_hospital: Pair):
    with running(large_hospital, *SLOWLY, "--no-enable-rollback") as process:
        process.wait_for(IN_THE_MIDST)
        process.send(signal.SIGTERM)
        ended = process.end()

    assert ended.stderr == (
        "Interrupted: the last batch of 'patients' was rolled back; whole batches before it were kept, "
        "and the next run goes on after them.\n"
    )
    assert ended.status == 143
    connections["default"].close()
    done = Checkpoint.objects.get(transformer="patients").rows_read
    assert done >= 100
    assert done % 25 == 0

    full = migrate("--only", "patients", "--full", "--dry-run")
    assert "Going on" not in full.stdout
    assert "INFO - Found 6000 records to process\n" in full.stdout

    again = migrate("--only", "patients")
    assert again.status == 0
    assert f"INFO - Going on after the {done} rows that an unfinished run has loaded\n" in again.stdout
    assert f"INFO - Found {6_000 - done} records to process\n" in again.stdout
    assert len(patients()) > 5_700


@pytest.mark.usefixtures("departments")
def test_a_dry_run_that_is_stopped_has_written_nothing(large_hospital: Pair):
    before = Path(large_hospital.target.name).read_bytes()
    with running(large_hospital, *SLOWLY, "--dry-run") as process:
        process.wait_for(IN_THE_MIDST)
        process.send(signal.SIGINT)
        ended = process.end()

    assert ended.stderr == "Interrupted: this was a dry run, and nothing was written.\n"
    assert ended.status == 130
    assert Path(large_hospital.target.name).read_bytes() == before


@pytest.mark.usefixtures("departments")
def test_after_a_hard_kill_the_next_run_marks_it_and_succeeds(large_hospital: Pair):
    before = patients()
    with running(large_hospital, *SLOWLY) as process:
        process.wait_for(IN_THE_MIDST)
        process.send(signal.SIGKILL)
        process.end()
    assert statuses() == ["running"]
    assert patients() == before

    assert migrate("--only", "patients").status == 0
    assert statuses() == ["abandoned", "success"]
