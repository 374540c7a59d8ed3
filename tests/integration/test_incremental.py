"""Runs that read only what is new: which rows they read, and what they leave for the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from etl_assets import Query, Transformer, col, key, link
from etl_assets.engine.sources.changes import Changes, PostgresChanges, SqliteChanges
from etl_assets.models import Checkpoint, KeyOwner, Reject, Watermark
from tests.databases import Databases, Pair
from tests.integration.old import FAST, FROM_EACH, TO_EACH, cut_off, listened
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
)
from tests.targets.models import Place, Plain, Visitor

COLUMNS = {"no": "integer", "code": "varchar(20)", "name": "varchar(20)", "changed": "integer"}


class Wards(Transformer):
    """Keyed by a text that is cleaned, so that two rows may have one key."""

    class Meta:
        source = "old"
        model = Plain
        name = "wards"
        watermark = "changed"

    legacy_id = key("code").strip().upper()
    name = col("name").length(0, 9)


class Numbered(Transformer):
    """Keyed by the source's own key."""

    class Meta:
        source = "old"
        model = Place
        name = "numbered"
        watermark = "changed"

    legacy_id = key("no")
    code = col("code")
    name = col("name")


def old(*rows: tuple[Any, ...], changed: str = "integer", primary_key: str | None = "no") -> None:
    make_table("old", {**COLUMNS, "changed": changed}, rows, primary_key=primary_key)


def checksums_of_ours() -> tuple[str, ...]:
    """The target, the watermark and the keys' owners; runs and rejects may come."""
    found = checksums()
    tables = (Plain, Watermark, KeyOwner, Checkpoint)
    return tuple(found[model._meta.db_table] for model in tables)


@contextmanager
def configured_sensitive(*columns: str) -> Iterator[None]:
    with override_settings(ETL_CONFIG={**settings.ETL_CONFIG, "SENSITIVE_COLUMNS": list(columns)}):
        yield


def kept() -> str | None:
    return Watermark.objects.values_list("value", flat=True).first()


THREE = [(1, "a", "Ann", 10), (2, "b", "Bob", 20), (3, "c", "Cid", 30)]


def test_what_is_new_is_read(pair: Pair):
    old(*THREE)
    assert counts(load(Wards)) == (3, 3, 0, 0, 0, 0)
    assert kept() == "30"

    execute("UPDATE old SET name = 'Amy', changed = 40 WHERE no = 1")
    insert("old", [(4, "d", "Dan", 40)])
    heard = listened(Wards)

    assert heard.notes == ["Reading the rows changed since 30 (3 of 4)"]
    assert (heard.rows, heard.batches, kept()) == (3, [3], "40")
    assert loaded(Plain, "legacy_id", "name") == {"A": "Amy", "B": "Bob", "C": "Cid", "D": "Dan"}
    assert counts(load(Wards)) == (2, 0, 0, 2, 0, 0)


# What counts as new

AT = dt.datetime(2024, 1, 15, 12)  # noqa: DTZ001 - a legacy table knows no zone
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def texts(form: str) -> list[str]:
    """Eight moments, three hours apart, the last two of them after the first run."""
    return [(AT + n * 3 * HOUR).strftime(form) for n in range(8)]


KINDS: dict[str, tuple[str, list[Any], int]] = {
    "integer": ("integer", [10, 20, 30, 40, 50, 50, 50, 60], 4),  # all that have the largest number
    "bigint": ("bigint", [2**53 + n for n in range(8)], 3),
    "decimal": ("numeric(20,4)", [f"{n}.0625" for n in range(8)], 3),
    "float": ("double precision", [n / 7 for n in range(8)], 3),
    "date": ("date", [(AT + n * DAY).date() for n in range(8)], 4),  # one day of overlap
    "time": ("timestamp", [AT + n * HOUR for n in range(8)], 5),  # two hours of it
    "text with a blank": ("varchar(30)", texts("%Y-%m-%d %H:%M:%S"), 3),
    "text with T": ("varchar(30)", texts("%Y-%m-%dT%H:%M:%S.%f"), 4),  # all of the day
    "compact text": ("varchar(30)", texts("%Y%m%d%H%M%S"), 3),
    "days as text": ("char(10)", [f"{AT + n * DAY:%Y-%m-%d}" for n in range(8)], 4),
}
"""Column type, what eight rows have, and how many of them the second run reads, with six in the first."""


