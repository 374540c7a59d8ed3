"""What a preview shows is what a load does, before the first load too, and it leaves no trace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from django_project.hospital.legacy import make_legacy_hospital
from django_project.hospital.models import Patient
from django_project.hospital.transformers import (
    AppointmentTransformer,
    DepartmentTransformer,
    PatientTransformer,
)
from etl_assets import Transformer, col, concat, const, key, link, rule, skip
from etl_assets.analysis.masking import Masker
from etl_assets.analysis.preview import Preview, preview
from etl_assets.analysis.table import open_table
from etl_assets.exceptions import ConfigurationError, SourceError
from etl_assets.models import Reject, Run
from etl_assets.registry import Registry, discover
from tests.databases import Database, Databases, Pair, Vendor
from tests.legacy import checksums, configured, load, make_table
from tests.samples.legacy import copy_to_postgres, rows_of, sample
from tests.targets.models import Place, Visitor

SAME_VENDORS = pytest.mark.parametrize(
    "pair", [("sqlite", "sqlite"), ("postgresql", "postgresql")], indirect=True
)
HOSPITAL = Registry([DepartmentTransformer, PatientTransformer, AppointmentTransformer])


def previewed(name: str, columns: list[str], limit: int = 10, registry: Any = None, **masks: Any) -> Preview:
    """Preview a table of the legacy database, and see that nothing has changed in either."""
    before = checksums("default"), checksums("legacy")
    with open_table(name, "legacy") as table:
        masker = Masker.for_table(table, registry=registry, **masks)
        found = preview(table, columns, limit, masker, registry)
    assert (checksums("default"), checksums("legacy")) == before
    assert not Run.objects.exists() or not registry
    assert set(found) == {"table", "database", "columns", "rows", "suggestions", "transformer"}
    for row in found["rows"]:
        assert set(row) == {"original", "transformed", "changed", "status", "reason", "warnings"}
    return found


def fetch(sql: str) -> list[tuple[Any, ...]]:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@SAME_VENDORS
def test_it_foretells_the_fate_of_each_patient(pair: Pair) -> None:
    make_legacy_hospital(400, seed=3)
    found = previewed("legacy_patients", ["patient_id", "last_name"], 1_000, HOSPITAL, show=True)
    assert found["transformer"] == "patients"
    fates = [(row["original"]["patient_id"], row["status"], row["reason"]) for row in found["rows"]]
    assert [number for number, *_ in fates] == [
        number for (number,) in fetch("SELECT patient_id FROM legacy_patients ORDER BY 1")
    ]

    load(DepartmentTransformer)
    report = load(PatientTransformer, DepartmentTransformer)
    names = dict(Patient.objects.values_list("legacy_id", "last_name"))
    ok = {number for number, status, _ in fates if status == "ok"}
    assert ok == set(names)
    assert len([1 for _, status, _ in fates if status == "ok"]) == report.counts.created == len(names)
    assert sum(status == "skipped" for _, status, _ in fates) == report.counts.skipped > 0
    rejects = Reject.objects.filter(transformer="patients")
    # The settings hide the NHS number in what is kept; the preview was asked to show it.
    shown = rejects.exclude(field="national_id").values_list("legacy_key", "reason")
    assert set(shown) <= {(str(number), reason) for number, status, reason in fates if status == "rejected"}
    assert sum(status == "rejected" for _, status, _ in fates) == report.counts.rejected > 0
    for row in found["rows"]:
        if row["status"] == "ok":
            assert row["transformed"]["last_name"] == names[row["original"]["patient_id"]]
            changed = row["transformed"]["last_name"] != row["original"]["last_name"]
            assert ("last_name" in row["changed"]) == changed


@SAME_VENDORS
def test_a_link_is_found_in_the_parents_source_before_the_first_load(pair: Pair) -> None:
    make_legacy_hospital(120, seed=5)
    found = previewed("legacy_appointments", ["appt_id", "patient_id"], 1_000, HOSPITAL)
    patients = {number for (number,) in fetch("SELECT patient_id FROM legacy_patients")}
    visits = fetch("SELECT appt_id, patient_id FROM legacy_appointments ORDER BY appt_id")
    orphans = {visit for visit, patient in visits if patient is not None and patient not in patients}
    assert orphans
    lost = {
        row["original"]["appt_id"]
        for row in found["rows"]
        if row["status"] == "rejected" and "is the key of no row in 'patients'" in (row["reason"] or "")
    }
    assert lost == orphans
    (one, *_) = [row for row in found["rows"] if row["status"] == "ok"]
    assert one["transformed"]["patient"] == f"patients {one['original']['patient_id']} (not loaded yet)"


class Places(Transformer):
    class Meta:
        source = "old place"
        model = Place

    legacy_id = key("no")
    code = col("code").strip().upper()


class Visitors(Transformer):
    class Meta:
        source = "visitors"
        model = Visitor

    legacy_id = key("id")
    place = link("places", "place_no")
    by_code = link("places", "other_no", missing="null")

    @skip("is a test")
    def tests(self, rows):
        return rows["legacy_id"] == 4

    @rule("came twice")
    def once(self, rows):
        return rows["legacy_id"] != 5

    @rule("is the third", severity="warning")
    def not_third(self, rows):
        return rows["legacy_id"] != 3


PEOPLE = [(1, 7, 8), (2, 9, 7), (3, 7, 9), (4, 7, None), (5, 8, None), (6, 8, 8), (6, 8, 8)]


def make_people() -> None:
    make_table("old place", {"no": "integer", "code": "varchar(9)"}, [(7, " a"), (8, "b")], primary_key="no")
    make_table("visitors", {"id": "integer", "place_no": "integer", "other_no": "integer"}, PEOPLE)


@SAME_VENDORS
def test_every_way_a_row_can_end(pair: Pair) -> None:
    make_people()
    registry = Registry([Places, Visitors])
    found = previewed("visitors", [], 10, registry)
    assert [(row["status"], row["reason"]) for row in found["rows"]] == [
        ("ok", None),
        ("rejected", "place: 9 is the key of no row in 'places'"),
        ("ok", None),
        ("skipped", "is a test"),
        ("rejected", "fails the rule 'came twice'"),
        ("ok", None),
        ("rejected", "legacy row 6 (row 6 read) has the same key, was read first and was kept"),
    ]
    warnings = {place: row["warnings"] for place, row in enumerate(found["rows"]) if row["warnings"]}
    assert warnings == {2: ["fails the rule 'is the third'"]}
    assert found["rows"][0]["transformed"] == {
        "legacy_id": 1,
        "place": "places 7 (not loaded yet)",
        "by_code": "places 8 (not loaded yet)",
    }
    assert found["rows"][2]["transformed"]["by_code"] is None
    assert found["rows"][0]["changed"] == ["place", "by_code"]

    load(Places)
    Run.objects.all().delete()
    again = previewed("visitors", [], 10, registry)
    (pk,) = Place.objects.filter(legacy_id=7).values_list("pk", flat=True)
    assert again["rows"][0]["transformed"] == {"legacy_id": 1, "place": pk, "by_code": "B"}
    assert [row["status"] for row in again["rows"]] == [row["status"] for row in found["rows"]]


class Inns(Transformer):
    """Warns of short codes, of names that do not fit each other, and of both; rejects the long ones."""

    class Meta:
        source = "inns"
        model = Place

    legacy_id = key("no")
    code = col("code").matches("[a-z]{2,}", severity="warning")
    name = col("name").strip().length(1, 5)

    @rule("the name begins as the code does", severity="warning")
    def begins(self, rows):
        return rows["name"].str[0] == rows["code"].str[0]


@SAME_VENDORS
def test_a_row_that_is_ok_says_what_it_is_warned_of(pair: Pair) -> None:
    names = [("ab", " acorn"), ("B", "Bell"), ("C", "dove"), ("D", "elephants"), ("ef", "goose")]
    rows = [(number, *pair) for number, pair in enumerate(names, 1)]
    make_table("inns", {"no": "integer", "code": "varchar(9)", "name": "varchar(19)"}, rows)
    short = "code: {!r} fails matches('[a-z]{{2,}}')"
    begins = "fails the rule 'the name begins as the code does'"
    found = previewed("inns", [], 10, Registry([Inns]))
    assert [(row["status"], row["warnings"]) for row in found["rows"]] == [
        ("ok", []),
        ("ok", [short.format("B")]),
        ("ok", [short.format("C"), begins]),
        ("rejected", []),
        ("ok", [begins]),
    ]
    assert all(row["reason"] is None for row in found["rows"] if row["status"] == "ok")
    counts = load(Inns).counts
    assert counts.warnings == sum(bool(row["warnings"]) for row in found["rows"]) == 3


def test_where_rules_only_warn_the_preview_says_so(pair: Pair) -> None:
    rows = [(1, "ab", "elephants"), (2, "C", "dove")]
    make_table("inns", {"no": "integer", "code": "varchar(9)", "password": "varchar(19)"}, rows)

    class Secret(Inns):
        class Meta:
            source = "inns"
            model = Place

        name = col("password").length(1, 5)

    with configured(VALIDATION_MODE="warning_only"):
        masked = previewed("inns", [], 10, Registry([Secret]))
        shown = previewed("inns", [], 10, Registry([Secret]), show=True)
    assert [row["status"] for row in masked["rows"]] == ["ok", "ok"]
    assert masked["rows"][0]["warnings"][0] == "name: *** fails length(1, 5)"
    assert shown["rows"][0]["warnings"][0] == "name: 'elephants' fails length(1, 5)"
    assert "elephants" not in repr(masked)


@SAME_VENDORS
def test_what_the_target_holds_already_is_looked_at(pair: Pair) -> None:
    make_people()
    Place.objects.create(legacy_id=70, code="B")
    found = previewed("old place", ["code"], 10, Registry([Places]))
    taken = "code: 'B' is taken by another row of the target"
    assert [row["status"] for row in found["rows"]] == ["ok", "rejected"]
    assert (found["rows"][1]["reason"] or "").startswith(taken)
    assert found["rows"][0] == {
        "original": {"code": " a"},
        "transformed": {"code": "A"},
        "changed": ["code"],
        "status": "ok",
        "reason": None,
        "warnings": [],
    }


def test_sensitive_values_are_hidden_everywhere(pair: Pair) -> None:
    class Secret(Transformer):
        class Meta:
            source = "people"
            model = Place

        legacy_id = key("no")
        code = col("password").strip().matches("[a-z]+")
        name = concat("password", "town")

    rows = [(1, " hush", "Bath"), (2, "H4SH", "Hull"), (3, "N/A", "Hull")]
    make_table("people", {"no": "integer", "password": "varchar(9)", "town": "varchar(9)"}, rows)
    for registry in (Registry([Secret]), None):
        hidden = previewed("people", ["password", "town"], 10, registry)
        text = repr(hidden)
        assert not any(secret in text for secret in ("hush", "H4SH", "N/A"))
        assert hidden["rows"][0]["original"] == {"password": "***", "town": "Bath"}
        assert "hush" in repr(previewed("people", ["password", "town"], 10, registry, show=True))


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_without_a_transformer_the_suggested_verbs_do(vendor: Vendor, databases: Databases) -> None:
    databases.fresh("legacy", vendor)
    databases.fresh("default", "sqlite", migrated=True)
    born = ["31/12/1999", "01/02/2003", " 03/04/2005", "2001-05-06", "31/02/2001", "N/A", None, "05/06/2007"]
    paid = ["£1.50", "£22.00", "3.25", "£4.00", "£0.10", "£9.99", "7.00", None]
    town = ["Bath", "Hull", "bath", "York", "Leeds ", "Ely", "Hull", "Hull"]
    rows = list(zip(range(8), born, paid, town, strict=True))
    make_table(
        "odd; --",
        {"no": "integer", "born": "varchar(12)", "paid": "varchar(12)", "to wn é": "varchar(9)"},
        rows,
    )
    found = previewed("odd; --", ["born", "paid", "to wn é"], 8)
    assert found["transformer"] is None
    # Shares by hand: of the 7 values that are not null.
    verbs = {
        name: [(one["verb"], one["share"]) for one in some] for name, some in found["suggestions"].items()
    }
    assert verbs == {
        "born": [
            ("strip()", round(1 / 7, 4)),
            ('null_if("N/A")', round(1 / 7, 4)),
            ('date("%d/%m/%Y", "%Y-%m-%d")', round(5 / 7, 4)),
        ],
        "paid": [('replace("£", "")', round(5 / 7, 4)), ("decimal(2)", 1.0)],
        "to wn é": [("strip()", 1 / 8), ("title()", 1 / 8)],
    }
    after = [row["transformed"] for row in found["rows"]]
    assert [row["born"] for row in after] == [
        "1999-12-31", "2003-02-01", "2005-04-03", "2001-05-06", None, None, None, "2007-06-05"
    ]  # fmt: skip
    assert [row["paid"] for row in after[:3]] == ["1.50", "22.00", "3.25"]
    assert [row["to wn é"] for row in after] == [
        "Bath",
        "Hull",
        "Bath",
        "York",
        "Leeds",
        "Ely",
        "Hull",
        "Hull",
    ]
    (bad,) = [row for row in found["rows"] if row["status"] != "ok"]
    assert bad["status"] == "rejected"
    assert bad["reason"] == "born: date('%d/%m/%Y', '%Y-%m-%d') cannot read '31/02/2001'"
    assert [row["changed"] for row in found["rows"]][6:] == [[], ["born"]]


def test_a_column_without_a_name(databases: Databases) -> None:
    """As SQLite makes it of a CSV file whose header lacks one."""
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)
    with connections["legacy"].cursor() as cursor:
        cursor.execute('CREATE TABLE imported ("" text, " name " text)')
        cursor.execute("INSERT INTO imported VALUES (' 1', ' Ann')")
    found = previewed("imported", [], 10, None)
    assert [row["transformed"] for row in found["rows"]] == [{"": 1, " name ": "Ann"}]


def test_an_empty_table_has_no_rows(pair: Pair) -> None:
    make_table("empty", {"no": "integer"}, [])
    found = previewed("empty", [])
    assert (found["rows"], found["suggestions"], found["columns"]) == ([], {"no": []}, ["no"])


def test_what_cannot_be_previewed_is_refused(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    make_table("t", {"name": "text"}, [("x",)])
    with open_table("t", "legacy") as table:
        with pytest.raises(SourceError, match=r"has no column 'nam'. Did you mean 'name'"):
            preview(table, ["nam"])
        with pytest.raises(ConfigurationError, match="--limit is 0"):
            preview(table, ["name"], limit=0)


@pytest.fixture
def connect(databases: Databases, tmp_path: Path) -> Callable[[str, Vendor], Path]:
    """Connect a sample as `legacy` and a fresh migrated database as `default`."""

    def connect(name: str, vendor: Vendor) -> Path:
        path = sample(name, tmp_path / "sample.sqlite")
        if vendor == "sqlite":
            databases.connect("legacy", Database.at(path))
        else:
            copy_to_postgres(path, databases.fresh("legacy", "postgresql"))
        databases.fresh("default", vendor, migrated=True)
        return path

    return connect


def test_chinook_albums_find_their_artists(connect: Callable[[str, Vendor], Path], vendor: Vendor) -> None:
    path = connect("chinook.sqlite", vendor)
    registry = discover(["tests.samples.chinook_transformers"])
    found = previewed("Album", ["Title", "ArtistId"], 400, registry)
    assert found["transformer"] == "albums"
    expected = rows_of(path, "SELECT Title, ArtistId FROM Album ORDER BY AlbumId")
    assert [(row["status"], row["transformed"]) for row in found["rows"]] == [
        ("ok", {"title": title.strip(), "artist": f"artists {artist} (not loaded yet)"})
        for title, artist in expected
    ]


def test_employees_are_read_through_a_model_and_a_queryset(
    connect: Callable[[str, Vendor], Path],
) -> None:
    path = connect("employees.sqlite3.gz", "sqlite")
    registry = discover(["tests.samples.employees_transformers"])
    assert previewed("department", ["dept_name"], 3, registry)["transformer"] == "departments"
    found = previewed("salary", [], 5, registry)
    assert found["transformer"] == "pay"
    expected = rows_of(
        path, "SELECT emp_no, amount, from_date FROM salary WHERE amount >= 40000 ORDER BY emp_no, from_date"
    )
    assert [(row["transformed"]["since"], row["transformed"]["yearly"]) for row in found["rows"]] == [
        (str(dt.date.fromisoformat(since)), f"{amount}.00") for _, amount, since in expected[:5]
    ]
    assert found["rows"][0]["transformed"]["employee"] == f"employees {expected[0][0]} (not loaded yet)"


def test_a_constant_changes_nothing(pair: Pair) -> None:
    class Fixed(Transformer):
        class Meta:
            source = "t"
            model = Place

        legacy_id = key("no")
        code = concat(col("no"), col("part"), sep="-")
        name = const("x")

    make_table("t", {"no": "integer", "part": "varchar(3)"}, [(1, "a")])
    (row,) = previewed("t", [], 1, Registry([Fixed]))["rows"]
    assert row["transformed"] == {"legacy_id": 1, "code": "1-a", "name": "x"}
    assert row["changed"] == ["code"]
