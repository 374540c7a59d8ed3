"""`analyze`, number by number, beside a plain count of the rows."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import ftfy
import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl_assets import Transformer, col, key
from etl_assets.analysis import store
from etl_assets.analysis.masking import MASK, Masker
from etl_assets.analysis.profile import analyze
from etl_assets.analysis.table import open_table
from etl_assets.engine.verbs.text import WHITE_SPACE
from etl_assets.exceptions import SourceError
from etl_assets.registry import Registry, discover
from tests.databases import Database, Databases, Vendor, Workshop
from tests.integration.analysis.counting import assert_counted, codes, issue, profiled, rows_of
from tests.legacy import execute, make_table
from tests.samples.legacy import copy_to_postgres, sample

KEYS = {
    "table", "database", "row_count", "column_count", "quality_score", "score_breakdown", "type_distribution",
    "columns", "issues",
}  # fmt: skip
COLUMN_KEYS = {
    "type", "inferred_type", "null_count", "null_percent", "empty_count", "distinct_count", "unique_percent",
    "min", "max", "top_values", "formats", "histogram", "issues",
}  # fmt: skip


@pytest.fixture
def legacy(databases: Databases, vendor: Vendor) -> Vendor:
    """An empty `legacy` of each vendor."""
    databases.fresh("legacy", vendor)
    return vendor


@pytest.fixture(scope="module")
def hospital_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hospital") / "legacy.sqlite3"


@pytest.fixture
def hospital(databases: Databases, vendor: Vendor) -> Vendor:
    """A dirty hospital of 1,500 patients."""
    databases.fresh("legacy", vendor)
    call_command("make_legacy_hospital", patients=1_500, seed=5, verbosity=0)
    return vendor


# The hospital


def test_numbers_of_the_hospital(hospital: Vendor) -> None:
    for table in ("legacy_departments", "legacy_patients", "legacy_appointments"):
        profile = profiled(table)
        assert set(profile) == KEYS
        assert all(set(column) == COLUMN_KEYS for column in profile["columns"].values())
        assert_counted(profile, rows_of(table))
        assert sum(profile["type_distribution"].values()) == profile["column_count"]


def test_dirt_of_the_hospital(hospital: Vendor) -> None:
    """Each finding's count is the one a row loop gives."""
    profile, rows = profiled("legacy_patients"), rows_of("legacy_patients")

    def count(column: str, test) -> int:
        return sum(1 for row in rows if row[column] is not None and test(row[column]))

    stray = count("address", lambda text: text.strip() and " ".join(text.split()) != text)
    assert issue(profile, "stray_spaces", "address")["count"] == stray > 0
    misread = count("last_name", lambda text: ftfy.fix_encoding(text) != text)
    assert issue(profile, "mojibake", "last_name")["count"] == misread > 0
    nothing = count("date_of_birth", lambda text: text.strip() in ("N/A", "0000-00-00"))
    assert issue(profile, "placeholder", "date_of_birth")["count"] == nothing > 0
    born = [
        row["date_of_birth"].strip()
        for row in rows
        if row["date_of_birth"] not in (None, "N/A", "0000-00-00")
    ]
    read = [text for text in born if is_date(text, "%d/%m/%Y") or is_date(text, "%Y-%m-%d")]
    assert issue(profile, "date_as_text", "date_of_birth")["count"] == len(read)
    assert issue(profile, "impossible_date", "date_of_birth")["count"] == len(born) - len(read) > 0
    iso = sum(is_date(text, "%Y-%m-%d") for text in born)
    assert issue(profile, "mixed_formats", "date_of_birth")["count"] == iso > 0
    parents = {row["dept_id"] for row in rows_of("legacy_departments")}
    orphans = count("dept_id", lambda number: number not in parents)
    assert issue(profile, "orphan", "dept_id")["count"] == orphans > 0
    blank = count("email", lambda text: text and not text.strip())
    assert issue(profile, "blank", "email")["count"] == blank > 0


