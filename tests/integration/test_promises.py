"""The eight promises of "One run", each on real databases; expected values are read off the rows by hand."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from etl_assets import Transformer, col, key, link, rule, skip
from etl_assets.engine.targets.sql import SqlTarget
from etl_assets.exceptions import HookError, Unbalanced
from etl_assets.models import Checkpoint, ClaimedKey, Reject, Run
from tests.databases import Databases, Pair
from tests.legacy import (
    attempt,
    checksums,
    configured,
    counts,
    dry_run,
    execute,
    insert,
    load,
    loaded,
    make_table,
    reasons,
    rejected,
    rows_of,
    stored_rejects,
)
from tests.targets.models import Everything, Housed, Member, Place, Plain, Priced, Visitor

ROOT = Path(__file__).parents[2]
ONE_PAIR = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
TO_EACH = pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True)


class Places(Transformer):
    """Parents."""

    class Meta:
        source = "old_places"
        model = Place
        name = "places"

    legacy_id = key("id")
    code = col("code").strip().upper()
    name = col("name")


class Visitors(Transformer):
    """Children, some of them orphans."""

    class Meta:
        source = "old_visitors"
        model = Visitor
        name = "visitors"

    legacy_id = key("id")
    place = link("places", "place")


class Plains(Transformer):
    """Rows that end in every place."""

    class Meta:
        source = "old_plain"
        model = Plain
        name = "plains"

    legacy_id = key("id").strip()
    name = col("name").length(0, 5)
    value = col("value").integer()

    @skip("test")
    def tests(self, rows):
        return rows["name"] == "test"

    @rule("is below zero", severity="warning")
    def positive(self, rows):
        return rows["value"] >= 0


PLAIN = {"id": "varchar(20)", "name": "varchar(20)", "value": "varchar(20)", "place": "integer"}
DIRTY = [
    ("a", "Ann", "1", 1),
    ("b", "Bob", "x", 2),  # no number
    ("c", "test", "3", 3),  # skipped
    (" a ", "Again", "4", 4),  # key of the first
    ("d", "Longest", "5", 5),  # too long for the rule
    ("e", None, "-6", 6),  # warned of
    (None, "Nobody", "7", 7),  # no key
    ("f", "Fay", None, 8),
]


def old_plain(rows=DIRTY, *, using="legacy"):
    make_table("old_plain", PLAIN, rows, primary_key="place", using=using)


class Fails(Exception):
    """Raised by a hook."""


def failing_in_batch(number: int, base: type[Transformer] = Plains) -> type[Transformer]:
    """The transformer with a hook that raises in its nth batch."""
    seen: list[int] = []

    class Broken(base):  # type: ignore[valid-type, misc]
        class Meta(base.Meta):  # type: ignore[name-defined, misc]
            pass

        def transform(self, rows):
            seen.append(len(rows))
            if len(seen) == number:
                raise Fails("enough")
            return rows

    return Broken


# 1. Every row read ends in exactly one place


def test_every_row_ends_in_one_place(pair: Pair):
    old_plain()

    report = load(Plains, batch_size=3)

    assert counts(report) == (8, 3, 0, 0, 4, 1)
    assert report.counts.warnings == 1
    assert rejected(report) == [
        ("", "name", "length"),  # the row without a key is rejected for what was found first
        (" a ", "", "duplicate_key"),
        ("b", "value", "integer"),
        ("d", "name", "length"),
    ]
    assert rows_of(Plain, "legacy_id", "name", "value") == [
        ("a", "Ann", 1),
        ("e", None, -6),
        ("f", "Fay", None),
    ]
    run = Run.objects.get()
    assert (run.read, run.created, run.rejected, run.skipped, run.warnings) == (8, 3, 4, 1, 1)
    assert run.status == Run.Status.SUCCESS

    execute("UPDATE old_plain SET value = '10' WHERE id = 'f'")
    again = load(Plains)

    assert counts(again) == (8, 0, 1, 2, 4, 1)
    assert again.counts.warnings == 1, "a loaded row is counted on re-runs too"
    assert loaded(Plain, "legacy_id", "value") == {"a": 1, "e": -6, "f": 10}


@TO_EACH
def test_a_run_that_does_not_balance_fails_and_keeps_nothing(pair: Pair, monkeypatch):
    old_plain()
    insert_rows = SqlTarget.insert
    monkeypatch.setattr(SqlTarget, "insert", lambda self, rows: max(insert_rows(self, rows) - 1, 0))

    report = attempt(Plains)

    assert isinstance(report.exception, Unbalanced)
    assert report.status == "failed"
    assert report.error is not None
    assert "8 rows were read and 7 accounted for" in report.error
    assert Plain.objects.count() == 0
    assert Run.objects.get().status == Run.Status.FAILED


# 2. A rejected row is kept


def test_a_rejected_row_is_kept_with_all_that_is_known_of_it(pair: Pair):
    old_plain()

    load(Plains, run_id="first")

    kept = Reject.objects.get(legacy_key="b")
    assert kept.run.run_id == kept.first_run.run_id == "first"
    assert kept.resolved_run is None
    assert (kept.transformer, kept.field, kept.code) == ("plains", "value", "integer")
    assert "value" in kept.reason
    assert "'x'" in kept.reason
    assert kept.raw == {"id": "b", "name": "Bob", "value": "x", "place": 2}


def test_the_same_row_is_not_stored_twice_for_the_same_reason(pair: Pair):
    old_plain()

    load(Plains, run_id="first")
    load(Plains, run_id="second")
    load(Plains, run_id="third", batch_size=1)

    assert Reject.objects.count() == 4
    assert set(Reject.objects.values_list("first_run__run_id", "run__run_id")) == {("first", "third")}

    execute("UPDATE old_plain SET value = 'y' WHERE id = 'b'")
    load(Plains, run_id="fourth")

    of_b = Reject.objects.filter(legacy_key="b").order_by("pk")
    assert [one.raw["value"] for one in of_b] == ["x", "y"]
    assert [one.run.run_id for one in of_b] == ["third", "fourth"]


def test_rejects_found_before_a_failure_are_kept_though_the_rows_are_rolled_back(pair: Pair):
    old_plain()

    report = attempt(failing_in_batch(3), batch_size=2)

    assert isinstance(report.exception, HookError)
    assert isinstance(report.exception.__cause__, Fails)
    assert Plain.objects.count() == 0
    assert stored_rejects("plains") == [(" a ", "", "duplicate_key"), ("b", "value", "integer")]
    assert report.counts.created == report.counts.updated == report.counts.unchanged == 0

    assert counts(load(Plains)) == (8, 3, 0, 0, 4, 1)
    assert Reject.objects.count() == 4
    assert Reject.objects.filter(resolved_run=None).count() == 4


# 3. A re-run with nothing changed writes nothing

EVERYTHING = {
    "id": "varchar(20)",
    "text": "text",
    "slug": "varchar(20)",
    "email": "varchar(50)",
    "url": "varchar(50)",
    "colour": "varchar(10)",
    "small": "smallint",
    "whole": "integer",
    "large": "bigint",
    "positive": "integer",
    "price": "varchar(20)",
    "ratio": "double precision",
    "flag": "varchar(1)",
    "day": "varchar(20)",
    "moment": "varchar(30)",
    "clock": "varchar(20)",
    "span": "varchar(30)",
    "token": "varchar(40)",
    "address": "varchar(40)",
    "data": "text",
    "blob": "bytes",
    "file": "varchar(30)",
}
RICH = [
    ("1", "a\nb, \"c\" % é 😀 \\N", "s", "A@b.example", "http://x.example/", "red", -32768, -1, 2**62, 0)
    + ("12.50", 0.1, "Y", "1999-12-31", "2024-03-31T00:30:00.123456", "23:59:59.5", "3 04:05:06.7")
    + ("12345678-1234-5678-1234-567812345678", "2001:db8::1", '{"b": [1, null], "a": "é"}', b"\x00\xff", "f"),
    ("2", "", "", "", "", "blue", 32767, 2**31 - 1, -(2**63), 2**31 - 1)
    + ("-0.01", -1e300, "N", "0001-01-01", "1900-01-01T12:00:00", "00:00:00", "-1 00:00:00")
    + ("00000000000000000000000000000000", "127.0.0.1", '"x"', b"", ""),
    ("3", *[None] * 21),
]


class Everythings(Transformer):
    """Each field as it comes."""

    class Meta:
        source = "old_everything"
        model = Everything
        name = "everything"

    legacy_id = key("id")
    text = col("text")
    slug = col("slug")
    email = col("email")
    url = col("url")
    colour = col("colour")
    small = col("small")
    whole = col("whole")
    large = col("large")
    positive = col("positive")
    price = col("price").decimal(2)
    ratio = col("ratio")
    flag = col("flag").boolean()
    day = col("day").date()
    moment = col("moment").datetime(tz="Europe/London")
    clock = col("clock")
    span = col("span")
    token = col("token")
    address = col("address")
    data = col("data")
    blob = col("blob")
    file = col("file")


def refuse_writes_to(table: str) -> None:
    """Let the target database itself speak up at any write, even one that changes nothing."""
    if connections["default"].vendor == "sqlite":
        for event in ("INSERT", "UPDATE", "DELETE"):
            execute(
                f"CREATE TRIGGER no_{event} BEFORE {event} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'written to'); END",
                using="default",
            )
        return
    execute(
        "CREATE FUNCTION speak_up() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'written to'; END $$",
        using="default",
    )
    execute(
        f"CREATE TRIGGER no_write BEFORE INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION speak_up()",
        using="default",
    )


def test_every_type_is_read_back_as_django_writes_it_and_a_re_run_writes_nothing(pair: Pair):
    make_table("old_everything", EVERYTHING, RICH)

    assert counts(load(Everythings)) == (3, 3, 0, 0, 0, 0)

    from datetime import UTC, date, datetime, time, timedelta
    from decimal import Decimal
    from uuid import UUID

    first, second, third = Everything.objects.order_by("legacy_id")
    assert first.text == 'a\nb, "c" % é 😀 \\N'
    assert (first.small, first.whole, first.large, first.positive) == (-32768, -1, 2**62, 0)
    assert (first.price, first.ratio, first.flag) == (Decimal("12.50"), 0.1, True)
    assert (first.day, first.clock) == (date(1999, 12, 31), time(23, 59, 59, 500000))
    assert first.moment == datetime(2024, 3, 31, 0, 30, 0, 123456, UTC)  # London is on GMT until one o'clock
    assert first.span == timedelta(days=3, hours=4, minutes=5, seconds=6, milliseconds=700)
    assert first.token == UUID("12345678-1234-5678-1234-567812345678")
    assert first.address == "2001:db8::1"
    assert first.data == {"b": [1, None], "a": "é"}
    assert bytes(first.blob) == b"\x00\xff"
    assert (second.text, second.slug, second.email, second.url, second.file.name) == ("", "", "", "", "")
    assert (second.large, second.ratio, second.price) == (-(2**63), -1e300, Decimal("-0.01"))
    assert (second.day, second.span) == (date(1, 1, 1), timedelta(days=-1))
    assert second.token == UUID(int=0)
    assert bytes(second.blob) == b""
    assert all(
        getattr(third, field.attname) in (None, "") for field in Everything._meta.fields if field.null
    )
    # Django finds the rows by what it would have written itself.
    assert Everything.objects.get(moment=first.moment, token=first.token, price="12.50").pk == first.pk
    assert Everything.objects.get(day=second.day, span=second.span, flag=False).pk == second.pk

    refuse_writes_to("targets_everything")
    before = checksums()
    again = load(Everythings)

    assert counts(again) == (3, 0, 0, 3, 0, 0)
    after = checksums()
    changed = {table for table in before if before[table] != after[table]}
    assert changed <= {"etl_assets_run", "(sequences)"}  # the record of the run itself


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
from tests.integration.test_promises import Plains
from tests.legacy import attempt

class Slow(Plains):
    class Meta(Plains.Meta):
        pass

    batches = 0

    def transform(self, rows):
        Slow.batches += 1
        if Slow.batches == 3:
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


SIX = [(f"k{n}", "n", str(n), n) for n in range(1, 7)]


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


def test_one_batch_without_rollback_is_all_or_nothing(pair: Pair):
    """A strict run fails in its second batch, which has a good row before the bad one."""
    old_plain([*SIX[:3], ("bad", "n", "x", 4), *SIX[4:]])

    with configured(VALIDATION_MODE="strict"):
        report = attempt(Plains, batch_size=2, rollback=False)

    assert report.status == "failed"
    assert sorted(loaded(Plain, "legacy_id", "value")) == ["k1", "k2"]
    assert Checkpoint.objects.get().rows_read == 2
    assert stored_rejects("plains") == [("bad", "value", "integer")]


# 5. A dry run does all of it and leaves nothing


class Members(Transformer):
    """Unique in every way."""

    class Meta:
        source = "old_members"
        model = Member
        name = "members"

    legacy_id = key("id")
    number = col("number")
    email = col("email")
    team = col("team")
    seat = col("seat")
    leads = col("leads").boolean(true=("Y",), false=("N",))
    age = col("age")


MEMBER = {
    "id": "integer",
    "number": "integer",
    "email": "varchar(40)",
    "team": "varchar(10)",
    "seat": "integer",
    "leads": "varchar(1)",
    "age": "integer",
    "row_id": "integer",
}


def old_members(rows):
    """Rows without their row_id, which is their place."""
    numbered = [(*row, place) for place, row in enumerate(rows, 1)]
    make_table("old_members", MEMBER, numbered, primary_key="row_id")


def test_a_dry_run_leaves_nothing_and_says_what_the_real_run_then_does(pair: Pair):
    places = [(1, " a ", "one"), (2, "b", "two"), (3, "A", "taken code"), (2, "c", "twice"), (4, "d", "four")]
    make_table(
        "old_places",
        {"id": "integer", "code": "varchar(9)", "name": "varchar(20)", "n": "integer"},
        [(*row, n) for n, row in enumerate(places)],
        primary_key="n",
    )
    make_table(
        "old_visitors",
        {"id": "integer", "place": "integer"},
        [(1, 1), (2, 2), (3, 3), (4, 9), (5, None), (6, 4)],  # 3 links to a row that is rejected
        primary_key="id",
    )
    old_members([(1, 1, "a@x", "t", 1, "N", 1), (2, 1, "b@x", "t", 2, "N", 2), (3, 3, "A@X", None, None, "N", 3)])
    old_plain()
    load(Places)
    Place.objects.filter(legacy_id=1).update(name="to be put right")
    Place.objects.filter(legacy_id=4).delete()
    Reject.objects.all().delete()
    before = checksums()

    rehearsed = dry_run(Places, Visitors, Members, failing_in_batch(1), batch_size=2)

    assert checksums() == before
    real = {
        "places": load(Places, batch_size=2),
        "visitors": load(Visitors, Places, batch_size=2),
        "members": load(Members, batch_size=2),
        "plains": attempt(failing_in_batch(1), batch_size=2),
    }
    assert counts(real["places"]) == (5, 1, 1, 1, 2, 0)
    assert counts(real["visitors"]) == (6, 4, 0, 0, 2, 0)
    assert counts(real["members"]) == (3, 1, 0, 0, 2, 0)
    assert list(rehearsed.transformers) == list(real) or set(rehearsed.transformers) == set(real)
    for name, report in rehearsed.transformers.items():
        assert report.status == real[name].status
        assert counts(report) == counts(real[name]), name
        assert rejected(report) == rejected(real[name]), name
        assert report.reject_reasons == real[name].reject_reasons
        assert report.target_rows == real[name].target_rows
        without_pk = {key: re.sub(r"primary key \d+", "", why) for key, why in reasons(report).items()}
        assert without_pk == {
            key: re.sub(r"primary key \d+", "", why) for key, why in reasons(real[name]).items()
        }


def test_a_dry_run_resolves_and_creates_what_earlier_dry_loads_offer(pair: Pair):
    make_table("old_places", {"id": "integer", "code": "text", "name": "text"}, [(7, "A", "a")])
    make_table("old_visitors", {"id": "integer", "place": "integer"}, [(1, 7), (2, 8)])

    report = dry_run(Places, Visitors)

    assert counts(report.transformers["visitors"]) == (2, 1, 0, 0, 1, 0)
    assert rejected(report.transformers["visitors"]) == [("2", "place", "link")]
    assert not Place.objects.exists()
    assert not Visitor.objects.exists()
    assert not Run.objects.exists()
    assert not Reject.objects.exists()


@TO_EACH
def test_a_dry_run_finds_what_only_the_end_of_the_transaction_would(pair: Pair):
    """A deferred foreign key of a column that nobody maps: its default dangles."""
    make_table("old_housed", {"id": "integer"}, [(1,), (2,)])

    class Houseds(Transformer):
        class Meta:
            source = "old_housed"
            model = Housed
            name = "houseds"

        legacy_id = key("id")

    rehearsed = dry_run(Houseds).transformers["houseds"]
    real = attempt(Houseds)

    assert rehearsed.status == real.status
    assert counts(rehearsed) == counts(real)
    assert Housed.objects.count() == 0


@TO_EACH
def test_a_strict_dry_run_fails_like_the_real_one(pair: Pair):
    old_plain()
    before = checksums()
    with configured(VALIDATION_MODE="strict"):
        rehearsed = dry_run(Plains).transformers["plains"]
        assert checksums() == before
        real = attempt(Plains)

    assert rehearsed.status == real.status == "failed"
    assert rehearsed.error == real.error
    assert counts(rehearsed) == counts(real) == (8, 0, 0, 0, 4, 1)
    assert rejected(rehearsed) == rejected(real)


@TO_EACH
def test_a_dry_run_leaves_checkpoints_and_begins_where_the_real_run_would(pair: Pair):
    old_plain(SIX)
    attempt(failing_in_batch(3), batch_size=2, rollback=False)
    before = checksums()

    rehearsed = dry_run(Plains, rollback=False).transformers["plains"]

    assert checksums() == before
    assert counts(rehearsed) == counts(load(Plains, rollback=False)) == (2, 2, 0, 0, 0, 0)


# 6. The legacy database is only ever read


@pytest.mark.parametrize("pair", [("postgresql", "sqlite"), ("postgresql", "postgresql")], indirect=True)
def test_postgresql_itself_would_refuse_a_write_to_the_source(pair: Pair):
    old_plain()
    execute(
        "CREATE FUNCTION write_along() RETURNS integer LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO old_plain VALUES ('z', 'z', '1', 99); RETURN 1; END $$"
    )
    execute("CREATE VIEW old_trap AS SELECT *, write_along() AS trap FROM old_plain")

    class Trapped(Plains):
        class Meta(Plains.Meta):
            source = "old_trap"

        value = col("trap")

    report = attempt(Trapped)

    assert report.status == "failed"
    assert report.error is not None
    assert "read-only transaction" in report.error
    with connections["legacy"].cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM old_plain")
        assert cursor.fetchone() == (8,)


@pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True)
def test_a_sqlite_source_is_read_from_a_read_only_folder_and_stays_as_it_was(pair: Pair, tmp_path: Path):
    old_plain()
    connections["legacy"].close()
    folder = tmp_path / "read only"
    folder.mkdir()
    file = Path(pair.source.name).rename(folder / Path(pair.source.name).name)
    before = hashlib.sha256(file.read_bytes()).digest()
    file.chmod(0o444)
    folder.chmod(0o555)
    connections["legacy"].settings_dict["NAME"] = str(file)
    try:
        assert counts(load(Plains, batch_size=2)) == (8, 3, 0, 0, 4, 1)
        attempt(failing_in_batch(2), batch_size=2)
        dry_run(Plains)
        load(Plains, rollback=False, batch_size=2)
        connections["legacy"].close()
        assert hashlib.sha256(file.read_bytes()).digest() == before
        assert [one.name for one in folder.iterdir()] == [file.name]
    finally:
        folder.chmod(0o755)
        file.chmod(0o644)


# 7. Of two rows with one key the first is loaded


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_of_two_rows_with_one_key_the_first_is_kept_and_named(pair: Pair, batch_size: int):
    old_plain(
        [
            ("a", "second", "2", 2),
            ("A ", "other", "3", 3),
            (" a", "one", "1", 1),
            ("a ", "four", "4", 4),
        ]
    )

    report = load(Plains, batch_size=batch_size)

    assert loaded(Plain, "legacy_id", "value") == {"a": 1, "A": 3}
    # "second" has a rule against it, and is rejected before its key matters
    assert rejected(report) == [("a", "name", "length"), ("a ", "", "duplicate_key")]
    assert "' a'" in reasons(report)["a "] or "legacy row  a " in reasons(report)["a "]


def test_order_by_decides_which_of_two_rows_is_first(pair: Pair):
    old_plain([("a", "one", "5", 1), ("a", "two", "7", 2), ("b", "x", "1", 3), ("b", "y", None, 4)])

    class Latest(Plains):
        class Meta(Plains.Meta):
            order_by = ("-place",)

    report = load(Latest, batch_size=1)

    assert loaded(Plain, "legacy_id", "name") == {"a": "two", "b": "y"}
    assert sorted(row.raw["name"] for row in report.rejects or ()) == ["one", "x"]


def test_without_a_primary_key_the_order_read_decides(pair: Pair):
    make_table("old_plain", PLAIN, [("b", "one", "1", 1), ("a", "two", "2", 2), ("b", "three", "3", 3)])

    load(Plains, batch_size=2)

    assert loaded(Plain, "legacy_id", "name") == {"a": "two", "b": "one"}


# 8. What the target would refuse is found before it refuses


def test_what_the_target_would_refuse_is_found_row_by_row(pair: Pair):
    old_members(
        [
            (1, 1, "ann@x", "t", 1, "Y", 30),
            (2, 1, "bob@x", "t", 2, "N", 30),  # number of the first
            (3, 3, "ANN@x", "t", 3, "N", 30),  # e-mail of the first, but for case
            (4, 4, "dan@x", "t", 1, "N", 30),  # seat of the first
            (5, 5, "eve@x", "t", 5, "Y", 30),  # a second leader
            (6, 6, "fay@x", "u", 1, "Y", -1),  # too young
            (7, 7, "gus@x", "u", 1, "Y", 13),  # thirteen
            (8, 8, "hal@x", "u", 1, "Y", None),  # nulls pass a check
            (9, None, None, None, None, "N", 5),
            (10, None, None, None, 1, "N", 5),  # nulls are never equal
            (11, 2**31 - 1, "k@x", "u", 2, "N", 5),
            (12, 12, "k" * 41, "u", 3, "N", 5) if pair.source.vendor == "sqlite" else (12, 12, "l", "u", 1, "N", 5),
        ]
    )
    before = checksums()["etl_assets_reject"]

    report = load(Members)

    assert counts(report) == (12, 5, 0, 0, 7, 0)
    assert sorted(loaded(Member, "legacy_id", "number")) == [1, 8, 9, 10, 11]
    expected = [
        ("2", "number", "unique"),
        ("3", "", "member_email"),
        ("4", "", "member_seat"),
        ("5", "", "member_leader"),
        ("6", "", "member_age"),
        ("7", "", "member_age"),
        ("12", "email", "max_length") if pair.source.vendor == "sqlite" else ("12", "", "member_seat"),
    ]
    assert rejected(report) == sorted(expected)
    assert checksums()["etl_assets_reject"] != before


def refuse_sevens(table: str, column: str) -> None:
    """A rule that only the target database knows."""
    if connections["default"].vendor == "sqlite":
        execute(
            f"CREATE TRIGGER sevens BEFORE INSERT ON {table} WHEN NEW.{column} % 7 = 0 "
            "BEGIN SELECT RAISE(ABORT, 'no sevens here'); END",
            using="default",
        )
        execute(
            f"CREATE TRIGGER sevens_too BEFORE UPDATE ON {table} WHEN NEW.{column} % 7 = 0 "
            "BEGIN SELECT RAISE(ABORT, 'no sevens here'); END",
            using="default",
        )
        return
    execute(
        "CREATE FUNCTION no_sevens() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NEW.{column} % 7 = 0 THEN RAISE EXCEPTION 'no sevens here'; END IF; RETURN NEW; END $$",
        using="default",
    )
    execute(
        f"CREATE TRIGGER sevens BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION no_sevens()",
        using="default",
    )


@pytest.mark.parametrize("rollback", [True, False])
def test_a_surprise_is_narrowed_down_to_the_rows_at_fault(pair: Pair, rollback: bool):
    old_plain([(f"k{n}", "n", str(n), n) for n in range(1, 23)])
    refuse_sevens("targets_plain", "value")

    rehearsed = dry_run(Plains).transformers["plains"]
    report = load(Plains, rollback=rollback, batch_size=10)

    assert counts(report) == counts(rehearsed) == (22, 19, 0, 0, 3, 0)
    assert rejected(report) == rejected(rehearsed) == [("k14", "", "database"), ("k21", "", "database"), ("k7", "", "database")]
    assert "no sevens here" in reasons(report)["k7"]
    assert set(loaded(Plain, "legacy_id", "value").values()) == {n for n in range(1, 23) if n % 7}

    execute("UPDATE old_plain SET value = '28' WHERE id = 'k1'")
    execute("UPDATE old_plain SET value = '27' WHERE id = 'k2'")
    assert counts(load(Plains)) == (22, 0, 1, 17, 4, 0)
    assert loaded(Plain, "legacy_id", "value")["k1"] == 1, "it stays as it was loaded once"


@TO_EACH
def test_a_surprise_at_the_commit_loses_no_reject_and_no_promise(pair: Pair):
    """A trigger makes a dangling row elsewhere, which SQLite notices only when the transaction ends."""
    old_plain([("k1", "n", "x", 1), ("k2", "n", "2", 2), ("k3", "n", "3", 3)])
    insert_orphan = "INSERT INTO targets_visitor (legacy_id, place_id) VALUES (NEW.value, 4711)"
    if pair.target.vendor == "sqlite":
        execute(f"CREATE TRIGGER orphan AFTER INSERT ON targets_plain WHEN NEW.value = 3 BEGIN {insert_orphan}; END", using="default")
    else:
        execute(
            f"CREATE FUNCTION orphan() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert_orphan}; RETURN NEW; END $$",
            using="default",
        )
        execute("CREATE TRIGGER orphan AFTER INSERT ON targets_plain FOR EACH ROW WHEN (NEW.value = 3) EXECUTE FUNCTION orphan()", using="default")

    report = attempt(Plains)

    assert ("k1", "value", "integer") in stored_rejects("plains"), "found before the failure, so kept"
    if report.status == "failed":
        assert Plain.objects.count() == 0
        assert Run.objects.get().status == Run.Status.FAILED
    else:
        assert loaded(Plain, "legacy_id", "value") == {"k2": 2}
    assert Visitor.objects.count() == 0


@TO_EACH
def test_constraints_over_columns_that_the_database_fills(pair: Pair):
    make_table("old_priced", {"id": "integer", "net": "integer"}, [(1, 10), (2, 51), (3, 50), (4, 10)], primary_key="id")

    class Priceds(Transformer):
        class Meta:
            source = "old_priced"
            model = Priced
            name = "priceds"

        legacy_id = key("id")
        net = col("net")

    report = load(Priceds)

    assert rows_of(Priced, "legacy_id", "net", "factor", "gross") == [(1, 10, 2, 20), (3, 50, 2, 100)]
    assert [key for key, _, _ in rejected(report)] == ["2", "4"]
    assert counts(load(Priceds)) == (4, 0, 0, 2, 2, 0)


# Memory is bounded by a few batches

MEASURE = """
import resource, sys
import django
django.setup()
from tests.integration.test_promises import Plains
from tests.legacy import counts, load