@FROM_EACH
@pytest.mark.parametrize("kind", KINDS)
def test_every_type_that_orders_is_a_watermark(pair: Pair, kind: str):
    type_, values, read = KINDS[kind]
    rows = [(n, f"k{n}", "n", value) for n, value in enumerate(values)]
    old(*rows[:6], changed=type_)
    load(Wards)

    insert("old", rows[6:])

    report = load(Wards)
    assert counts(report) == (read, 2, 0, read - 2, 0, 0)
    assert report.since is not None
    assert len(loaded(Plain, "legacy_id", "name")) == 8


@pytest.mark.parametrize("pair", [("postgresql", "sqlite")], indirect=True)
def test_an_instant_is_compared_in_its_own_zone(pair: Pair):
    old((1, "a", "n", "2024-01-15 12:00+05"), (2, "b", "n", "2024-01-15 08:00+00"), changed="timestamptz")
    load(Wards)
    assert kept() == "2024-01-15 08:00:00+00"

    insert("old", [(3, "c", "n", "2024-01-15 12:46+05"), (4, "d", "n", "2024-01-15 12:44+05")])

    assert listened(Wards).notes == ["Reading the rows changed since 2024-01-15 07:45:00 (2 of 4)"]
    assert set(loaded(Plain, "legacy_id", "name")) == {"A", "B", "C"}


@FROM_EACH
@pytest.mark.parametrize(
    ("type_", "overlap", "values", "since"),
    [
        ("integer", 15, [10, 30], "15"),
        ("numeric(9,2)", 0.5, ["10.25", "30.25"], "29.75"),
        ("timestamp", dt.timedelta(days=2), [AT, AT + DAY], "2024-01-14 12:00:00"),
        ("date", dt.timedelta(0), [AT.date(), AT.date()], "2024-01-15"),
    ],
)
def test_the_overlap_may_be_chosen(pair: Pair, type_, overlap, values, since):
    class Chosen(Wards):
        class Meta(Wards.Meta):
            watermark_overlap = overlap

    old((1, "a", "n", values[0]), (2, "b", "n", values[1]), changed=type_)
    load(Chosen)

    assert load(Chosen).since == since


@FAST
@pytest.mark.parametrize(
    ("type_", "overlap", "value", "wanted"),
    [("integer", HOUR, 7, "a number"), ("date", 7, "2024-01-15", "a datetime.timedelta")],
)
def test_an_overlap_of_the_wrong_kind_is_refused_at_once(pair: Pair, type_, overlap, value, wanted):
    class Wrong(Wards):
        class Meta(Wards.Meta):
            watermark_overlap = overlap

    old((1, "a", "n", value), changed=type_)

    assert attempt(Wrong).error == (
        f"{Wrong._meta.label} has watermark_overlap {overlap!r}, and 'changed' holds values such as {value}: "
        f"write {wanted}."
    )


@FROM_EACH
def test_a_row_without_a_watermark_is_always_read(pair: Pair):
    old(*THREE, (4, "d", "Dan", None))
    load(Wards)
    execute("UPDATE old SET name = 'Don' WHERE no = 4")

    assert counts(load(Wards)) == (2, 0, 1, 1, 0, 0)


@FAST
def test_where_no_row_has_a_watermark_all_are_read(pair: Pair):
    old((1, "a", "Ann", None))
    load(Wards)
    insert("old", [(2, "b", "Bob", None)])

    assert counts(load(Wards)) == (2, 1, 0, 1, 0, 0)
    assert kept() is None