def is_date(text: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(text, pattern)  # noqa: DTZ007
    except ValueError:
        return False
    return True


def test_case_variants_of_the_hospital(hospital: Vendor) -> None:
    spellings = Counter(row["first_name"] for row in rows_of("legacy_patients"))
    groups: dict[str, list[int]] = {}
    for name, rows in spellings.items():
        groups.setdefault(name.lower(), []).append(rows)
    rarer = sum(sum(rows) - max(rows) for rows in groups.values())
    assert issue(profiled("legacy_patients"), "case_variants", "first_name")["count"] == rarer > 0


def test_suggestions_can_be_pasted(hospital: Vendor) -> None:
    for table in ("legacy_departments", "legacy_patients", "legacy_appointments"):
        profile = profiled(table, registry=discover(["django_project.hospital.transformers"]))
        for one in profile["issues"]:
            if one["suggestion"].startswith(("col(", "key(", "link(")):
                ast.parse(one["suggestion"])
            assert one["message"].endswith(".")


def test_values_that_do_not_fit_the_hospitals_models(hospital: Vendor) -> None:
    profile = profiled("legacy_patients", registry=discover(["django_project.hospital.transformers"]))
    rows = rows_of("legacy_patients")
    too_long = sum(len(" ".join(ftfy.fix_encoding(row["last_name"]).split()).title()) > 60 for row in rows)
    found = issue(profile, "does_not_fit", "last_name")
    assert found["count"] == too_long > 0
    assert found["suggestion"] == 'col("last_name").truncate(60)'
    wrong = sum(not re.fullmatch(r"[A-Z]{2}\d{6}", row["hosp_no"].strip().upper()) for row in rows)
    assert issue(profile, "does_not_fit", "hosp_no")["count"] == wrong > 0


def test_sensitive_values_are_masked(hospital: Vendor) -> None:
    with open_table("legacy_patients", "legacy") as table:
        profile = analyze(table, registry=Registry([]))
    column = profile["columns"]["ssn"]
    assert column["min"] == column["max"] == MASK
    assert {one["value"] for one in column["top_values"]} == {MASK}
    assert {one["example"] for one in column["formats"]} == {MASK}
    numbers = [row["ssn"] for row in rows_of("legacy_patients") if row["ssn"] and row["ssn"] != "N/A"]
    assert not any(number in str(profile) for number in numbers)
    assert "sensitive" in codes(profile, "ssn")
    assert column["distinct_count"] == len({row["ssn"] for row in rows_of("legacy_patients")} - {None})


def test_words_and_signs_of_a_sensitive_column_are_masked(legacy: Vendor) -> None:
    """Its truth values are values, and so are the signs in its formats; those of others are shown."""
    rows = [(number, "jn"[number % 2], "٣!x 4-2" if number % 3 else "ab") for number in range(60)]
    make_table("t", {"id": "integer", "flag": "varchar(9)", "code": "varchar(9)"}, rows)
    profiles = {}
    for covered in ({"flag", "code"}, set()):
        with open_table("t", "legacy") as table:
            profiles[bool(covered)] = analyze(table, masker=Masker(covered), registry=Registry([]))
    assert issue(profiles[True], "boolean_as_text", "flag")["message"] == (
        "The values mean true (***) and false (***)."
    )
    assert issue(profiles[True], "boolean_as_text", "flag")["suggestion"] == (
        'col("flag").upper().boolean(true=(...,), false=(...,))'
    )
    assert '("J",)' in issue(profiles[False], "boolean_as_text", "flag")["suggestion"]
    patterns = {
        masked: [one["pattern"] for one in profile["columns"]["code"]["formats"]]
        for masked, profile in profiles.items()
    }
    assert patterns == {True: ["**a 9-9", "aa"], False: ["٣!a 9-9", "aa"]}


def test_content_makes_a_column_sensitive(legacy: Vendor) -> None:
    cards = ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"]
    make_table("paid", {"id": "integer", "remark": "varchar(40)"}, list(enumerate(cards)))
    with open_table("paid", "legacy") as table:
        profile = analyze(table, registry=Registry([]))
        shown = analyze(table, masker=Masker.for_table(table, show=True), registry=Registry([]))
    assert not any(card in str(profile) for card in cards)
    assert cards[0] in str(shown)


# The samples


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("samples")
    return {
        "employees": sample("employees.sqlite3.gz", folder / "employees.sqlite3"),
        "chinook": sample("chinook.sqlite", folder / "chinook.sqlite"),
    }


@pytest.fixture(scope="module")
def on_postgres(samples: dict[str, Path], workshop: Workshop) -> dict[str, Database]:
    found = {}
    for name, path in samples.items():
        found[name] = workshop.empty("postgresql")
        copy_to_postgres(path, found[name])
    return found


@pytest.mark.parametrize("name", ["employees", "chinook"])
def test_numbers_of_the_samples(
    name: str,
    samples: dict[str, Path],
    databases: Databases,
    vendor: Vendor,
    request: pytest.FixtureRequest,
) -> None:
    postgres = request.getfixturevalue("on_postgres") if vendor == "postgresql" else {}
    databases.connect("legacy", postgres[name] if postgres else Database.at(samples[name]))
    for table in connections["legacy"].introspection.table_names():
        assert_counted(profiled(table), rows_of(table))


def test_what_the_samples_are(samples: dict[str, Path], databases: Databases) -> None:
    databases.connect("legacy", Database.at(samples["employees"]))
    profile = profiled("dept_emp")
    ends = [row["to_date"] for row in rows_of("dept_emp")]
    assert issue(profile, "placeholder", "to_date")["count"] == ends.count("9999-01-01") > 0
    assert 'null_if("9999-01-01")' in issue(profile, "placeholder", "to_date")["suggestion"]
    assert "foreign_key" in codes(profile, "dept_no")
    assert "orphan" not in codes(profile, "dept_no")
    assert [one["code"] for one in profile["issues"] if one["column"] is None] == ["candidate_key"]


# Kinds of dirt


def rows_with(dirty: object, rows: int = 60) -> list[tuple[int, object]]:
    """Clean rows and one that is not."""
    return [(number, f"Value {chr(65 + number % 26)}") for number in range(rows - 1)] + [(rows, dirty)]


@pytest.mark.parametrize(
    ("dirty", "code", "verb"),
    [
        (None, "null", "required()"),
        ("", "empty", 'null_if("")'),
        ("   ", "blank", "strip()"),
        ("N/A", "placeholder", 'null_if("N/A")'),
        ("-", "placeholder", 'null_if("-")'),
        ("Value A ", "stray_spaces", "strip()"),
        ("Value  A", "stray_spaces", "collapse_spaces()"),
        ("Value\N{NO-BREAK SPACE}A", "stray_spaces", "collapse_spaces()"),
        ("VALUE A", "case_variants", "title()"),
        ("MÃ¼ller", "mojibake", "fix_encoding()"),
        ("M\ufffdller", "replacement_character", "matches("),
        ("Val\x07ue", "control_character", "replace("),
    ],
)
def test_each_kind_of_dirt_is_found_and_lowers_the_score(
    legacy: Vendor, dirty: str | None, code: str, verb: str
) -> None:
    columns = {"id": "integer", "name": "varchar(40)"}
    make_table("tidy", columns, rows_with("Value Q"))
    make_table("untidy", columns, rows_with(dirty))
    clean, dirtied = profiled("tidy"), profiled("untidy")
    assert codes(clean, "name") == set()
    assert issue(dirtied, code, "name")["count"] == 1
    assert verb in issue(dirtied, code, "name")["suggestion"]
    assert dirtied["quality_score"] < clean["quality_score"]
    for profile in (clean, dirtied):
        assert sum(profile["score_breakdown"].values()) == pytest.approx(profile["quality_score"], abs=1e-9)


def test_nul_bytes(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    make_table("untidy", {"id": "integer", "name": "text"}, rows_with("Val\x00ue"))
    found = issue(profiled("untidy"), "nul_byte", "name")
    assert found["count"] == 1
    assert found["suggestion"] == 'col("name").replace("\\x00", "")'
    assert_counted(profiled("untidy"), rows_of("untidy"))


@pytest.mark.parametrize(
    ("values", "inferred", "verbs"),
    [
        (["1", "-22", "+333"], "integer", ".integer()"),
        (["1.5", "22", ".25"], "decimal", ".decimal(2)"),
        (["1,234.50", "22.00"], "decimal", '.replace(",", "").decimal(2)'),
        (["1,5", "22,25"], "decimal", '.replace(",", ".").decimal(2)'),
        (["£12.50", "£3.00"], "decimal", '.replace("£", "").decimal(2)'),
        (["007", "012"], "text", None),
        (["Y", "N", "y"], "boolean", '.upper().boolean(true=("Y",), false=("N",))'),
        (["31/12/1999", "01/02/2003"], "date", '.date("%d/%m/%Y")'),
        (["12/31/1999", "01/02/2003"], "date", '.date("%m/%d/%Y")'),
        (["31.12.99", "1.2.03"], "date", '.date("%d.%m.%y")'),
        (["31-Dec-1999", "01-FEB-2003"], "date", '.date("%d-%b-%Y")'),
        (["19991231", "20030201"], "date", '.date("%Y%m%d")'),
        (["1999-12-31 23:59", "2003-02-01 00:10"], "datetime", '.datetime("%Y-%m-%d %H:%M")'),
        (["1999-12-31T23:59:01+01:00"], "datetime", '.datetime("%Y-%m-%dT%H:%M:%S%z")'),
        (["a@b.org", "c.d@e.example"], "email", None),
        (["12345678-1234-1234-1234-1234567890ab"], "uuid", None),
    ],
)
def test_types_that_text_stands_for(
    legacy: Vendor, values: list[str], inferred: str, verbs: str | None
) -> None:
    make_table("texts", {"v": "varchar(60)"}, [(value,) for value in values])
    profile = profiled("texts")
    assert profile["columns"]["v"]["inferred_type"] == inferred
    if verbs is not None:
        assert f'col("v"){verbs}' in {one["suggestion"] for one in profile["issues"]}


def test_dates_that_are_nearly_all_different_are_no_key(legacy: Vendor) -> None:
    days = [f"{1 + day % 28:02}/{1 + day // 28:02}/1999" for day in range(100)]
    rows = [(day, text, text) for text, day in zip(days, range(100), strict=True)]
    make_table("t", {"code": "integer", "born": "varchar(10)", "text": "varchar(10)"}, [*rows, rows[0]])
    execute("UPDATE t SET text = 'x' || code WHERE code > 0")
    profile = profiled("t")
    assert issue(profile, "almost_unique", "code")["count"] == 1
    assert "almost_unique" in codes(profile, "text")
    assert "almost_unique" not in codes(profile, "born")


def test_unique_but_for_case(legacy: Vendor) -> None:
    make_table("codes", {"v": "varchar(9)"}, [("AB",), ("ab",), ("CD",)])
    assert issue(profiled("codes"), "unique_but_for_case", "v")["count"] == 1


def test_constant_columns_and_columns_of_nothing(legacy: Vendor) -> None:
    make_table(
        "flat", {"a": "integer", "b": "varchar(5)", "c": "integer"}, [(n, "x", None) for n in range(3)]
    )
    profile = profiled("flat")
    assert issue(profile, "constant", "b")["count"] == 3
    assert issue(profile, "always_null", "c")["count"] == 3
    assert issue(profile, "candidate_key", "a")["suggestion"] == 'key("a")'


def test_outliers_and_histogram(legacy: Vendor) -> None:
    ages = [*range(20, 70)] * 2 + [950]
    make_table("people", {"age": "integer"}, [(age,) for age in ages])
    profile = profiled("people")
    found = issue(profile, "outlier", "age")
    assert found["count"] == 1
    assert found["suggestion"] == 'col("age").between(20, 69, severity="warning")'
    bins = profile["columns"]["age"]["histogram"]
    for place, one in enumerate(bins):
        last = place == len(bins) - 1
        there = [
            age for age in ages if one["low"] <= age and (age < one["high"] or (last and age == one["high"]))
        ]
        assert one["count"] == len(there)
    assert sum(one["count"] for one in bins) == len(ages)


def test_two_columns_that_are_a_key_together(legacy: Vendor) -> None:
    rows = [(a, b) for a in range(5) for b in range(6)]
    make_table("grid", {"a": "integer", "b": "integer"}, rows)
    assert (
        issue(profiled("grid"), "candidate_key", None)["message"] == "'a' and 'b' identify each row together."
    )


def test_formats_are_counted_and_have_examples(legacy: Vendor) -> None:
    values = ["AB123", "CD456", "ab-1", " AB123", "É9"]
    make_table("codes", {"v": "varchar(9)"}, [(value,) for value in values])
    found = {
        one["pattern"]: (one["count"], one["example"]) for one in profiled("codes")["columns"]["v"]["formats"]
    }
    assert found == {"AA999": (2, "AB123"), "aa-9": (1, "ab-1"), " AA999": (1, " AB123"), "A9": (1, "É9")}


class Narrow(Transformer):
    class Meta:
        source = "people"
        model = "hospital.Department"

    legacy_id = key("id")
    code = col("code")
    name = col("name")
    opened_on = col("opened").date("%d/%m/%Y")
    is_active = col("active").boolean()


def test_each_reason_for_not_fitting(databases: Databases, vendor: Vendor) -> None:
    databases.fresh("legacy", vendor)
    databases.fresh("default", "sqlite", migrated=True)
    columns = {"id": "integer", "code": "varchar(30)", "name": "text", "opened": "text", "active": "text"}
    rows = [
        (1, "AB", "Ward 1", "01/02/1990", "Y"),
        (2, "MUCH TOO LONG", "Ward 2", "31/02/1990", "maybe"),
        (-3, None, "Ward 3", None, None),
    ]
    make_table("people", columns, rows)
    profile = profiled("people", registry=Registry([Narrow]))
    messages = [one["message"] for one in profile["issues"] if one["code"] == "does_not_fit"]
    assert messages == [
        "1 rows will not fit Department.legacy_id (range), such as -3.",
        '1 rows will not fit Department.code (max_length), such as "MUCH TOO LONG".',
        "1 rows will not fit Department.code (null), such as null.",
        '1 rows will not fit Department.opened_on (date), such as "31/02/1990".',
        '1 rows will not fit Department.is_active (boolean), such as "maybe".',
        "1 rows will not fit Department.is_active (null), such as null.",
    ]


def test_parents_that_a_column_is_named_after(legacy: Vendor) -> None:
    """A table without a primary key, whose name is written in full, and one whose key is `id`."""
    make_table("old_departments", {"dept_id": "integer"}, [(10,), (20,), (30,)])
    make_table("Wards", {"id": "integer"}, [(1,), (2,)], primary_key="id")
    make_table("beds", {"dept_id": "integer", "ward_id": "integer"}, [(10, 1), (20, 2), (30, 1), (None, 2)])
    profile = profiled("beds")
    assert "old_departments.dept_id: 3 of 3" in issue(profile, "foreign_key", "dept_id")["message"]
    assert "Wards.id: 2 of 2" in issue(profile, "foreign_key", "ward_id")["message"]
    assert issue(profile, "foreign_key", "dept_id")["count"] == 3
    assert "orphan" not in codes(profile, "dept_id") | codes(profile, "ward_id")


# Odd tables


def test_an_empty_table(legacy: Vendor) -> None:
    make_table("nothing", {"id": "integer", "v": "varchar(9)"}, [])
    profile = profiled("nothing")
    assert_counted(profile, [])
    assert profile["quality_score"] == 100
    assert codes(profile, None) == {"empty_table"}


def test_hostile_names(legacy: Vendor) -> None:
    table, column = 'x"; drop table y; --', "select %s \"'; größe"
    make_table("y", {"id": "integer"}, [(1,)])
    written = [name.replace('"', '""').replace("%", "%%") for name in (table, column)]
    with connections["legacy"].cursor() as cursor:
        cursor.execute('CREATE TABLE "{}" ("{}" varchar(9), "order" integer)'.format(*written), ())
        cursor.execute('INSERT INTO "{}" VALUES (%s, %s), (%s, %s)'.format(*written), ("a", 1, "b", 2))
    assert_counted(profiled(table), rows_of(table))
    assert rows_of("y") == [{"id": 1}]
    with open_table(table, "legacy") as opened, pytest.raises(SourceError, match="has no column 'nope'"):
        analyze(opened, ["nope"], registry=Registry([]))


def test_a_view_and_chosen_columns(legacy: Vendor) -> None:
    make_table("y", {"id": "integer", "v": "varchar(9)"}, [(1, "a"), (2, "b")])
    execute("CREATE VIEW seen AS SELECT id, v FROM y")
    profile = profiled("seen", ["v"])
    assert list(profile["columns"]) == ["v"]
    assert_counted(profile, rows_of("seen"))


def test_three_hundred_columns(databases: Databases) -> None:
    databases.fresh("legacy", "postgresql")
    columns = {f"c{number}": "integer" if number % 6 else "varchar(9)" for number in range(300)}
    rows = [
        tuple(row * number if number % 6 else f"{row}/{number}" for number in range(300)) for row in range(3)
    ]
    make_table("wide", columns, rows)
    assert_counted(profiled("wide"), rows_of("wide"))


def test_every_type_of_postgres(databases: Databases) -> None:
    database = databases.fresh("legacy", "postgresql")
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "CREATE TABLE odd (b bytea, j jsonb, a int[], t timestamptz, n numeric, m numeric(12, 3), d date,"
            " f real, g point, i interval, u uuid, x boolean, c time)"
        )
        connection.execute(
            "INSERT INTO odd VALUES ('\\x00ff', '{\"a\": 1}', '{1,2}', '2020-01-01 12:00+02', 1.50, 1.250,"
            " '2020-02-29', 0.1, '(1,2)', '1 day', '12345678-1234-1234-1234-1234567890ab', true, '12:30'),"
            " ('\\x01', '[]', '{}', '2021-01-01', 1.5, 7, 'infinity', 'NaN', '(3,4)', '2 days',"
            " NULL, false, NULL)"
        )
    profile = profiled("odd")
    columns = profile["columns"]
    ends = {name: (one["min"], one["max"], one["distinct_count"]) for name, one in columns.items()}
    assert ends["b"] == ("\\x00ff", "\\x01", 2)
    assert ends["t"] == ("2020-01-01T10:00:00+00:00", "2021-01-01T00:00:00+00:00", 2)
    assert ends["n"] == (1.5, 1.5, 1)
    assert ends["m"] == (1.25, 7.0, 2)
    assert ends["x"] == (False, True, 2)
    assert ends["c"] == ("12:30:00", "12:30:00", 1)
    kinds = {name: one["inferred_type"] for name, one in columns.items()}
    assert (kinds["j"], kinds["a"], kinds["u"], kinds["b"], kinds["t"]) == (
        "json", "array", "uuid", "binary", "datetime",
    )  # fmt: skip


@pytest.mark.parametrize("rows_at_once", [1, 2, 20_000])
def test_sqlite_columns_that_hold_anything(
    databases: Databases, rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a value becomes must not depend on which other rows were read with it."""
    monkeypatch.setattr(store, "MOST_ROWS", rows_at_once)
    databases.fresh("legacy", "sqlite")
    execute("CREATE TABLE odd (a NUMERIC, b, c INTEGER, d BLOB)")
    execute(
        "INSERT INTO odd VALUES (7, 7, 1, x'00ff'), (7.5, 'seven', 'one', 'text'), (NULL, NULL, NULL, NULL)"
    )
    columns = profiled("odd")["columns"]
    assert (columns["a"]["min"], columns["a"]["max"]) == (7, 7.5)
    assert (columns["b"]["min"], columns["b"]["max"]) == ("7", "seven")
    assert (columns["c"]["min"], columns["c"]["max"]) == ("1", "one")
    assert columns["d"]["distinct_count"] == 2


# Any table

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["N/A", "-", "12", "1.5", "31/02/1999", "01/02/1999", "Ab", "ab", " a ", "0000-00-00", "É", "é"]
)
TABLES = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | TEXTS,
        st.none() | TEXTS,
    ),
    max_size=12,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=TABLES, rows_at_once=st.sampled_from([1, 3, 20_000]))
def test_any_table(legacy: Vendor, rows: list[tuple], rows_at_once: int) -> None:
    if legacy == "postgresql":
        rows = [tuple(v.replace("\x00", "") if isinstance(v, str) else v for v in row) for row in rows]
    types = {"i": "bigint", "f": "double precision", "s": "text", "t": "text"}
    make_table("anything", types, rows)
    with patch.object(store, "MOST_ROWS", rows_at_once):
        profile = profiled("anything")
    assert_counted(profile, rows_of("anything"))
    assert 0 <= profile["quality_score"] <= 100
    assert sum(profile["score_breakdown"].values()) == pytest.approx(profile["quality_score"], abs=1e-9)
    for column in ("s", "t"):
        texts = [row[column] for row in rows_of("anything") if row[column] is not None]
        blank = sum(1 for text in texts if text and not text.strip(WHITE_SPACE))
        found = [
            one["count"] for one in profile["issues"] if (one["code"], one["column"]) == ("blank", column)
        ]
        assert sum(found) == blank