report = load(Plains, batch_size=2000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, *counts(report))
"""


def peak(pair: Pair, rows: int) -> int:
    """Kilobytes that a process has at most, which loads rows of which sixty in a hundred are rejected."""
    padding = "p" * 200
    old_plain([])
    execute("ALTER TABLE old_plain ADD COLUMN padding varchar(300)")
    insert("old_plain", [(f"k{n}", "n", str(n) if n % 5 < 2 else "x", n, padding) for n in range(rows)])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        env=pair.environment(PYTHONPATH=str(ROOT)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    used, read, created, _, unchanged, refused, _ = map(int, done.stdout.split())
    assert (read, created + unchanged, refused) == (rows, rows * 2 // 5, rows * 3 // 5)
    return used


@TO_EACH
def test_twenty_times_the_rows_take_no_more_memory(pair: Pair):
    few = peak(pair, 2_000)
    many = peak(pair, 40_000)

    assert many < 1.25 * few, f"{few} kB for 2000 rows, {many} kB for 40000"


@ONE_PAIR
def test_a_database_alias_that_nobody_named_is_not_touched(pair: Pair, databases: Databases):
    databases.fresh("other", "sqlite", migrated=True)
    old_plain()
    before = checksums("other")

    load(Plains)

    assert checksums("other") == before