@FROM_EACH
@pytest.mark.parametrize(
    ("type_", "future"),
    [("timestamp", "9999-12-31 00:00:00"), ("date", "2999-01-01"), ("varchar(30)", "2999-01-01 00:00:00")],
)
def test_a_time_to_come_hides_nothing(pair: Pair, type_, future):
    times = ["2024-01-15 00:00:00", "2024-01-16 00:00:00", "2024-01-17 00:00:00"]
    days = [one[:10] if type_ == "date" else one for one in times]
    old((1, "a", "n", days[0]), (2, "b", "n", days[1]), (3, "z", "n", future), changed=type_)
    load(Wards)
    assert kept() == days[1]

    insert("old", [(4, "c", "n", days[2])])
    load(Wards)
    assert set(loaded(Plain, "legacy_id", "name")) == {"A", "B", "C", "Z"}


@pytest.mark.parametrize("pair", [("postgresql", "sqlite")], indirect=True)
@pytest.mark.parametrize(("type_", "end"), [("timestamp", "infinity"), ("double precision", "NaN")])
def test_an_infinite_value_hides_nothing(pair: Pair, type_, end):
    values = ["2024-01-15", "2024-01-16"] if type_ == "timestamp" else ["1.5", "2.5"]
    old((1, "a", "n", values[0]), (2, "z", "n", end), changed=type_)
    load(Wards)
    insert("old", [(3, "b", "n", values[1])])

    load(Wards)
    assert set(loaded(Plain, "legacy_id", "name")) == {"A", "B", "Z"}


@FAST
@pytest.mark.parametrize(
    ("first", "later"),
    [
        ([10, "n/a", 20, "-"], [30, "later"]),  # numbers, and texts that are no time
        (["2024-01-15 00:00:00", 7, "2024-01-16 00:00:00"], ["2024-01-17 00:00:00", 8]),
        (["2024-01-15", "unknown", ""], ["2024-01-16", "?"]),
    ],
)
def test_sqlite_may_mix_numbers_and_texts(pair: Pair, first, later):
    old(*((n, f"a{n}", "n", value) for n, value in enumerate(first)), changed="")
    load(Wards)
    insert("old", [(n, f"b{n}", "n", value) for n, value in enumerate(later, 100)])

    load(Wards)
    assert len(loaded(Plain, "legacy_id", "name")) == len(first) + len(later)


@FROM_EACH
@pytest.mark.parametrize(
    ("type_", "value", "what"),
    [
        ("varchar(20)", "17", "holds values such as '17'"),
        ("varchar(20)", "01/02/2024", "holds values such as '01/02/2024'"),
        ("bytes", b"x", "is a column of type "),
    ],
)
def test_what_does_not_order_is_refused(pair: Pair, type_, value, what):
    old(*((n, f"a{n}", "n", value) for n in range(9)), changed=type_)
    rows = [(n, f"a{n}", "n", f"{value}{n}" if type_ != "bytes" else value) for n in range(9)]
    execute("DELETE FROM old")
    insert("old", rows)

    error = str(attempt(Wards).error)
    assert error.startswith(f"old has the watermark 'changed', which {what[:-1]}")
    assert error.endswith(
        "name a column of numbers, dates or times, or of texts that are ISO dates or times."
    )


@pytest.mark.parametrize("pair", [("postgresql", "sqlite")], indirect=True)
@pytest.mark.parametrize("type_", ["jsonb", "boolean", "uuid", "time"])
def test_postgresql_types_without_a_use_are_refused(pair: Pair, type_: str):
    old(changed=type_)

    assert f"which is a column of type {type_}" in str(attempt(Wards).error)


@FAST
def test_a_column_that_is_not_there_is_named(pair: Pair):
    class Wrong(Wards):
        class Meta(Wards.Meta):
            watermark = "change"

    old(*THREE)

    assert attempt(Wrong).error == (
        "old has no column 'change' to be the watermark. Did you mean 'changed'? "
        "Its columns are no, code, name, changed."
    )


# Open rejects


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
        name = "places"

    legacy_id = key("id")
    code = col("code")


