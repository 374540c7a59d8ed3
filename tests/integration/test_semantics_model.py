"""What the target model adds: blank, lengths, choices, defaults, times, odd names."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connections
from django.db.models.signals import post_save, pre_save

from etl_assets import Transformer, col, const, key
from tests.databases import Pair
from tests.legacy import (
    counts,
    load,
    loaded,
    make_table,
    rejected,
    rows_of,
)
from tests.targets.models import (
    Filled,
    Odd,
    Strict,
)

FAST = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
CROSSED = pytest.mark.parametrize(
    "pair", [("sqlite", "postgresql"), ("postgresql", "sqlite")], indirect=True, ids="-to-".join
)


TEXTS = {"id": "integer", "a": "text", "b": "text"}


def texts(*rows: tuple[str | None, str | None]) -> None:
    """A legacy table of texts, numbered from 1."""
    numbered = [(number, *row) for number, row in enumerate(rows, 1)]
    make_table("old", TEXTS, numbered, primary_key="id")


class Stricts(Transformer):
    class Meta:
        source = "old"
        model = Strict
        name = "stricts"

    legacy_id = key("id")
    title = col("title")
    note = col("note")
    colour = col("colour")
    score = col("score")
    fee = col("fee")


STRICT = dict.fromkeys(("title", "note", "colour", "score", "fee"), "text")


def stricts(*rows: tuple[str | None, ...]) -> None:
    make_table(
        "old",
        {"id": "integer", **STRICT},
        [(number, *row) for number, row in enumerate(rows, 1)],
        primary_key="id",
    )


@CROSSED
def test_null_text_is_blank_where_the_model_says_so_and_rejected_otherwise(pair: Pair):
    stricts(
        ("a", None, "red", "1", "2.50"),
        (None, "b", "red", "1", "2"),
        ("c", "d", "green", "1", "2"),
        ("too long", "d", "blue", "1", "2"),
        ("e", "too long", "blue", "1", "2"),
        ("f", "", "blue", "32768", "2"),
        ("g", "", "blue", " ", ""),
        ("h", "", "blue", "1", "100"),
        ("i", "", None, "1", "1"),
        ("", "", "blue", "1", "1"),
        ("k", "", "blue", "1.5", "1"),
        ("éééé😀", "", "blue", "1", "1.005"),
        ("éééé😀", "", "blue", "-32768", "-99.99"),
    )

    report = load(Stricts)

    is_exact = pair.target.vendor == "postgresql"  # SQLite stores any whole number in any column
    assert rejected(report) == sorted(
        [
            ("2", "title", "null"),
            ("3", "colour", "choices"),
            ("4", "title", "max_length"),
            ("5", "note", "max_length"),
            *([("6", "score", "range")] if is_exact else []),
            ("8", "fee", "max_digits"),
            ("9", "colour", "null"),
            ("10", "title", "blank"),
            ("11", "score", "integer"),
            ("12", "fee", "decimal"),
        ]
    )
    assert rows_of(Strict, "legacy_id", "title", "note", "colour", "score", "fee") == [
        (1, "a", "", "red", 1, Decimal("2.50")),
        (13, "éééé😀", "", "blue", -32768, Decimal("-99.99")),
        *([] if is_exact else [(6, "f", "", "blue", 32768, Decimal(2))]),
        (7, "g", "", "blue", None, None),
    ]


# A model's default fills fields that the transformer does not map, when a row is created and never on update


@CROSSED
def test_defaults_fill_what_is_not_mapped_on_creation_only(pair: Pair):
    class Filleds(Transformer):
        class Meta:
            source = "old"
            model = Filled
            name = "filleds"

        legacy_id = key("id")
        name = col("a")

    texts(("one", None), ("two", None))
    before = dt.datetime.now(dt.UTC)
    load(Filleds)
    after = dt.datetime.now(dt.UTC)

    for one in Filled.objects.all():
        assert (one.status, one.owner, one.fee) == ("new", "nobody", Decimal("1.50"))
        assert (one.since, one.note, one.maybe, one.stars) == (dt.date(2020, 1, 2), "", None, 3)
        assert before <= one.created_at <= after
        assert before <= one.changed_at <= after

    Filled.objects.update(status="x", owner="y", fee=9, since=dt.date(1999, 1, 1), note="n", maybe=4, stars=5)
    first_times = loaded(Filled, "legacy_id", "created_at", "changed_at")
    texts(("one", None), ("TWO", None))
    assert counts(load(Filleds)) == (2, 0, 1, 1, 0, 0)

    kept = rows_of(Filled, "name", "status", "owner", "fee", "since", "note", "maybe", "stars")
    mine = ("x", "y", Decimal(9), dt.date(1999, 1, 1), "n", 4, 5)
    assert kept == [("TWO", *mine), ("one", *mine)]
    later = loaded(Filled, "legacy_id", "created_at", "changed_at")
    assert later[1] == first_times[1], "nothing changed, so the time stays too"
    assert later[2][0] == first_times[2][0]
    assert later[2][1] > first_times[2][1]


@CROSSED
def test_mapped_auto_now_fields_keep_the_legacy_value_and_no_signal_is_sent(pair: Pair):
    class Filleds(Transformer):
        class Meta:
            source = "old"
            model = Filled
            name = "filleds"

        legacy_id = key("id")
        name = const("n")
        created_at = col("a").datetime(tz="UTC")
        changed_at = col("b").datetime(tz="UTC")

    texts(("2001-02-03 04:05:06", "2002-03-04 05:06:07"))
    sent: list[object] = []

    def receive(sender: object, **_: object) -> None:
        sent.append(sender)

    for signal in (pre_save, post_save):
        signal.connect(receive, sender=Filled)
    try:
        load(Filleds)
        texts(("2001-02-03 04:05:06", "2003-03-04 05:06:07"))
        assert counts(load(Filleds)) == (1, 0, 1, 0, 0, 0)
    finally:
        for signal in (pre_save, post_save):
            signal.disconnect(receive, sender=Filled)

    one = Filled.objects.get()
    assert one.created_at == dt.datetime(2001, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    assert one.changed_at == dt.datetime(2003, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
    assert sent == []


@CROSSED
def test_names_with_spaces_quotes_percent_and_reserved_words(pair: Pair):
    class Odds(Transformer):
        class Meta:
            source = "old % table's"
            model = Odd
            name = "odds"
            order_by = ("50 %s",)

        legacy_id = key("50 %s")
        order = col("select")
        group = col("a'b")
        rate = col("c%d")

    make_table(
        "old % table's",
        {"50 %s": "integer", "select": "text", "a'b": "integer", "c%d": "integer"},
        [],
    )
    quote = connections["legacy"].ops.quote_name
    with connections["legacy"].cursor() as cursor:
        rows = "(1, 'x', 2, 3), (2, 'x', 2, 3), (3, 'y', 4, 5)"
        cursor.execute(f"INSERT INTO {quote(Odds._meta.source_label)} VALUES {rows}")

    report = load(Odds)

    with connections["default"].cursor() as cursor:
        cursor.execute('SELECT * FROM "targets odd table" ORDER BY 1')
        assert [row[1:] for row in cursor.fetchall()] == [(1, "x", 2, 3), (3, "y", 4, 5)]
    assert rejected(report) == [("2", "order", "unique")]
    assert counts(load(Odds)) == (3, 0, 0, 2, 1, 0)
