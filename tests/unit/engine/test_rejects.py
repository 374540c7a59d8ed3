"""Why a row was rejected: each sentence whole, what is kept with it, and what nobody may read in it."""

from __future__ import annotations

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from etl_assets import Transformer, col, concat, key, link, rule
from etl_assets.columns import Expression
from etl_assets.engine.batch import Batch, Rejection
from etl_assets.engine.raw import as_json, kept_rows, storable
from etl_assets.engine.rejects import RejectLog, write_csv
from etl_assets.models import Reject, Run
from tests.databases import Pair
from tests.legacy import attempt, load, make_table, reasons
from tests.targets.models import Everything, Member, Plain, Strict, Visitor
from tests.targets.models import Place as PlaceModel

SQLITE = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True, ids=["sqlite"])
POSTGRES = pytest.mark.parametrize("pair", [("postgresql", "postgresql")], indirect=True, ids=["postgresql"])


def everything(**fields: Expression) -> type[Transformer]:
    meta = type("Meta", (), {"source": "old", "model": Everything, "name": "things"})
    return type("Things", (Transformer,), {"Meta": meta, "legacy_id": key("no"), **fields})


def upper_only(text: str) -> str:
    if not text.isupper():
        raise ValueError("not loud enough")
    return text


x = col("x")
TEXT_CASES: list[tuple[str, Expression, str, str, str]] = [
    # field, expression, value, code, reason
    ("whole", x.integer(), "1O", "integer", "whole: integer() cannot read '1O'"),
    ("whole", x, "1O", "integer", "whole: '1O' cannot be read as integer"),
    ("price", x.decimal(2), "1.234", "decimal", "price: decimal(2) cannot read '1.234'"),
    ("price", x.decimal(2, round=True), "1,5", "decimal", "price: decimal(2, round=True) cannot read '1,5'"),
    ("price", x, "cheap", "decimal", "price: 'cheap' cannot be read as decimal"),
    (
        "price",
        x.decimal(2),
        "1000000.00",
        "max_digits",
        "price: Decimal('1000000.00') has more than 8 digits",
    ),
    ("flag", x.boolean(), "maybe", "boolean", "flag: boolean() cannot read 'maybe'"),
    ("day", x.date("%d/%m/%Y"), "31/02/2023", "date", "day: date('%d/%m/%Y') cannot read '31/02/2023'"),
    ("day", x, "soon", "date", "day: 'soon' cannot be read as date"),
    (
        "moment",
        x.datetime("%Y-%m-%d %H:%M", tz="Europe/London"),
        "2024-03-31 01:30",
        "datetime",
        "moment: datetime('%Y-%m-%d %H:%M') cannot read '2024-03-31 01:30'",
    ),
    ("email", x.email(), "ann@", "email", "email: email() cannot read 'ann@'"),
    ("text", x.phone("GB"), "999", "phone", "text: phone('GB') cannot read '999'"),
    ("text", x.map({"M": "male"}), "Q", "map", "text: map() cannot read 'Q'"),
    ("text", x.apply(upper_only), "shh", "apply", "text: apply() cannot read 'shh'"),
    ("text", x.required(), "", "required", "text: None fails required()"),
    ("text", x.matches("[A-Z]{2,3}"), "{a}", "matches", "text: '{a}' fails matches('[A-Z]{2,3}')"),
    ("whole", x.integer().between(1, 9), "10", "between", "whole: 10 fails between(1, 9)"),
    (
        "day",
        x.date().between("1900-01-01", "today"),
        "1899-12-31",
        "between",
        "day: datetime.date(1899, 12, 31) fails between('1900-01-01', 'today')",
    ),
    ("text", x.one_of("a", "b"), "c", "one_of", "text: 'c' fails one_of('a', 'b')"),
    ("text", x.length(2, 3), "abcd", "length", "text: 'abcd' fails length(2, 3)"),
    ("slug", x, "s" * 51, "max_length", f"slug: {'s' * 51!r} is longer than 50 characters"),
    ("colour", x, "green", "choices", "colour: 'green' is not among the field's choices"),
    ("small", x.integer(), "32768", "range", "small: 32768 is not between -32768 and 32767"),
    ("positive", x.integer(), "-1", "range", "positive: -1 is not between 0 and 2147483647"),
    ("address", x, "10.0.0.256", "ip", "address: '10.0.0.256' is no IP address"),
    ("token", x, "123", "uuid", "token: '123' cannot be read as uuid"),
    ("data", x, "{", "json", "data: '{' cannot be read as json"),
]