class Visitors(Transformer):
    class Meta:
        source = "old_visitors"
        model = Visitor
        name = "visitors"
        watermark = "changed"

    legacy_id = key("id")
    place = link("places", "place")


def visits(*rows: tuple[Any, ...], places: tuple[int, ...]) -> None:
    make_table("old_places", {"id": "integer", "code": "varchar(8)"}, [(n, f"p{n}") for n in places])
    columns = {"id": "integer", "place": "integer", "changed": "integer"}
    make_table("old_visitors", columns, rows, primary_key="id")


def test_a_row_whose_parent_arrived_late_gets_in(pair: Pair):
    visits((1, 1, 10), (2, 2, 20), (3, 3, 30), (4, 1, 40), places=(1,))
    load(Places)
    assert counts(load(Visitors, Places)) == (4, 2, 0, 0, 2, 0)

    insert("old_places", [(2, "p2")])
    load(Places)

    assert counts(load(Visitors, Places)) == (3, 1, 0, 1, 1, 0)
    assert sorted(Visitor.objects.values_list("legacy_id", flat=True)) == [1, 2, 4]
    assert list(Reject.objects.filter(resolved_run=None).values_list("legacy_key", flat=True)) == ["3"]
    assert counts(load(Visitors, Places)) == (2, 0, 0, 1, 1, 0)


@FROM_EACH
def test_a_row_that_is_new_and_rejected_is_read_once_and_in_its_place(pair: Pair):
    old((1, "a", "Ann", 10), (2, "b", "much too long", 30), (3, "c", "much too long", 20))
    load(Wards)
    execute("UPDATE old SET name = 'Cid', code = 'b' WHERE no = 3")
    execute("UPDATE old SET name = 'Bob' WHERE no = 2")

    report = load(Wards)

    assert counts(report) == (2, 1, 0, 0, 1, 0)
    assert reasons(report) == {
        "b": "legacy row b (row 1 read) has the same key, was read first and was kept",
    }
    assert loaded(Plain, "legacy_id", "name") == {"A": "Ann", "B": "Bob"}


@FAST
def test_a_rejected_row_that_was_deleted_stays_open(pair: Pair):
    old(*THREE, (4, "d", "much too long", 15))
    load(Wards)
    execute("DELETE FROM old WHERE no = 4")

    assert counts(load(Wards)) == (1, 0, 0, 1, 0, 0)
    assert Reject.objects.get().resolved_run is None


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ({"a": "integer", "b": "varchar(9)"}, (7, "x'%s,")),
        ({"a": "date", "b": "numeric(9,2)"}, ("2024-02-29", "1.50")),
        ({"a": "varchar(9)"}, ("007",)),
        ({"a": "char(9)"}, ("7",)),
        ({"a": "bigint"}, (2**53 + 1,)),
        ({"a": "timestamp"}, ("2024-02-29 12:30:00.5",)),
    ],
)
def test_a_rejected_row_is_found_by_any_primary_key(pair: Pair, columns, row):
    all_columns = {**columns, "code": "varchar(9)", "name": "varchar(30)", "changed": "integer"}
    make_table("old", all_columns, [(*row, "a", "much too long", 10)], primary_key=tuple(columns))
    load(Wards)
    others = {"integer": 1, "bigint": 1, "date": "2020-01-01", "timestamp": "2020-01-01 00:00:00"}
    insert("old", [(*(others.get(type_, "1") for type_ in columns.values()), "b", "Bob", 20)])
    load(Wards)

    execute("UPDATE old SET name = 'Ann'")

    assert counts(load(Wards)) == (2, 1, 1, 0, 0, 0)


