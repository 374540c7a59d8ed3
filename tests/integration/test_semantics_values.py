"""Nulls, blanks, text and types: sentence by sentence, by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from etl_assets import Transformer, col, concat, const, key
from tests.databases import Pair
from tests.legacy import (
    attempt,
    configured,
    counts,
    execute,
    load,
    loaded,
    make_table,
    reasons,
    rejected,
)
from tests.targets.models import (
    Everything,
    Plain,
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
        [(1, True, dt.date(2020, 2, 29), dt.datetime(2020, 6, 1, 12))],  # noqa: DTZ001
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


@CROSSED
def test_what_only_looks_like_json_or_an_address_is_rejected_and_the_rest_is_as_django_writes_it(pair: Pair):
    class Odd(Transformer):
        class Meta:
            source = "old"
            model = Everything
            name = "odd"

        legacy_id = key("id")
        data = col("a")
        address = col("b")

    texts(
        ('{"b": 1e400}', None),
        ("[1, 2", None),
        ('{"b": 1.0, "a": [null, "é"]}', None),
        (None, "2001:DB8:0::1"),
    )

    make_table(
        "more", TEXTS, [(5, None, " "), (6, None, " 127.0.0.1 "), (7, None, "1.2.3"), (8, None, "::g")]
    )
    execute("INSERT INTO old SELECT * FROM more")

    report = load(Odd)

    assert rejected(report) == [
        ("1", "data", "json"),
        ("2", "data", "json"),
        ("7", "address", "ip"),
        ("8", "address", "ip"),
    ]
    assert loaded(Everything, "legacy_id", "address")["5"] is None
    assert loaded(Everything, "legacy_id", "address")["6"] == "127.0.0.1"
    assert loaded(Everything, "legacy_id", "data")["3"] == {"b": 1.0, "a": [None, "é"]}
    assert Everything.objects.get(address="2001:db8::1").legacy_id == "4"
    assert counts(load(Odd)) == (8, 0, 0, 4, 4, 0)


@FAST
def test_a_missing_source_table_is_named(pair: Pair):
    with configured():
        report = attempt(plain_of(col("a")))

    assert report.status == "failed"
    assert report.error is not None
    assert "'old'" in report.error
