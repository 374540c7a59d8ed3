"""What a run says of itself, and the advice that follows from what was measured."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter

import pytest

from etl_assets.engine.report import (
    EXTRACT,
    LOAD,
    STAGES,
    TRANSFORM,
    VALIDATE,
    Counts,
    RunReport,
    StageTimes,
    TransformerReport,
)
from etl_assets.engine.stages import CHECKING, PACKING

QUIET = {EXTRACT: 1.0, TRANSFORM: 1.0, VALIDATE: 1.0, LOAD: 1.0}


def timed(seconds: dict[str, float], batches: int = 1) -> StageTimes:
    return StageTimes(Counter(seconds), Counter(dict.fromkeys(STAGES, batches)))


def report(stages: StageTimes, **counts: int) -> TransformerReport:
    return TransformerReport("patients", counts=Counts(**counts), stages=stages)


# The contract of --output


def test_a_transformers_report_is_what_the_design_promises():
    one = TransformerReport(
        "patients",
        counts=Counts(read=20, created=1, updated=2, unchanged=3, rejected=10, skipped=4, warnings=5),
        stages=StageTimes(Counter({EXTRACT: 0.25, LOAD: 1.0}), Counter({EXTRACT: 2, LOAD: 2})),
        duration_seconds=8.0004,
        reject_reasons=Counter({"number:matches": 3, ":duplicate_key": 7}),
    )

    assert one.as_dict() == {
        "status": "success",
        "read": 20,
        "created": 1,
        "updated": 2,
        "unchanged": 3,
        "rejected": 10,
        "skipped": 4,
        "warnings": 5,
        "duration_seconds": 8.0,
        "rows_per_second": 2.5,
        "stages": {
            "data_extraction": {"seconds": 0.25, "count": 2},
            "data_transformation": {"seconds": 0, "count": 0},
            "data_validation": {"seconds": 0, "count": 0},
            "bulk_create": {"seconds": 1.0, "count": 2},
        },
        "reject_reasons": {":duplicate_key": 7, "number:matches": 3},
        "error": None,
    }
    assert list(one.as_dict()["reject_reasons"]) == [":duplicate_key", "number:matches"]


def test_a_runs_report_is_what_the_design_promises():
    run = RunReport("1234", dry_run=True, duration_seconds=1.23456)
    run.transformers["a"] = TransformerReport("a", counts=Counts(read=5))
    run.transformers["b"] = TransformerReport("b", status="failed", counts=Counts(read=7), error="No.")
    run.transformers["c"] = TransformerReport("c", status="skipped")

    said = run.as_dict()
    assert {key: said[key] for key in said if key != "transformers"} == {
        "run_id": "1234",
        "dry_run": True,
        "status": "failed",
        "duration_seconds": 1.235,
        "total_records": 12,
        "error": None,
    }
    assert {name: one["status"] for name, one in said["transformers"].items()} == {
        "a": "success",
        "b": "failed",
        "c": "skipped",
    }
    assert said["transformers"]["b"]["error"] == "No."
    assert json.loads(json.dumps(said)) == said
    assert [run.count("success"), run.count("failed"), run.count("skipped")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("statuses", "error", "succeeded"),
    [
        ([], None, True),
        (["success", "success"], None, True),
        (["success", "skipped"], None, False),
        (["success", "failed"], None, False),
        (["success"], "The log file cannot be written.", False),
    ],
)
def test_a_run_succeeds_when_every_transformer_did(statuses, error: str | None, succeeded: bool):
    run = RunReport("1", dry_run=False, error=error)
    for number, status in enumerate(statuses):
        run.transformers[str(number)] = TransformerReport(str(number), status=status)

    assert run.succeeded is succeeded
    assert run.as_dict()["status"] == ("success" if succeeded else "failed")


def test_a_run_of_no_time_has_no_speed():
    assert TransformerReport("a", counts=Counts(read=5)).rows_per_second == 0


def test_what_was_rolled_back_does_not_count_as_loaded():
    counts = Counts(read=20, created=1, updated=2, unchanged=3, rejected=10, skipped=4, warnings=5)
    counts.undo()

    assert counts == Counts(read=20, rejected=10, skipped=4)


def test_counts_of_batches_add_up():
    counts = Counts(read=3, created=1, rejected=2, warnings=1)
    counts.add(Counts(read=4, updated=1, unchanged=1, skipped=2, warnings=1))

    assert counts == Counts(3 + 4, 1, 1, 1, 2, 2, 2)
    assert counts.ended == counts.read == 7


# Measuring


def test_a_stage_is_measured_even_where_it_fails():
    stages = StageTimes()

    def fail() -> None:
        with stages.measure(LOAD):
            time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with stages.measure(EXTRACT, batches=0):
        time.sleep(0.01)

    assert (stages.batches[LOAD], stages.batches[EXTRACT]) == (1, 0)
    assert 0.01 <= stages.seconds[LOAD] < 1
    assert 0.01 <= stages.seconds[EXTRACT] < 1


# Advice


@pytest.mark.parametrize(
    ("slow", "advice"),
    [
        (
            EXTRACT,
            "Reading costs most: index its reading order, copy a slow view into a table, or move closer "
            "(data_extraction: 75 percent of the time)",
        ),
        (
            TRANSFORM,
            "Cleaning costs most, though every verb is vectorised: map only the columns that you need "
            "(data_transformation: 75 percent of the time)",
        ),
        (
            VALIDATE,
            "Validation costs most: write @rule methods without a loop over rows "
            "(data_validation: 75 percent of the time)",
        ),
        (
            LOAD,
            "Writing costs most: drop indexes and triggers that the load does not need "
            "(bulk_create: 75 percent of the time)",
        ),
    ],
)
def test_advice_is_about_the_stage_that_was_slow(slow: str, advice: str):
    stages = timed({**QUIET, slow: 9.0})

    assert report(stages, read=10_000, created=10_000).recommendations() == [advice]


def test_slow_verbs_are_named_where_cleaning_costs_most():
    one = report(timed({**QUIET, TRANSFORM: 9.0}), read=10_000, created=10_000)
    one.slow_steps = ("phone()", "transform_row()")
    assert one.recommendations() == [
        "Cleaning costs most: phone(), transform_row() run in Python, value by value "
        "(data_transformation: 75 percent of the time)"
    ]


def test_a_quick_run_is_left_alone():
    stages = timed(dict.fromkeys(STAGES, 0.1))
    assert report(stages, read=20, created=20).recommendations() == [
        "Nothing to change for speed: all stages together took 0.40s"
    ]


@pytest.mark.parametrize(
    ("rows", "batches", "said"),
    [
        (1_000, 1, None),  # there was no more to put into the one batch
        (4_000, 2, None),
        (3_000, 2, "Use larger batches: these had 1500 rows, and 10000 is faster"),
        (15_000, 15, "Use larger batches: these had 1000 rows, and 10000 is faster"),
    ],
)
def test_small_batches_are_advised_against_where_there_were_several(rows: int, batches: int, said):
    advice = report(timed(QUIET, batches), read=rows, created=rows).recommendations()

    assert advice[1:] == ([said] if said else [])


def test_batches_whose_number_is_what_costs_come_first():
    """A hundred batches of 20 ms each: no stage is slow, whatever takes most of them."""
    stages = timed({EXTRACT: 0.2, TRANSFORM: 0.8, VALIDATE: 0.2, LOAD: 0.8}, 100)
    advice = report(stages, read=5_000, created=5_000).recommendations()

    assert advice[0] == "Use larger batches: these had 50 rows, and 10000 is faster"
    assert len(advice) == 2


def test_the_advice_is_about_the_thread_that_is_always_busy_and_not_about_the_longest_list():
    """Cleaning and validation take more together, and each batch of them waits for the last to be written."""
    stages = timed({EXTRACT: 1.0, TRANSFORM: 4.0, VALIDATE: 1.0, LOAD: 9.5}, 100)
    stages._lanes.update(
        {
            1: Counter({EXTRACT: 1}),
            2: Counter({TRANSFORM: 4, VALIDATE: 1, PACKING: 1}),
            3: Counter({LOAD: 8.5}),
        }
    )
    one = report(stages, read=1_000_000, created=1_000_000)
    one.duration_seconds = 10.0
    assert one.recommendations() == [
        "Writing costs most: drop indexes and triggers that the load does not need "
        "(bulk_create: 85 percent of the time)"
    ]
    # The writer may be a little slower than cleaning; then both are to be mended, and the writer first.
    assert stages.gain(LOAD) == pytest.approx(8.5 / 100 + 99 * (0.085 - 0.06))
    assert stages.gain(TRANSFORM) == pytest.approx(4 / 100)


def test_where_two_threads_are_equally_busy_the_advice_is_about_the_dearer_one():
    """Neither alone would make the load end sooner; what closes it would, and is not worth a word."""
    stages = timed({EXTRACT: 1.0, TRANSFORM: 9.4, VALIDATE: 0.1, LOAD: 9.5}, 100)
    lanes = {1: {EXTRACT: 1.0}, 2: {TRANSFORM: 9.4}, 3: {LOAD: 9.5}}
    stages._lanes.update({thread: Counter(lane) for thread, lane in lanes.items()})
    stages.closing = Counter({CHECKING: 0.3})
    one = report(stages, read=1_000_000, created=1_000_000)
    one.duration_seconds = 10.0

    assert stages.gain(CHECKING) > max(stages.gain(TRANSFORM), stages.gain(LOAD))
    assert one.recommendations()[0].startswith("Writing costs most: ")


def test_what_is_looked_at_when_all_rows_are_in_may_be_what_costs():
    """A few rows into a large table."""
    stages = timed({EXTRACT: 0.1, TRANSFORM: 0.1, VALIDATE: 0.1, LOAD: 0.2}, 1)
    stages.closing = Counter({CHECKING: 5.5})
    one = report(stages, read=100, created=100)
    one.duration_seconds = 6.0

    assert one.recommendations() == [
        "Checking the target at the end costs most: index its key and its links, or run less often "
        "(checks: 92 percent of the time)"
    ]


def test_a_thread_that_waits_is_not_at_work():
    stages = StageTimes()
    with stages.measure(TRANSFORM), stages.measure_hook(TRANSFORM, "transform"):
        time.sleep(0.02)
        with stages.waiting():
            time.sleep(0.2)

    assert 0.02 <= stages.seconds[TRANSFORM] < 0.15
    assert 0.02 <= stages.hooks[TRANSFORM]["transform"] < 0.15


def test_two_threads_may_be_at_one_stage():
    stages = StageTimes()

    def work() -> None:
        for _ in range(2_000):
            with stages.measure(LOAD):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert stages.batches[LOAD] == 8_000


def test_the_commonest_reject_is_pointed_out():
    one = report(timed(QUIET), read=10, created=4, rejected=6)
    one.reject_reasons.update({"number:matches": 2, "dob:date": 4})

    assert one.recommendations()[1:] == [
        "4 rows were rejected as 'dob:date': see --rejects, then mend that first"
    ]


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_a_run_that_did_not_succeed_gets_no_advice(status):
    one = report(timed(QUIET), read=10)
    one.status = status
    assert one.recommendations() == []


def test_an_empty_source_gets_no_advice():
    assert report(timed(QUIET)).recommendations() == []
    assert report(StageTimes(), read=1).recommendations() == []