@FAST
def test_too_many_open_rejects_make_a_run_read_everything(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    for changes in (Changes, PostgresChanges, SqliteChanges):
        monkeypatch.setattr(changes, "names_at_most", 2)
    old(*THREE, *((n, f"k{n}", "much too long", 5) for n in range(4, 6)))
    load(Wards)
    assert load(Wards).counts.read == 3

    insert("old", [(9, "z", "much too long", 5), (10, "y", "Yps", 30)])
    load(Wards)  # the first of the two is below the watermark: nobody has told of it
    insert("old", [(11, "x", "much too long", 30)])
    load(Wards)

    assert listened(Wards).notes == ["Reading all rows of old: more than 2 rows have open rejects"]
    assert Reject.objects.filter(legacy_key="z").exists()


# Two rows with one key


def test_a_late_duplicate_does_not_write_over_the_row_that_was_kept(pair: Pair):
    old(*THREE)
    load(Wards)
    insert("old", [(4, " A ", "Late", 40)])

    report = load(Wards)

    assert rejected(report) == [(" A ", "", "duplicate_key")]
    assert reasons(report) == {" A ": "legacy row a has the same key, and an earlier run kept it"}
    execute("UPDATE old SET name = 'Later', changed = 50 WHERE no = 4")
    assert rejected(load(Wards)) == [(" A ", "", "duplicate_key")]
    assert loaded(Plain, "legacy_id", "name")["A"] == "Ann"

    execute("UPDATE old SET name = 'Anna', changed = 60 WHERE no = 1")
    assert counts(load(Wards)) == (2, 0, 1, 0, 1, 0)
    assert loaded(Plain, "legacy_id", "name")["A"] == "Anna"


@FAST
@pytest.mark.parametrize("batch_size", [1, 2, 100])
@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ("code = 'x'", {"A": "Late", "X": "Ann"}),
        ("name = 'much too long'", {"A": "Late"}),
        ("name = 'Anna'", {"A": "Anna"}),
    ],
)
def test_a_key_that_is_given_up_goes_to_the_next_row(pair: Pair, change, ends, batch_size):
    old((1, "a", "Ann", 10), (2, "A", "Late", 5), (3, "b", "Bob", 20))
    load(Wards)
    execute(f"UPDATE old SET {change}, changed = 30 WHERE no = 1")

    load(Wards, batch_size=batch_size)

    assert loaded(Plain, "legacy_id", "name") == {**ends, "B": "Bob"}
    assert counts(load(Wards, batch_size=batch_size)).count(0) >= 2
    assert loaded(Plain, "legacy_id", "name") == {**ends, "B": "Bob"}


@FAST
@pytest.mark.parametrize("batch_size", [1, 100])
def test_an_owner_that_is_refused_for_another_value_gives_its_key_up(pair: Pair, batch_size: int):
    class Coded(Numbered):
        class Meta(Numbered.Meta):
            name = "coded"

        legacy_id = key("name").strip().integer()

    old((1, "a", "1", 10), (2, "b", " 1", 20), (3, "c", "2", 30))
    load(Coded)
    execute("UPDATE old SET code = 'c', changed = 40 WHERE no = 1")  # the third has it

    report = load(Coded, batch_size=batch_size)

    assert rejected(report) == [("1", "code", "unique")]
    assert loaded(Place, "legacy_id", "code") == {1: "b", 2: "c"}


@FAST
@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_row_read_before_the_one_that_gives_a_key_up_gets_it_in_the_next_run(pair: Pair, batch_size):
    old((5, "a", "Ann", 10))
    load(Wards)
    insert("old", [(1, "A", "Early", 20)])
    execute("UPDATE old SET code = 'x', changed = 20 WHERE no = 5")

    assert counts(load(Wards, batch_size=batch_size)) == (2, 1, 0, 0, 1, 0)
    load(Wards, batch_size=batch_size)

    assert loaded(Plain, "legacy_id", "name") == {"A": "Early", "X": "Ann"}


@FAST
def test_a_full_run_settles_keys_by_the_reading_order_alone(pair: Pair):
    old((5, "a", "Ann", 10))
    load(Wards)
    insert("old", [(1, "A", "Early", 20)])
    load(Wards)
    assert loaded(Plain, "legacy_id", "name") == {"A": "Ann"}

    assert counts(load(Wards, full=True)) == (2, 0, 1, 0, 1, 0)

    assert loaded(Plain, "legacy_id", "name") == {"A": "Early"}
    assert counts(load(Wards)) == (2, 0, 0, 1, 1, 0)
    assert loaded(Plain, "legacy_id", "name") == {"A": "Early"}