@POSTGRES
def test_each_reason_names_the_field_the_verb_and_the_value(pair: Pair):
    for number, (field, expression, value, code, reason) in enumerate(TEXT_CASES):
        make_table("old", {"no": "varchar(9)", "x": "text"}, [(number, value or None)], primary_key="no")

        report = load(everything(**{field: expression}))

        assert reasons(report) == {str(number): reason}
        assert report.reject_reasons == {f"{field}:{code}": 1}


@SQLITE
@pytest.mark.parametrize("column", ["x", "field"])
def test_a_sensitive_value_is_in_no_reason(pair: Pair, column: str):
    for number, (field, expression, value, code, _) in enumerate(TEXT_CASES):
        if field == "small":
            continue  # SQLite's integers are all of one size
        make_table("old", {"no": "varchar(9)", "x": "text"}, [(number, value or None)], primary_key="no")
        config = {**settings.ETL_CONFIG, "SENSITIVE_COLUMNS": ["x" if column == "x" else field]}

        with override_settings(ETL_CONFIG=config):
            report = load(everything(**{field: expression}))

        ((_, reason),) = reasons(report).items()
        assert report.reject_reasons == {f"{field}:{code}": 1}
        assert "***" in reason
        shown = reason.partition(": ")[2]
        for pattern in ("matches('[A-Z]{2,3}')", "map()"):
            shown = shown.replace(pattern, "")
        assert not value or repr(value) not in shown, reason
        assert "10 fails" not in reason
        assert "1899" not in reason


class Stricts(Transformer):
    class Meta:
        source = "old"
        model = Strict

    legacy_id = key("no")
    title = col("title")
    note = col("note")
    colour = col("colour")
    score = col("score")
    fee = col("fee")

    @rule("has a title like its note")
    def differs(self, rows):
        return rows["title"] != rows["note"]


@SQLITE
def test_what_the_model_does_not_allow_is_told_in_its_words(pair: Pair):
    columns = dict.fromkeys(["no", "score"], "integer") | dict.fromkeys(["title", "note", "colour"], "text")
    rows = [
        (1, 5, None, None, "red", "1"),
        (2, 5, "", None, "red", "1"),
        (3, 5, "a", "a", "red", "1"),
        (4, 5, "longer", None, "red", "1"),
        (5, 5, "a", None, "", "1"),
        (6, 5, "a", None, None, "1"),
        (7, 5, "a", "b", "blue", "100"),
        (8, 5, "a", "b", "blue", "99.99"),
        (None, 5, "a", "b", "blue", "1"),
    ]
    make_table("old", {**columns, "fee": "text"}, [(a, b, c, d, e, f) for a, b, c, d, e, f in rows])

    assert reasons(load(Stricts)) == {
        "1": "title is null, which the field does not allow",
        "2": "title is blank, which the field does not allow",
        "3": "fails the rule 'has a title like its note'",
        "4": "title: 'longer' is longer than 5 characters",
        "5": "colour is blank, which the field does not allow",
        "6": "colour is null, which the field does not allow",
        "7": "fee: Decimal('100.00') has more than 4 digits",
        "": "legacy_id is null, which the field does not allow",
    }


class Members(Transformer):
    class Meta:
        source = "old"
        model = Member

    legacy_id = key("no").integer()
    number = col("number").integer()
    email = col("email")
    team = col("team")
    seat = col("seat").integer()
    leads = col("leads").boolean()
    age = col("age").integer()


MEMBER = dict.fromkeys(("no", "number", "email", "team", "seat", "leads", "age"), "text")
MEMBERS = [
    ("1", "10", "ann@x", "t", "1", "Y", "30"),
    ("1 ", "11", "a@x", "u", "1", "N", "30"),
    ("2", "10", "b@x", "u", "2", "N", "30"),
    ("3", "12", "ANN@x", "u", "3", "N", "30"),
    ("4", "13", "d@x", "t", "1", "N", "30"),
    ("5", "14", "e@x", "t", "5", "Y", "30"),
    ("6", "15", "f@x", "u", "6", "N", "13"),
]


@SQLITE
def test_who_lost_is_told_to_whom(pair: Pair):
    make_table("old", MEMBER, MEMBERS)

    assert reasons(load(Members)) == {
        "1 ": "legacy row 1 (row 1 read) has the same key, was read first and was kept",
        "2": "number: 10 is taken by legacy row 1 (row 1 read), which was read first",
        "3": "member_email (member_email): 'ann@x' is taken by legacy row 1 (row 1 read), which was read "
        "first",
        "4": "team, seat (member_seat): 't', 1 is taken by legacy row 1 (row 1 read), which was read first",
        "5": "team (member_leader): 't' is taken by legacy row 1 (row 1 read), which was read first",
        "6": "fails the constraint 'member_age'",
    }


