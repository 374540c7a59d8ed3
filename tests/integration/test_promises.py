"""Promises 1, 2, 3 and 7: each row ends in one place, rejects are kept, a re-run writes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connections

from etl_assets import Transformer, col, key
from etl_assets.engine.targets.sql import SqlTarget
from etl_assets.exceptions import HookError, Unbalanced
from etl_assets.models import Reject, Run
from tests.databases import Pair
from tests.integration.promised import (
    CROSSED,
    PLAIN,
    TO_EACH,
    Fails,
    Plains,
    failing_in_batch,
    old_plain,
)
from tests.legacy import (
    attempt,
    checksums,
    counts,
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
from tests.targets.models import Everything, Member, Plain

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
    append = SqlTarget.append
    monkeypatch.setattr(SqlTarget, "append", lambda self, rows: max(append(self, rows) - 1, 0))

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


@CROSSED
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


@CROSSED
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
# fmt: off
RICH: list[tuple[object, ...]] = [
    (
        "1", 'a\nb, "c" % é 😀 \\N', "s", "A@b.example", "http://x.example/", "red",
        -32768, -1, 2**62, 0, "12.50", 0.1, "Y",
        "1999-12-31", "2024-03-31T00:30:00.123456", "23:59:59.5", "3 04:05:06.7",
        "12345678-1234-5678-1234-567812345678", "2001:db8::1", '{"b": [1, null], "a": "é"}', b"\x00\xff", "f",
    ),
    (
        "2", "", "", "", "", "blue",
        32767, 2**31 - 1, -(2**63), 2**31 - 1, "-0.01", -1e300, "N",
        "0001-01-01", "1900-01-01T12:00:00", "00:00:00", "-1 00:00:00",
        "00000000000000000000000000000000", "127.0.0.1", '"x"', b"", "",
    ),
    ("3", *[None] * 21),
]
# fmt: on


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
    assert bytes(first.blob or b"") == b"\x00\xff"
    assert (second.text, second.slug, second.email, second.url, second.file.name) == ("", "", "", "", "")
    assert (second.large, second.ratio, second.price) == (-(2**63), -1e300, Decimal("-0.01"))
    assert (second.day, second.span) == (date(1, 1, 1), timedelta(days=-1))
    assert second.token == UUID(int=0)
    assert second.blob is not None
    assert bytes(second.blob) == b""
    assert all(getattr(third, field.attname) in (None, "") for field in Everything._meta.fields if field.null)
    # Django finds the rows by what it would have written itself.
    assert Everything.objects.get(moment=first.moment, token=first.token, price="12.50").pk == first.pk
    assert Everything.objects.get(day=second.day, span=second.span, flag=False).pk == second.pk

    refuse_writes_to("targets_everything")
    before = checksums()
    again = load(Everythings)

    assert counts(again) == (3, 0, 0, 3, 0, 0)
    after = checksums()
    changed = {table for table in before if before[table] != after[table]}
    # The record of the run itself, with its checks.
    assert changed <= {"etl_assets_run", "etl_assets_checkresult", "(sequences)"}


# 7. Of two rows with one key the first is loaded


@CROSSED
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


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_primary_key_of_sqlite_may_hold_one_number_three_times(pair: Pair, batch_size: int):
    """INT PRIMARY KEY takes 5, '5' with a no-break space, and x'35': after cleaning they are one key."""
    execute("CREATE TABLE old_members (id INT PRIMARY KEY, number integer)")
    insert("old_members", [(5, 1), ("5\u00a0", 2), (b"5", 3), ("6 ", 4)])

    class Numbers(Transformer):
        class Meta:
            source = "old_members"
            model = Member
            name = "numbers"

        legacy_id = key("id")
        number = col("number")

    report = load(Numbers, batch_size=batch_size)

    assert loaded(Member, "legacy_id", "number") == {5: 1, 6: 4}
    assert counts(report) == (4, 2, 0, 0, 2, 0)


@CROSSED
def test_order_by_decides_which_of_two_rows_is_first(pair: Pair):
    old_plain([("a", "one", "5", 1), ("a", "two", "7", 2), ("b", "x", "1", 3), ("b", "y", None, 4)])

    class Latest(Plains):
        class Meta(Plains.Meta):
            order_by = ("-place",)

    report = load(Latest, batch_size=1)

    assert loaded(Plain, "legacy_id", "name") == {"a": "two", "b": "y"}
    assert sorted(row.raw["name"] for row in report.rejects or ()) == ["one", "x"]


@CROSSED
def test_without_a_primary_key_the_order_read_decides(pair: Pair):
    make_table("old_plain", PLAIN, [("b", "one", "1", 1), ("a", "two", "2", 2), ("b", "three", "3", 3)])

    load(Plains, batch_size=2)

    assert loaded(Plain, "legacy_id", "name") == {"a": "two", "b": "one"}