@FAST
def test_a_sensitive_key_is_not_named(pair: Pair):
    old(*THREE)
    with configured_sensitive("code"):
        load(Wards)
        insert("old", [(4, "A", "Late", 40)])
        assert reasons(load(Wards)) == {"A": "legacy row *** has the same key, and an earlier run kept it"}
    assert set(KeyOwner.objects.values_list("name", flat=True)) == {"***"}


@FAST
def test_nothing_is_noted_where_keys_cannot_repeat(pair: Pair):
    old(*THREE)
    load(Numbered)
    assert not KeyOwner.objects.exists()
    insert("old", [(4, "d", "Dan", 40)])

    assert counts(load(Numbered)) == (2, 1, 0, 1, 0, 0)


# Without a primary key


@FROM_EACH
@pytest.mark.parametrize("kind", ["table", "view", "query"])
def test_without_a_primary_key_rows_go_by_the_columns_of_their_key(pair: Pair, kind: str):
    query: Any = Query("SELECT * FROM old WHERE name LIKE '%'")
    sources = {"table": "old", "view": "seen", "query": query}

    class Keyless(Wards):
        class Meta(Wards.Meta):
            source = sources[kind]
            order_by = ("no",)

    old(*THREE, (4, None, "Nil", 5), (5, "b", "Second", 5), (6, "C ", "Third", 5), primary_key=None)
    execute("CREATE VIEW seen AS SELECT * FROM old")
    assert counts(load(Keyless)) == (6, 3, 0, 0, 3, 0)

    execute("UPDATE old SET name = 'Sec', changed = 40 WHERE no = 5")
    report = load(Keyless)
    # The changed one with the one that was kept, the newest, what is rejected, and what has no key.
    assert counts(report) == (5, 0, 0, 2, 3, 0)
    assert loaded(Plain, "legacy_id", "name") == {"A": "Ann", "B": "Bob", "C": "Cid"}

    execute("UPDATE old SET name = 'Rob', changed = 50 WHERE no = 2")
    load(Keyless, batch_size=1)
    assert loaded(Plain, "legacy_id", "name") == {"A": "Ann", "B": "Rob", "C": "Cid"}

    insert("old", [(0, " b", "Before", 60), (7, " b", "Fourth", 60), (8, "a", "Second", 60)])
    assert counts(load(Keyless)) == (8, 0, 0, 2, 6, 0)  # all but the third
    assert loaded(Plain, "legacy_id", "name") == {"A": "Ann", "B": "Rob", "C": "Cid"}


# What is kept, and when


def test_a_run_that_fails_keeps_no_watermark(pair: Pair):
    old(*THREE)
    load(Wards)
    insert("old", [(4, "d", "Dan", 40), (5, "A", "Late", 50), (6, "f", "Fay", 60)])
    before = checksums_of_ours()

    assert attempt(cut_off(Wards, 2), batch_size=2).status == "failed"

    assert checksums_of_ours() == before
    assert kept() == "30"
    assert counts(load(Wards)) == (4, 2, 0, 1, 1, 0)
    assert kept() == "60"


def test_without_rollback_the_window_stays_until_the_source_was_read_to_its_end(pair: Pair):
    old(*THREE)
    load(Wards)
    insert("old", [(n, f"k{n}", "n", 40 + n) for n in range(4, 9)])
    assert attempt(cut_off(Wards, 3), batch_size=2, rollback=False).status == "failed"
    assert kept() == "30"
    assert Checkpoint.objects.get().rows_read == 4  # 3, 4, 5, 6

    # A row before the checkpoint changes: the run that goes on does not come by, and must not claim it did.
    execute("UPDATE old SET name = 'Amy', changed = 90 WHERE no = 1")
    heard = listened(Wards, rollback=False)

    assert heard.notes == [
        "Going on after the 4 rows that an unfinished run has loaded",
        "Reading the rows changed since 30 (2 of 8)",
    ]
    assert kept() == "48"
    assert loaded(Plain, "legacy_id", "name")["A"] == "Ann"
    load(Wards, rollback=False)
    assert loaded(Plain, "legacy_id", "name")["A"] == "Amy"
    assert len(loaded(Plain, "legacy_id", "name")) == 8
    assert (kept(), Checkpoint.objects.count()) == ("90", 0)


