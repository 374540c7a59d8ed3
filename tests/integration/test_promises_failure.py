"""Promise 4: one transaction for each transformer, or for each batch, whatever ends it."""

from __future__ import annotations

import signal
import subprocess
import sys

import psycopg
import pytest
from django.db import connections

from etl_assets.models import Checkpoint, ClaimedKey, Run
from tests.databases import Pair
from tests.integration.promised import (
    DIRTY,
    ONE_PAIR,
    ROOT,
    SIX,
    TO_EACH,
    Places,
    Plains,
    Visitors,
    failing_in_batch,
    old_plain,
)
from tests.legacy import (
    attempt,
    checksums,
    configured,
    counts,
    dry_run,
    load,
    loaded,
    make_table,
    reasons,
    rejected,
    rows_of,
    stored_rejects,
)
from tests.targets.models import Plain

# 4. One transformer is one transaction


def test_a_failure_in_the_middle_leaves_the_target_exactly_as_it_was(pair: Pair):
    old_plain(DIRTY[:1])
    load(Plains)
    old_plain([("a", "New", "9", 1), *[(f"k{n}", "n", str(n), n) for n in range(2, 9)]])
    before = checksums()

    report = attempt(failing_in_batch(3), batch_size=2)

    assert report.status == "failed"
    assert checksums()["targets_plain"] == before["targets_plain"]
    assert rows_of(Plain, "legacy_id", "name", "value") == [("a", "Ann", 1)]
    assert list(Run.objects.order_by("pk").values_list("status", flat=True)) == ["success", "failed"]
    assert "enough" in Run.objects.get(status="failed").error

    assert counts(load(Plains)) == (8, 7, 1, 0, 0, 0)


@TO_EACH
def test_an_interruption_rolls_back_and_is_raised(pair: Pair):
    old_plain()

    class Stopped(Plains):
        class Meta(Plains.Meta):
            pass

        batches = 0

        def transform(self, rows):
            Stopped.batches += 1
            if Stopped.batches == 2:
                raise KeyboardInterrupt
            return rows

    with pytest.raises(KeyboardInterrupt):
        attempt(Stopped, batch_size=2)

    assert Plain.objects.count() == 0
    assert Run.objects.get().status == Run.Status.INTERRUPTED
    assert stored_rejects("plains") == [("b", "value", "integer")]
    assert counts(load(Plains)) == (8, 3, 0, 0, 4, 1)


KILLED = """
import sys, time
import django
django.setup()
from tests.integration.promised import Plains
from tests.legacy import attempt
from tests.targets.models import Plain

class Slow(Plains):
    class Meta(Plains.Meta):
        pass

    batches = 0

    def transform(self, rows):
        Slow.batches += 1
        if Slow.batches == 3:
            Plain.objects.count()  # waits for the second batch, which is written beside this
            print("third batch", flush=True)
            time.sleep(60)
        return rows

attempt(Slow, batch_size=2, run_id="killed", rollback=sys.argv[1] == "rollback")
"""


def kill_in_the_third_batch(pair: Pair, mode: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, mode],
        env=pair.environment(PYTHONPATH=str(ROOT)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "third batch\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@TO_EACH
def test_a_hard_kill_leaves_the_target_as_it_was_and_the_next_run_succeeds(pair: Pair):
    old_plain([*SIX[:1], ("k2", "n", "x", 2), *SIX[2:]])

    kill_in_the_third_batch(pair, "rollback")

    assert Plain.objects.count() == 0
    report = load(Plains, run_id="next")
    assert counts(report) == (6, 5, 0, 0, 1, 0)
    assert report.abandoned == ["killed"]
    assert Run.objects.get(run_id="killed").status == Run.Status.ABANDONED
    assert stored_rejects("plains") == [("k2", "value", "integer")]


@TO_EACH
def test_after_a_hard_kill_without_rollback_the_next_run_goes_on(pair: Pair):
    old_plain([*SIX[:4], ("k1 ", "twice", "0", 5), ("k6", "n", "6", 6)])

    kill_in_the_third_batch(pair, "batches")

    assert sorted(loaded(Plain, "legacy_id", "value")) == ["k1", "k2", "k3", "k4"]
    report = load(Plains, rollback=False)
    assert counts(report) == (2, 1, 0, 0, 1, 0)  # this run's rows only
    assert rejected(report) == [("k1 ", "", "duplicate_key")]
    assert "k1" in reasons(report)["k1 "]
    assert counts(load(Plains)) == (6, 0, 0, 5, 1, 0)


@pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)
@pytest.mark.parametrize("rollback", [True, False])
def test_a_lost_connection_is_reported_and_the_next_run_succeeds(pair: Pair, rollback: bool):
    old_plain([("k1", "n", "x", 1), *SIX[1:]])

    class Cut(Plains):
        class Meta(Plains.Meta):
            pass

        batches = 0

        def transform(self, rows):
            Cut.batches += 1
            if Cut.batches == 3:
                Plain.objects.count()  # waits for the second batch, which is written beside this
                pid = connections["default"].connection.info.backend_pid
                with psycopg.connect(pair.target.url, autocommit=True) as other:
                    other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            return rows

    report = attempt(Cut, batch_size=2, rollback=rollback)

    assert report.status == "failed"
    assert report.lost_connection
    assert report.error is not None
    assert report.error.startswith("The connection to a database was lost")
    assert sorted(loaded(Plain, "legacy_id", "value")) == ([] if rollback else ["k2", "k3", "k4"])
    assert stored_rejects("plains") == [("k1", "value", "integer")]
    assert Run.objects.get().status == Run.Status.FAILED

    again = load(Plains, rollback=rollback)
    assert counts(again) == ((6, 5, 0, 0, 1, 0) if rollback else (2, 2, 0, 0, 0, 0))
    assert len(loaded(Plain, "legacy_id", "value")) == 5


