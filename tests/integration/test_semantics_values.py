"""Nulls, blanks, text and links: "Semantics that could be read in two ways", sentence by sentence."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from etl_assets import Transformer, col, concat, const, key, link
from tests.databases import Pair
from tests.legacy import attempt, configured, counts, load, loaded, make_table, reasons, rejected, rows_of
from tests.targets.models import (
    Badge,
    City,
    Country,
    Everything,
    Filled,
    Odd,
    Place,
    Plain,
    Strict,
    Visitor,
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


def plain_of(expression: object) -> type[Transformer]:
    """Fill `name` with what an expression gives."""

    class Plains(Transformer):
        class Meta:
            source = "old"
            model = Plain
            name = "plains"

        legacy_id = key("id")

    Plains.name = expression  # type: ignore[attr-defined]
    return type("Plains", (Plains,), {"name": expression, "Meta": Plains.Meta, "__module__": __name__})


def name_of(expression: object) -> dict[str, str | None]:
    load(plain_of(expression))
    return loaded(Plain, "legacy_id", "name")


def never(value: object) -> object:
    raise AssertionError(f"called with {value!r}")


# Null passes every rule but `required`, stays null through map, boolean, link and apply


@CROSSED
def test_null_passes_every_rule_but_required(pair: Pair):
    texts((None, None), ("x", None))
    name = col("a").matches("x").between("a", "z").one_of("x").length(1, 1)
    assert name_of(name) == {"1": None, "2": "x"}

    report = load(plain_of(col("a").required()))

    assert rejected(report) == [("1", "name", "required")]


@CROSSED
def test_null_stays_null_through_map_boolean_and_apply(pair: Pair):
    texts((None, None), ("x", None))

    assert name_of(col("b").map({"y": "z"}, default="unknown")) == {"1": None, "2": None}
    assert name_of(col("a").map({"y": "z"}, default="unknown")) == {"1": None, "2": "unknown"}
    assert name_of(col("b").boolean()) == {"1": None, "2": None}
    assert name_of(col("b").apply(never)) == {"1": None, "2": None}
    assert name_of(col("b").map({"y": "z"}).default("given")) == {"1": "given", "2": "given"}


@FAST
def test_missing_null_is_for_keys_that_are_there_but_unknown(pair: Pair):
    class Places(Transformer):
        class Meta:
            source = "old_places"
            model = Place
            name = "places"

        legacy_id = key("id")
        code = col("code")

    class Nulled(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", "place", missing="null")

    class Rejected(Nulled):
        class Meta(Nulled.Meta):
            pass

        place = link("places", "place")

    class Required(Nulled):
        class Meta(Nulled.Meta):
            pass

        place = link("places", "place", missing="null").required()

    make_table("old_places", {"id": "integer", "code": "text"}, [(1, "A")])
    make_table("old_visitors", {"id": "integer", "place": "integer"}, [(1, 1), (2, 2), (3, None)])
    load(Places)

    assert rejected(load(Rejected, Places)) == [("2", "place", "link")]
    assert loaded(Visitor, "legacy_id", "place__code") == {1: "A", 3: None}
    assert counts(load(Nulled, Places)) == (3, 1, 0, 2, 0, 0)
    assert loaded(Visitor, "legacy_id", "place__code") == {1: "A", 2: None, 3: None}
    # a null that the legacy table holds is null; one that stands for an unknown key is too
    assert [key for key, _, _ in rejected(load(Required, Places))][-1] == "3"


# Text


@CROSSED
def test_strip_and_collapse_spaces_know_every_unicode_space(pair: Pair):
    spaces = "\u00a0\u2003\u3000\t\r\n\u202f\u2028\u1680\x85"
    texts((f"{spaces}a{spaces}b{spaces}", None), (spaces, None), ("\u200ba", None))

    assert name_of(col("a").strip()) == {"1": f"a{spaces}b", "2": "", "3": "\u200ba"}
    assert name_of(col("a").collapse_spaces()) == {"1": "a b", "2": "", "3": "\u200ba"}


@FAST
def test_replace_is_literal_unless_regex(pair: Pair):
    texts(("a.b.c", None), (r"\d1", None))

    assert name_of(col("a").replace(".", "$1\\0")) == {"1": "a$1\\0b$1\\0c", "2": r"\d1"}
    assert name_of(col("a").replace(r"\d", "#")) == {"1": "a.b.c", "2": "#1"}
    assert name_of(col("a").replace(r"([a-c])\.", r"<\1>", regex=True)) == {"1": "<a><b>c", "2": r"\d1"}


@FAST
def test_matches_means_the_whole_value(pair: Pair):
    texts(("ab", None), ("abc", None), ("xab", None), ("ab\n", None), ("cd", None))

    report = load(plain_of(col("a").matches("ab|cd")))

    assert rejected(report) == [("2", "name", "matches"), ("3", "name", "matches"), ("4", "name", "matches")]


@FAST
def test_title_is_pythons_and_fix_encoding_mends_encodings_only(pair: Pair):
    words = ["o'brien mc-donald ǆ ß", "they're 3rd", "ÉCOLE"]
    texts(*[(word, None) for word in words])
    assert list(name_of(col("a").title()).values()) == [word.title() for word in words]

    texts(("MÃ¼ller", None), ("“quoted” &amp; ’", None), ("naÃ¯ve &lt;", None))
    assert list(name_of(col("a").fix_encoding()).values()) == ["Müller", "“quoted” &amp; ’", "naïve &lt;"]


# concat, boolean, decimal, email, phone, apply


@CROSSED
def test_concat_leaves_null_out_and_writes_numbers_as_text(pair: Pair):
    texts(("x", None), (None, None), (None, "y"), ("", "y"))

    assert name_of(concat("a", "b", sep="-")) == {"1": "x", "2": None, "3": "y", "4": "-y"}
    assert name_of(concat("id", "a", sep="/")) == {"1": "1/x", "2": "2", "3": "3", "4": "4/"}
    assert name_of(concat(col("a").upper(), const("!"), sep="")) == {"1": "X!", "2": "!", "3": "!", "4": "!"}


@CROSSED
def test_boolean_matches_exactly_a_value_or_its_text(pair: Pair):
    class Flags(Transformer):
        class Meta:
            source = "old"
            model = Everything
            name = "flags"

        legacy_id = key("id")
        flag = col("a").boolean(true=(1, "J"), false=(0, "N"))

    texts(("1", None), ("0", None), ("J", None), ("n", None), (" N", None), ("10", None), (None, None))

    report = load(Flags)

    assert loaded(Everything, "legacy_id", "flag") == {"1": True, "2": False, "3": True, "7": None}
    assert rejected(report) == [("4", "flag", "boolean"), ("5", "flag", "boolean"), ("6", "flag", "boolean")]


@CROSSED
def test_a_column_that_already_has_the_type_is_taken_as_it_is(pair: Pair):
    boolean, date, moment = "boolean", "date", "timestamp"
    make_table(
        "old",
        {"id": "integer", "flag": boolean, "day": date, "moment": moment},
        [(1, True, dt.date(2020, 2, 29), dt.datetime(2020, 6, 1, 12))],
    )

    class Typed(Transformer):
        class Meta:
            source = "old"
            model = Everything
            name = "typed"

        legacy_id = key("id")
        flag = col("flag").boolean(true=("J", 1), false=("N", 0))
        day = col("day").date(*(["%d/%m/%Y"] if pair.source.vendor == "postgresql" else []))
        moment = col("moment").datetime(
            *(["%d/%m/%Y"] if pair.source.vendor == "postgresql" else []), tz="Europe/Paris"
        )

    load(Typed)

    one = Everything.objects.get()
    assert (one.flag, one.day) == (True, dt.date(2020, 2, 29))
    assert one.moment == dt.datetime(2020, 6, 1, 10, tzinfo=dt.UTC)


@FAST
def test_decimal_reads_a_point_and_rejects_more_places(pair: Pair):
    class Prices(Transformer):
        class Meta:
            source = "old"
            model = Everything
            name = "prices"

        legacy_id = key("id")
        price = col("a").decimal(2)

    class Rounded(Prices):
        class Meta(Prices.Meta):
            pass

        price = col("a").decimal(2, round=True)

    texts(*[(text, None) for text in ("1.50", "1,5", "1.239", "1.2300", "", "999999.99", "1000000", "x")])

    report = load(Prices)

    assert loaded(Everything, "legacy_id", "price") == {
        "1": Decimal("1.50"),
        "4": Decimal("1.23"),
        "5": None,
        "6": Decimal("999999.99"),
    }
    assert rejected(report) == [
        ("2", "price", "decimal"),
        ("3", "price", "decimal"),
        ("7", "price", "max_digits"),
        ("8", "price", "decimal"),
    ]
    assert "'1,5'" in reasons(report)["2"]
    load(Rounded)
    assert loaded(Everything, "legacy_id", "price")["3"] == Decimal("1.24")


@FAST
def test_email_strips_and_keeps_case_and_phone_is_valid_e164(pair: Pair):
    texts((" Ann@Example.org\t", "020 7946 0958"), ("nobody", "12"), ("", ""), (None, None))

    assert rejected(load(plain_of(col("a").email()))) == [("2", "name", "email")]
    assert loaded(Plain, "legacy_id", "name") == {"1": "Ann@Example.org", "3": None, "4": None}
    Plain.objects.all().delete()
    assert rejected(load(plain_of(col("b").phone("GB")))) == [("2", "name", "phone")]
    assert loaded(Plain, "legacy_id", "name") == {"1": "+442079460958", "3": None, "4": None}


@FAST
def test_apply_is_called_once_per_distinct_value_and_its_exception_rejects_the_row(pair: Pair):
    texts(("x", None), ("y", None), ("x", None), (None, None))
    calls: list[str] = []

    def function(value: str) -> str:
        calls.append(value)
        if value == "y":
            raise ValueError("no y")
        return value * 2

    report = load(plain_of(col("a").apply(function)))

    assert sorted(calls) == ["x", "y"]
    assert loaded(Plain, "legacy_id", "name") == {"1": "xx", "3": "xx", "4": None}
    assert rejected(report) == [("2", "name", "apply")]


# date and datetime


@CROSSED
def test_dates_never_roll_over_and_local_times_in_a_gap_are_rejected(pair: Pair):
    class Times(Transformer):
        class Meta:
            source = "old"
            model = Everything
            name = "times"

        legacy_id = key("id")
        day = col("a").date("%d/%m/%Y", "%Y-%m-%d")
        moment = col("b").datetime("%Y-%m-%d %H:%M", tz="Europe/London")

    texts(
        ("31/12/1999", "2024-03-31 00:59"),
        ("2023-02-31", None),
        ("29/02/2023", None),
        (None, "2024-03-31 01:30"),  # skipped by the clock
        (None, "2024-10-27 01:30"),  # came twice: the first is summer time
        ("  ", ""),
    )

    report = load(Times)

    assert rejected(report) == [
        ("2", "day", "date"),
        ("3", "day", "date"),
        ("4", "moment", "datetime"),
    ]
    assert "2023-02-31" in reasons(report)["2"]
    assert loaded(Everything, "legacy_id", "day", "moment") == {
        "1": (dt.date(1999, 12, 31), dt.datetime(2024, 3, 31, 0, 59, tzinfo=dt.UTC)),
        "5": (None, dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.UTC)),
        "6": (None, None),
    }


# Null for a text field; blank text is null for every type but text


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

    Filled.objects.update(
        status="x", owner="y", fee=9, since=dt.date(1999, 1, 1), note="n", maybe=4, stars=5
    )
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
    from django.db.models.signals import post_save, pre_save

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


# Links


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
        name = "places"

    legacy_id = key("no").strip().integer()
    code = col("code")


@CROSSED
def test_a_link_by_name_is_cleaned_as_the_parents_key_and_to_field_is_followed(pair: Pair):
    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", "place")
        by_code = link("places", col("place").strip().null_if("0"))

    make_table("old_places", {"no": "text", "code": "text"}, [(" 01 ", "A"), ("2", "B")])
    make_table("old_visitors", {"id": "integer", "place": "text"}, [(1, "1 "), (2, " 002"), (3, None), (4, "x")])
    load(Places)

    report = load(Visitors, Places)

    assert loaded(Visitor, "legacy_id", "place__legacy_id", "by_code_id") == {
        1: (1, "A"),
        2: (2, "B"),
        3: (None, None),
    }
    assert rejected(report) == [("4", "place", "link")]


@CROSSED
def test_a_one_to_one_and_a_link_as_key_and_a_text_primary_key(pair: Pair):
    class Countries(Transformer):
        class Meta:
            source = "old_countries"
            model = Country
            name = "countries"

        code = key("code").strip().upper()
        name = col("name")

    class Cities(Transformer):
        class Meta:
            source = "old_cities"
            model = City
            name = "cities"

        legacy_id = key("id")
        country = link("countries", "country")

    make_table("old_countries", {"code": "text", "name": "text"}, [("de ", "Germany"), ("FR", "France")])
    make_table("old_cities", {"id": "integer", "country": "text"}, [(1, " DE"), (2, "fr"), (3, "xx")])
    load(Countries)
    assert rejected(load(Cities, Countries)) == [("3", "country", "link")]
    assert loaded(City, "legacy_id", "country_id") == {1: "DE", 2: "FR"}

    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")

    class Badges(Transformer):
        class Meta:
            source = "old_badges"
            model = Badge
            name = "badges"

        legacy_id = key("id")
        visitor = link("visitors", "visitor")

    make_table("old_visitors", {"id": "integer"}, [(1,), (2,)])
    make_table("old_badges", {"id": "integer", "visitor": "integer"}, [(10, 1), (11, 1), (12, 2)], primary_key="id")
    load(Visitors)

    report = load(Badges, Visitors)

    assert rejected(report) == [("11", "visitor", "unique")]
    assert loaded(Badge, "legacy_id", "visitor__legacy_id") == {10: 1, 12: 2}


@FAST
def test_only_without_its_upstream_uses_what_is_already_loaded(pair: Pair):
    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", "place")

    Place.objects.create(legacy_id=1, code="A")
    make_table("old_visitors", {"id": "integer", "place": "text"}, [(1, "1"), (2, "2")])

    report = load(Visitors, Places)  # the table of places does not even exist

    assert loaded(Visitor, "legacy_id", "place__code") == {1: "A"}
    assert rejected(report) == [("2", "place", "link")]


# Names that need quoting


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
        "old % table's".replace("%", "%"),
        {"50 %s": "integer", "select": "text", "a'b": "integer", "c%d": "integer"},
        [],
    )
    from django.db import connections

    quote = connections["legacy"].ops.quote_name
    with connections["legacy"].cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(Odds._meta.source)} VALUES (1, 'x', 2, 3), (2, 'x', 2, 3), (3, 'y', 4, 5)")

    report = load(Odds)

    with connections["default"].cursor() as cursor:
        cursor.execute('SELECT * FROM "targets odd table" ORDER BY 1')
        assert [row[1:] for row in cursor.fetchall()] == [(1, "x", 2, 3), (3, "y", 4, 5)]
    assert rejected(report) == [("2", "order", "unique")]
    assert counts(load(Odds)) == (3, 0, 0, 2, 1, 0)


@FAST
def test_a_float_among_whole_numbers_changes_no_text(pair: Pair):
    """SQLite holds 1 and 2.5 in one column: what 1 becomes must not depend on its neighbours."""
    make_table("old", {"id": "numeric", "a": "numeric"}, [(1, 1), (2, 2.5), (3, 3), (4, "x")])

    outcomes = []
    for size in (1, 2, 100):
        Plain.objects.all().delete()
        load(plain_of(col("a")), batch_size=size)
        outcomes.append(loaded(Plain, "legacy_id", "name"))

    assert outcomes == [{"1": "1", "2": "2.5", "3": "3", "4": "x"}] * 3


@FAST
def test_a_key_of_mixed_types_does_not_depend_on_the_batch(pair: Pair):
    make_table("old", {"id": "numeric", "a": "text"}, [(1, "a"), (2.5, "b"), (3, "c")])

    for size in (1, 100):
        load(plain_of(col("a")), batch_size=size)
        assert loaded(Plain, "legacy_id", "name") == {"1": "a", "2.5": "b", "3": "c"}


@FAST
def test_a_missing_source_table_is_named(pair: Pair):
    with configured():
        report = attempt(plain_of(col("a")))

    assert report.status == "failed"
    assert report.error is not None
    assert "'old'" in report.error