@pytest.mark.parametrize("goes_on", [True, False])
@TO_EACH
def test_a_first_load_that_was_cut_off_leaves_no_watermark(pair: Pair, goes_on: bool):
    old(*THREE, (4, "A", "Late", 5))
    attempt(cut_off(Wards, 3), batch_size=1, rollback=False)
    assert kept() is None

    execute("UPDATE old SET name = 'Amy', changed = 90 WHERE no = 1")
    report = load(Wards, rollback=not goes_on)

    assert counts(report) == (2, 1, 0, 0, 1, 0)
    assert kept() == "30"
    assert counts(load(Wards)) == (3, 0, 1, 1, 1, 0)
    assert loaded(Plain, "legacy_id", "name") == {"A": "Amy", "B": "Bob", "C": "Cid"}


@TO_EACH
def test_a_full_run_reads_all_and_what_it_leaves_when_cut_off_is_a_first_load(pair: Pair):
    old(*THREE)
    load(Wards)
    execute("UPDATE old SET name = 'Amy' WHERE no = 1")  # its watermark was forgotten
    assert counts(load(Wards)) == (1, 0, 0, 1, 0, 0)

    attempt(cut_off(Wards, 3), batch_size=1, rollback=False, full=True)
    assert (kept(), KeyOwner.objects.count()) == (None, 2)
    assert loaded(Plain, "legacy_id", "name")["A"] == "Amy"
    assert counts(load(Wards, full=True)) == (3, 0, 0, 3, 0, 0)
    assert (kept(), KeyOwner.objects.count()) == ("30", 3)


def test_a_dry_run_uses_the_watermark_and_keeps_none(pair: Pair):
    old(*THREE, (4, "d", "much too long", 5))
    load(Wards)
    insert("old", [(5, "A", "Late", 40), (6, "e", "Eve", 50)])
    execute("UPDATE old SET code = 'x', changed = 60 WHERE no = 1")
    before = checksums()

    rehearsed = dry_run(Wards, batch_size=2).transformers["wards"]

    assert checksums() == before
    report = load(Wards, batch_size=2)
    assert counts(report) == counts(rehearsed) == (5, 2, 1, 1, 1, 0)
    assert rejected(report) == rejected(rehearsed)


@TO_EACH
def test_a_first_dry_run_leaves_nothing(pair: Pair):
    old(*THREE, (4, "A", "Late", 5))
    before = checksums()

    assert counts(dry_run(Wards).transformers["wards"]) == (4, 3, 0, 0, 1, 0)
    assert checksums() == before


# Where everything is read again


def renamed(**changes: Any) -> type[Transformer]:
    meta = type("Meta", (Wards.Meta,), changes.pop("meta", {}))
    return type("Wards", (Wards,), {"Meta": meta, **changes})


OTHER = "its source, watermark, key or model is not that of the last run"


@FAST
@pytest.mark.parametrize(
    "changed",
    [
        renamed(meta={"watermark": "no"}),
        renamed(meta={"source": Query("SELECT * FROM old")}),
        renamed(meta={"model": "targets.Everything"}, name=None),
        renamed(legacy_id=key("code").strip()),
        renamed(legacy_id=key("name")),
    ],
    ids=["watermark", "source", "model", "verbs of the key", "key"],
)
def test_a_watermark_holds_for_what_it_was_read_of_alone(pair: Pair, changed):
    old(*THREE)
    load(Wards)

    heard = listened(changed)

    assert heard.notes == [f"Reading all rows of {changed._meta.source_label}: {OTHER}"]
    assert heard.rows == 3