@SQLITE
def test_a_value_that_another_row_of_the_target_has(pair: Pair):
    Member.objects.create(legacy_id=99, number=10)
    make_table("old", MEMBER, MEMBERS[:1])

    assert reasons(load(Members)) == {"1": "number: 10 is taken by another row of the target"}


@SQLITE
@pytest.mark.parametrize(
    ("sensitive", "key", "reason"),
    [
        ("number", "2", "number: *** is taken by legacy row 1 (row 1 read), which was read first"),
        (
            "email",
            "3",
            "member_email (member_email): *** is taken by legacy row 1 (row 1 read), which was read first",
        ),
        (
            "seat",
            "4",
            "team, seat (member_seat): *** is taken by legacy row 1 (row 1 read), which was read first",
        ),
        ("no", "1 ", "legacy row *** (row 1 read) has the same key, was read first and was kept"),
        ("no", "2", "number: 10 is taken by legacy row *** (row 1 read), which was read first"),
    ],
)
def test_what_is_taken_is_not_shown_where_it_is_sensitive(pair: Pair, sensitive: str, key: str, reason: str):
    make_table("old", MEMBER, MEMBERS)

    with override_settings(ETL_CONFIG={**settings.ETL_CONFIG, "SENSITIVE_COLUMNS": [sensitive]}):
        assert reasons(load(Members))[key] == reason


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = PlaceModel

    legacy_id = key("no").strip().integer().apply(abs).map({1: 1, 7: 7})
    code = col("code")


class Visitors(Transformer):
    class Meta:
        source = "old"
        model = Visitor

    legacy_id = key("no")
    place = link("places", "place")
    by_code = col("code")


@SQLITE
def test_a_link_that_leads_nowhere_names_the_parent_and_the_value_as_it_was_read(pair: Pair):
    make_table("old_places", {"no": "text", "code": "text"}, [("1", "one")])
    make_table(
        "old",
        {"no": "integer", "place": "text", "code": "text"},
        [
            (1, " -1", None),
            (2, " 7", None),
            (3, " X1", None),
            (4, "8", None),
            (5, None, "x"),
            (6, "1", "one"),
        ],
    )
    load(Places)

    assert reasons(load(Visitors, Places)) == {
        "2": "place: 7 is the key of no row in 'places'",
        "3": "place: 'X1' is the key of no row in 'places'",
        "4": "place: 8 is the key of no row in 'places'",
        "5": "by_code: 'x' is the key of no row in 'targets.Place'",
    }


@POSTGRES
def test_what_postgresql_cannot_hold_is_told_and_kept_visibly(pair: Pair):
    # A NUL can come out of a hook, if not out of PostgreSQL.
    class Nuls(Transformer):
        class Meta:
            source = "old"
            model = Plain

        legacy_id = key("no")
        name = col("x").apply(lambda text: "a\x00b")

    make_table("old", {"no": "text", "x": "text"}, [("1", "y")])

    report = load(Nuls)
    assert reasons(report) == {"1": r"name: 'a\x00b' holds a NUL character, which PostgreSQL cannot store"}
    assert Reject.objects.get().reason == reasons(report)["1"]


@pytest.mark.parametrize("pair", [("sqlite", "postgresql"), ("sqlite", "sqlite")], indirect=True)
def test_long_values_and_nuls_are_kept_in_the_raw_row_and_cut_in_the_reason(pair: Pair):
    dirty = "a\x00b" + "x" * 5_000
    make_table("old", {"no": "text", "x": "text"}, [("1\x00", dirty)])

    report = load(everything(slug=col("x").length(0, 3)))

    ((legacy_key, reason),) = reasons(report).items()
    assert legacy_key == r"1\x00"
    assert reason.startswith(r"slug: 'a\x00bxxxxx")
    assert reason.endswith("xxx… fails length(0, 3)")
    assert len(reason) < 150
    kept = Reject.objects.get()
    assert (kept.legacy_key, kept.reason) == (legacy_key, reason)
    assert kept.raw == {"no": r"1\x00", "x": r"a\x00b" + "x" * 5_000}


