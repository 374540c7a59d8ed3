"""What the model `Run` says of runs that end, fail, are tried again or die."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.db import connections
from django.utils import timezone

from etl_assets.engine import runs
from etl_assets.engine.options import RunOptions
from etl_assets.engine.report import Counts, TransformerReport
from etl_assets.exceptions import ConfigurationError
from etl_assets.models import Run
from tests.databases import Databases, Vendor


@pytest.mark.django_db
def test_a_run_is_recorded_with_its_options_from_its_first_moment():
    before = timezone.now()
    runs.begin("patients", "run-1", RunOptions(batch_size=7, rollback=False))

    run = Run.objects.get()
    assert (run.transformer, run.run_id, run.status, run.error) == ("patients", "run-1", "running", "")
    assert run.options == {
        "rollback": False,
        "validation": None,
        "batch_size": 7,
        "full": False,
        "dry_run": False,
    }
    assert before <= run.started_at <= timezone.now()
    assert run.finished_at is None
    assert str(run) == "patients run-1"


@pytest.mark.django_db
def test_how_it_ended_is_recorded_whole():
    run = runs.begin("patients", "run-1", RunOptions())
    counts = Counts(read=20, created=1, updated=2, unchanged=3, rejected=10, skipped=4, warnings=5)
    report = TransformerReport("patients", counts=counts, reject_reasons=Counter({"dob:date": 10}))
    report.error = "No."

    runs.finish(run, report, Run.Status.FAILED)

    kept = Run.objects.get()
    assert {name: getattr(kept, name) for name in counts.as_dict()} == counts.as_dict()
    assert (kept.status, kept.error, kept.reject_reasons) == ("failed", "No.", {"dob:date": 10})
    assert kept.stages == report.stages.as_dict()
    assert kept.finished_at is not None
    assert kept.started_at <= kept.finished_at <= timezone.now()


@pytest.mark.django_db
def test_a_retry_goes_on_with_the_record_of_its_run():
    first = runs.begin("patients", "run-1", RunOptions())
    report = TransformerReport("patients", error="Lost.")
    runs.finish(first, report, Run.Status.FAILED)

    again = runs.begin("patients", "run-1", RunOptions())

    assert again.pk == first.pk
    kept = Run.objects.get()
    assert (kept.status, kept.error, kept.finished_at) == ("running", "", None)


@pytest.mark.django_db
def test_who_takes_the_lock_marks_what_was_left_behind():
    def record(transformer: str, run_id: str, status: Run.Status) -> None:
        moment = dt.datetime(2024, 1, 15, tzinfo=dt.UTC)
        Run.objects.create(transformer=transformer, run_id=run_id, status=status, started_at=moment)

    record("patients", "dead", Run.Status.RUNNING)
    record("patients", "ended", Run.Status.SUCCESS)
    record("patients", "now", Run.Status.RUNNING)  # tried again under its own id
    record("departments", "alive", Run.Status.RUNNING)

    assert runs.abandon_others("patients", "now") == ["dead"]
    assert runs.abandon_others("patients", "now") == []
    assert dict(Run.objects.values_list("run_id", "status")) == {
        "dead": "abandoned",
        "ended": "success",
        "now": "running",
        "alive": "running",
    }
    dead = Run.objects.get(run_id="dead")
    assert dead.finished_at is not None
    assert dead.error.startswith("The process ended without a word: ")


def test_a_database_that_was_never_migrated_is_told_as_one(vendor: Vendor, databases: Databases):
    databases.fresh("default", vendor)

    with pytest.raises(ConfigurationError) as caught:
        runs.begin("patients", "run-1", RunOptions())
    assert str(caught.value) == (
        "Database 'default' has no tables for runs and rejects: run manage.py migrate."
    )
    assert connections["default"].is_usable()