@FAST
def test_an_empty_target_is_filled(pair: Pair):
    old(*THREE)
    load(Wards)
    Plain.objects.all().delete()

    assert listened(Wards).notes == ["Reading all rows of old: the target is empty"]
    assert len(loaded(Plain, "legacy_id", "name")) == 3


@FROM_EACH
def test_a_source_that_was_put_back_is_read_again(pair: Pair):
    old(*THREE)
    load(Wards)
    execute("DELETE FROM old WHERE no = 3")
    execute("UPDATE old SET name = 'Bobby' WHERE no = 2")

    assert listened(Wards).notes == [
        "Reading all rows of old: its largest changed is below 30, as if it had been put back"
    ]
    assert (loaded(Plain, "legacy_id", "name")["B"], kept()) == ("Bobby", "20")


@FROM_EACH
def test_all_that_was_read_can_be_looked_for_in_the_target(pair: Pair):
    old(*THREE, (4, "d", "much too long", 5))
    load(Wards)
    insert("old", [(5, "A", "Late", 40), (6, "e", "Eve", 40)])

    report = load(Wards, match_rows=None)

    assert counts(report) == (4, 1, 0, 1, 2, 0)
    assert {one.name: one.passed for one in report.checks}["matches_source"]


@FAST
def test_a_share_of_rejects_is_one_of_all_rows(pair: Pair):
    old(*((n, f"k{n}", "n", n) for n in range(100)), (100, "z", "much too long", 5))
    with configured(MAX_REJECTED="1%"):
        load(Wards)
        insert("old", [(101, "y", "Yps", 99)])
        assert counts(load(Wards)) == (3, 1, 0, 1, 1, 0)

        insert("old", [(102, "x", "much too long", 99)])
        assert attempt(Wards).error == (
            "2 of 103 rows were rejected and MAX_REJECTED is 1%: "
            "mend the source or the transformer, then run again."
        )
    assert kept() == "99"


# Another target database


class Elsewhere(Wards):
    class Meta(Wards.Meta):
        using = "elsewhere"


@pytest.fixture
def apart(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)
    databases.fresh("elsewhere", "sqlite", migrated=True)


@pytest.mark.parametrize("rollback", [True, False])
def test_a_watermark_lives_where_the_rows_live(apart: None, rollback: bool):
    old(*THREE, (4, "A", "Late", 5))
    load(Elsewhere, rollback=rollback)

    assert not Watermark.objects.exists()
    assert Watermark.objects.using("elsewhere").get().value == "30"
    assert KeyOwner.objects.using("elsewhere").count() == 3
    insert("old", [(5, "e", "Eve", 40)])
    assert counts(load(Elsewhere, rollback=rollback)) == (3, 1, 0, 1, 1, 0)


@pytest.mark.parametrize("rollback", [True, False])
def test_rejects_are_kept_before_the_watermark_that_goes_past_them(
    apart: None, rollback: bool, monkeypatch: pytest.MonkeyPatch
):
    """The process dies when the target has committed, and the database `default` knows nothing of it yet."""
    old(*THREE, (4, "d", "much too long", 5))

    class Killed(BaseException): ...

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("etl_assets.engine.pipeline.Job._record", die)
        with pytest.raises(Killed):
            load(Elsewhere, rollback=rollback)
    assert Watermark.objects.using("elsewhere").get().value == "30"

    execute("UPDATE old SET name = 'Dan' WHERE no = 4")
    assert counts(load(Elsewhere, rollback=rollback)) == (2, 1, 0, 1, 0, 0)
    assert Reject.objects.get().resolved_run is not None


def test_a_target_without_the_tables_is_named(databases: Databases):
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)
    databases.fresh("elsewhere", "sqlite")
    execute(
        "CREATE TABLE targets_plain (id integer PRIMARY KEY, legacy_id text, name text)", using="elsewhere"
    )
    old(*THREE)

    assert attempt(Elsewhere).error == (
        f"Database 'elsewhere' has no table for watermarks, which {Elsewhere._meta.label} needs: "
        "run manage.py migrate etl_assets --database elsewhere."
    )