@SQLITE
def test_a_key_of_several_columns_is_kept_as_a_json_list(pair: Pair):
    class Things(Transformer):
        class Meta:
            source = "old"
            model = Plain
            key = ("legacy_id",)

        legacy_id = concat("a", "b", sep="-")
        value = col("value").integer()

    make_table("old", {"a": "text", "b": "integer", "value": "text"}, [("ü", 1, "x"), (None, 2, "x")])

    assert set(reasons(load(Things))) == {'["ü", "1"]', '[null, "2"]'}


# What is kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2**63 - 1, 2**63 - 1),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("1.50"), "1.50"),
        (dt.date(2024, 1, 15), "2024-01-15"),
        (dt.datetime(2024, 1, 15, 14, 30, tzinfo=dt.UTC), "2024-01-15T14:30:00+00:00"),
        (b"\x00\xff", "base64:AP8="),
        ("a\x00", r"a\x00"),
        ({"a": [b"\x00", None]}, {"a": ["base64:AA==", None]}),
    ],
)
def test_a_raw_value_is_kept_as_json_can_hold_it(value: Any, kept: Any):
    assert as_json(value) == kept
    assert json.loads(json.dumps(as_json(value), allow_nan=False)) == kept


def test_a_nul_is_made_visible():
    assert storable("a\x00b") == r"a\x00b"


def digest(legacy_key: str = "1", **raw: Any) -> str:
    ((_, found),) = kept_rows([legacy_key], pa.record_batch({name: [value] for name, value in raw.items()}))
    return found


def test_the_digest_is_that_of_key_and_raw_row_and_of_nothing_else():
    same = digest("1", x="5", y=None)

    assert same == digest("1", y=None, x="5")
    assert len(same) == 32
    others = [
        digest("2", x="5", y=None),
        digest("1", x="6", y=None),
        digest("1", x="5", y=""),
        digest("1", x="5"),
    ]
    assert len({same, *others}) == 5


def test_the_digest_is_the_same_however_sqlite_hands_a_number_out():
    assert digest(x=7) == digest(x=7.0) == digest(x="7")
    assert digest(x=7.5) == digest(x="7.5") != digest(x=7)
    assert digest(x=True) == digest(x="True")


def test_the_digest_is_the_same_on_every_machine_and_in_every_process():
    assert digest("7", number="N/A", age=3) == "2676d99359adde70b2f5a0e7f7781251"


def test_rows_of_no_columns_have_a_digest_each():
    rows = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))
    assert [raw for raw, _ in kept_rows(["1", "2"], rows)] == [{}, {}]


def test_each_kind_of_column_is_kept_as_its_values_are_one_by_one():
    """Whole columns take a short way."""
    columns: dict[str, list[Any]] = {
        "text": ["a", None, "é"],
        "nul": ["a\x00", None, "b"],
        "whole": [1, None, -3],
        "part": [1.5, float("nan"), None],
        "yes": [True, None, False],
        "day": [dt.date(2024, 1, 15), None, dt.date(1, 1, 1)],
        "price": [Decimal("1.50"), None, Decimal("-0.01")],
        "blob": [b"\x00", None, b""],
        "list": [["a\x00"], None, []],
    }
    kept = kept_rows(["1", "2", "3"], pa.record_batch(columns))
    expected = [{name: as_json(values[place]) for name, values in columns.items()} for place in range(3)]
    assert [raw for raw, _ in kept] == expected


def batch_with(*rejected: tuple[str, str, str]) -> Batch:
    """A batch of rejected rows: key, field, raw value."""
    raw = pa.record_batch({"x": [value for _, _, value in rejected]})
    batch = Batch(raw, 0)
    batch.legacy_keys = [pa.array([key for key, _, _ in rejected])]
    batch.reject_rows(
        [Rejection(place, field, "date", f"because {key}") for place, (key, field, _) in enumerate(rejected)]
    )
    return batch


def run(run_id: str) -> Run:
    return Run.objects.create(run_id=run_id, transformer="patients", started_at=timezone.now())


def stored(run_id: str, *rejected: tuple[str, str, str]) -> Run:
    log, one = RejectLog("patients"), run(run_id)
    log.add(batch_with(*rejected))
    log.store(one)
    log.close()
    return one


@pytest.mark.django_db
def test_a_row_is_kept_once_for_each_reason_and_remembers_first_and_last():
    first = stored("run-1", ("1", "dob", "x"), ("2", "dob", "y"))
    again = stored("run-2", ("1", "dob", "x"), ("1", "sex", "x"), ("2", "dob", "changed"))

    kept = Reject.objects.order_by("pk")
    assert [(one.legacy_key, one.field, one.first_run, one.run) for one in kept] == [
        ("1", "dob", first, again),
        ("2", "dob", first, first),
        ("1", "sex", again, again),
        ("2", "dob", again, again),
    ]


