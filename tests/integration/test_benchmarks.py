"""The benchmarks measure what they say: real contenders, real databases, three hundred rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from benchmarks.cases import Case
from benchmarks.contenders import CONTENDERS, MIXED, SQLITE, Contender
from benchmarks.results import Run
from benchmarks.runner import run_part
from benchmarks.stage import Stage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads Linux's /proc")

ROWS = 300

LOOP = """
from benchmarks.contenders import django_loop
django_loop.main()
from django.db import connection
connection.cursor().execute("{} WHERE legacy_id IN (SELECT min(legacy_id) FROM bench_patient)")
"""
WRONG = {
    "one name wrong": LOOP.format("UPDATE bench_patient SET first_name = 'X'"),
    "one row missing": LOOP.format("DELETE FROM bench_patient"),
    "another department": LOOP.format("UPDATE bench_patient SET department_id = 1 + department_id % 2"),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("benchmarks")) as stage:
        yield stage


def runs_of(stage: Stage, case: Case) -> dict[str, Run]:
    return {run.contender: run for run in run_part([case], stage, 1)}


def program(name: str, text: str) -> Contender:
    return Contender(name, name, "", lambda place: [sys.executable, "-c", text])


def test_contenders_do_the_job_and_are_measured(stage: Stage) -> None:
    runs = runs_of(stage, Case("patients", ROWS, SQLITE, "empty", ("limit", "engine", "django_loop")))

    assert {name: run.outcome for name, run in runs.items()} == {"engine": "right", "django_loop": "right"}
    engine = runs["engine"]
    assert engine.seconds > engine.told["engine_seconds"] > 0
    assert 0 < engine.cpu_seconds < 60
    assert engine.peak_mb > 50  # pandas alone is more
    assert (engine.told["read"], engine.told["updated"]) == (ROWS, 0)
    assert engine.told["created"] + engine.told["rejected"] == ROWS
    assert engine.told["rejected"] > 0


def test_of_a_changed_target_every_second_row_differs(stage: Stage) -> None:
    engine = runs_of(stage, Case("patients", ROWS, SQLITE, "changed", ("engine",)))["engine"]

    assert engine.outcome == "right", engine.detail
    told = engine.told
    assert told["updated"] == pytest.approx((ROWS - told["rejected"]) / 2, abs=20)
    assert told["unchanged"] + told["updated"] + told["rejected"] == ROWS


def test_the_limit_is_right_on_postgresql_and_its_server_is_measured(stage: Stage) -> None:
    # Time is told in hundredths of a second: fewer rows may take none.
    limit = runs_of(stage, Case("patients", 10 * ROWS, MIXED, "empty", ("limit",)))["limit"]

    assert limit.outcome == "right", limit.detail
    assert limit.database_cpu_seconds > 0


def test_a_wrong_contender_is_wrong_and_not_fast(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in WRONG.items():
        monkeypatch.setitem(CONTENDERS, name, program(name, text))

    runs = runs_of(stage, Case("patients", ROWS, SQLITE, "empty", tuple(WRONG)))

    assert {name: run.outcome for name, run in runs.items()} == dict.fromkeys(WRONG, "wrong")
    assert runs["one row missing"].detail.startswith("bench_patient has ")
    assert runs["one name wrong"].detail.endswith("but not the right values")


def test_contenders_that_fail_or_are_not_there_are_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONTENDERS, "fails", program("fails", "import sys; sys.exit('out of luck')"))
    absent = Contender("absent", "", "", lambda place: [], modules=("no_such_package",))
    monkeypatch.setitem(CONTENDERS, "absent", absent)

    runs = runs_of(stage, Case("patients", ROWS, SQLITE, "empty", ("fails", "absent")))

    assert (runs["fails"].outcome, runs["fails"].detail) == ("failed", "out of luck")
    assert (runs["absent"].outcome, runs["absent"].detail) == ("not installed", "no_such_package is missing")