@ONE_PAIR
def test_dependents_of_a_failed_transformer_are_skipped_and_independent_ones_run(pair: Pair):
    make_table("old_places", {"id": "integer", "code": "text", "name": "text"}, [(1, "A", "a")])
    make_table("old_visitors", {"id": "integer", "place": "integer"}, [(1, 1)])
    old_plain(SIX)

    report = dry_run(failing_in_batch(1, Places), Visitors, Plains)

    assert {name: one.status for name, one in report.transformers.items()} == {
        "places": "failed",
        "visitors": "skipped",
        "plains": "success",
    }
    assert not report.succeeded


# 4b. Without rollback each batch commits with its checkpoint


def test_without_rollback_batches_stay_and_the_next_run_goes_on_after_the_last(pair: Pair):
    rows = [
        ("a", "Ann", "1", 1),
        ("b", "Bob", "x", 2),
        ("c", "Cid", "3", 3),
        ("d", "Dan", "4", 4),
        ("a", "Ann", "5", 5),  # the key of a row that the first run loaded
        ("e", "Eve", "6", 6),
    ]
    old_plain(rows)

    failed = attempt(failing_in_batch(3), batch_size=2, rollback=False, run_id="first")

    assert failed.status == "failed"
    assert loaded(Plain, "legacy_id", "value") == {"a": 1, "c": 3, "d": 4}
    checkpoint = Checkpoint.objects.get()
    assert (checkpoint.transformer, checkpoint.rows_read, checkpoint.run_id) == ("plains", 4, "first")
    assert stored_rejects("plains") == [("b", "value", "integer")]

    report = load(Plains, rollback=False)

    assert counts(report) == (2, 1, 0, 0, 1, 0)
    assert rejected(report) == [("a", "", "duplicate_key")]
    assert loaded(Plain, "legacy_id", "value") == {"a": 1, "c": 3, "d": 4, "e": 6}
    assert not Checkpoint.objects.exists(), "the source has been read to its end"
    assert not ClaimedKey.objects.exists()


@ONE_PAIR
def test_full_starts_anew_wherever_the_checkpoint_stands(pair: Pair):
    old_plain(SIX)
    attempt(failing_in_batch(3), batch_size=2, rollback=False)

    assert counts(load(Plains, rollback=False, full=True)) == (6, 2, 0, 4, 0, 0)


@ONE_PAIR
def test_a_checkpoint_of_another_reading_order_is_not_gone_on_after(pair: Pair):
    old_plain(SIX)
    attempt(failing_in_batch(3), batch_size=2, rollback=False)

    class Backwards(Plains):
        class Meta(Plains.Meta):
            order_by = ("-place",)

    assert counts(load(Backwards, rollback=False)) == (6, 2, 0, 4, 0, 0)


@TO_EACH
def test_one_batch_without_rollback_is_all_or_nothing(pair: Pair):
    """A strict run fails in its second batch, which has a good row before the bad one."""
    old_plain([*SIX[:3], ("bad", "n", "x", 4), *SIX[4:]])

    with configured(VALIDATION_MODE="strict"):
        report = attempt(Plains, batch_size=2, rollback=False)

    assert report.status == "failed"
    assert sorted(loaded(Plain, "legacy_id", "value")) == ["k1", "k2"]
    assert Checkpoint.objects.get().rows_read == 2
    assert stored_rejects("plains") == [("bad", "value", "integer")]