@pytest.mark.django_db
def test_storing_goes_on_where_it_stopped_and_after_a_rollback_begins_anew():
    log, one = RejectLog("patients"), run("run-1")
    log.add(batch_with(("1", "dob", "x")))
    log.store(one)
    log.add(batch_with(("2", "dob", "y")))
    log.store(one)
    assert Reject.objects.count() == 2

    Reject.objects.all().delete()  # as a rollback does
    log.store(one)
    assert Reject.objects.count() == 0
    log.rewind()
    log.store(one)
    assert [kept.legacy_key for kept in Reject.objects.order_by("pk")] == ["1", "2"]
    assert [kept.legacy_key for kept in log] == ["1", "2"]


@pytest.mark.django_db
def test_more_rejects_than_fit_into_a_statement_are_stored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("etl_assets.engine.rejects.AT_ONCE", 3)
    rejected = [(str(number), "dob", str(number)) for number in range(10)]
    stored("run-1", *rejected)
    stored("run-2", *rejected)

    assert Reject.objects.count() == 10
    assert set(Reject.objects.values_list("run__run_id", flat=True)) == {"run-2"}


@pytest.mark.django_db
def test_an_open_reject_is_resolved_when_its_row_is_loaded_and_opened_when_it_is_met_again():
    stored("run-1", ("1", "dob", "x"), ("2", "dob", "y"))
    log, second = RejectLog("patients"), run("run-2")
    log.watch_open()
    loaded = Batch(pa.record_batch({"x": ["x", "z"]}), 0)
    loaded.legacy_keys = [pa.array(["1", "3"])]
    log.note_loaded(loaded)
    log.store(second)

    states = dict(Reject.objects.values_list("legacy_key", "resolved_run__run_id"))
    assert states == {"1": "run-2", "2": None}

    stored("run-3", ("1", "dob", "x"))
    assert Reject.objects.get(legacy_key="1").resolved_run is None


@pytest.mark.django_db
def test_what_a_failed_run_loaded_resolves_nothing():
    stored("run-1", ("1", "dob", "x"))
    log = RejectLog("patients")
    log.watch_open()
    loaded = Batch(pa.record_batch({"x": ["x"]}), 0)
    loaded.legacy_keys = [pa.array(["1"])]
    log.note_loaded(loaded)
    log.rewind()
    log.store(run("run-2"))

    assert Reject.objects.get().resolved_run is None


def test_the_spreadsheet_holds_every_reject_and_masks_what_is_sensitive(tmp_path: Path):
    logs = [RejectLog("patients"), RejectLog("places")]
    logs[0].add(batch_with(("1", "dob", 'a,"b"\n'), ("2", "dob", "ü")))
    logs[1].add(batch_with(("7", "", "z")))

    count = write_csv(tmp_path / "open.csv", logs, frozenset())
    write_csv(tmp_path / "masked.csv", logs, frozenset({"x"}))

    with (tmp_path / "open.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["transformer", "legacy_key", "field", "code", "reason", "raw"]
    assert count == 3
    assert [one[:5] for one in rows] == [
        ["patients", "1", "dob", "date", "because 1"],
        ["patients", "2", "dob", "date", "because 2"],
        ["places", "7", "", "date", "because 7"],
    ]
    assert [json.loads(one[5]) for one in rows] == [{"x": 'a,"b"\n'}, {"x": "ü"}, {"x": "z"}]
    masked = (tmp_path / "masked.csv").read_text(encoding="utf-8")
    assert masked.count('""x"": ""***""') == 3
    assert "ü" not in masked


def test_no_cell_of_the_file_is_a_formula(tmp_path: Path):
    log = RejectLog("patients")
    log.add(batch_with(("=1+1", "dob", "z"), ("-7", "dob", "z")))

    write_csv(tmp_path / "rejects.csv", [log], frozenset())

    with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        assert [row[1] for row in csv.reader(file)] == ["legacy_key", "'=1+1", "-7"]


@POSTGRES
def test_a_time_that_python_cannot_hold_is_rejected_like_any_other(pair: Pair):
    make_table("old", {"no": "text", "x": "timestamp"}, [("1", "infinity"), ("2", "20000-01-01 00:00:00")])

    report = attempt(everything(day=col("x").date(), text=col("x").between("1900-01-01", "2100-01-01")))

    assert report.error is None
    assert report.counts.rejected == 2
