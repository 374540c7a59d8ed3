"""Groups of rows that are the same, against a plain count of the rows."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_project.hospital.legacy import make_legacy_hospital
from etl_assets.analysis.duplicates import Duplicates, duplicates
from etl_assets.analysis.groups import MOST_ROWS
from etl_assets.analysis.masking import MASK, Masker
from etl_assets.analysis.table import open_table
from etl_assets.exceptions import ConfigurationError, SourceError
from tests.databases import Database, Databases, Vendor, Workshop
from tests.legacy import execute, insert, make_table
from tests.mariadb import MariaDb, mariadb_server  # noqa: F401 - a fixture
from tests.samples.legacy import copy_to_postgres, sample

from .counting import rows_of

KEYS = {
    "table", "database", "columns", "group_count", "duplicate_count", "surplus_count", "null_rows", "groups",
}  # fmt: skip
Row = dict[str, Any]


@pytest.fixture
def legacy(databases: Databases, vendor: Vendor) -> Vendor:
    """An empty `legacy` of each vendor."""
    databases.fresh("legacy", vendor)
    return vendor


def found(table: str, columns: Sequence[str], limit: int = 50, **how: Any) -> Duplicates:
    with open_table(table, "legacy") as opened:
        return duplicates(opened, columns, limit, **how)


# The plain count


def same(value: Any) -> Any:
    return value


def folded(value: Any) -> Any:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value


def written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def counted(
    rows: Sequence[Row], columns: Sequence[str], fold: Callable[[Any], Any]
) -> tuple[dict[tuple[Any, ...], list[Row]], int]:
    """Collect, row by row, what has the same values, and count the rows that lack one."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    nulls = 0
    for row in rows:
        values = tuple(row[column] for column in columns)
        if None in values:
            nulls += 1
        else:
            groups[tuple(fold(value) for value in values)].append(row)
    return {values: members for values, members in groups.items() if len(members) > 1}, nulls


def assert_counted(
    result: Duplicates, rows: Sequence[Row], fold: Callable[[Any], Any] = same, limit: int = 50
) -> None:
    """Hold all that `duplicates` said against the rows of the table."""
    groups, nulls = counted(rows, result["columns"], fold)
    count = sum(map(len, groups.values()))
    assert (result["group_count"], result["duplicate_count"]) == (len(groups), count)
    assert (result["surplus_count"], result["null_rows"]) == (count - len(groups), nulls)
    largest = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))[:limit]
    assert [group["values"] for group in result["groups"]] == [
        dict(zip(result["columns"], map(written, values), strict=True)) for values, _ in largest
    ]
    for group, (_, members) in zip(result["groups"], largest, strict=True):
        assert group["count"] == len(members)
        assert group.get("rows_left_out", 0) == max(len(members) - MOST_ROWS, 0)
        expected = [{name: written(value) for name, value in row.items()} for row in members]
        assert len(group["rows"]) == min(len(members), MOST_ROWS)
        assert all(row in expected for row in group["rows"])
        if len(members) <= MOST_ROWS:
            assert sorted(map(repr, group["rows"])) == sorted(map(repr, expected))


# Real tables


def test_a_dirty_hospital(legacy: Vendor) -> None:
    make_legacy_hospital(1_500, seed=5)
    rows = rows_of("legacy_patients")
    for columns in (["ssn"], ["patient_id"], ["first_name", "last_name"], ["dept_id", "gender"], ["email"]):
        assert_counted(found("legacy_patients", columns), rows)
        assert_counted(found("legacy_patients", columns, ignore_case=True), rows, folded)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("samples")
    return {
        "employees": sample("employees.sqlite3.gz", folder / "employees.sqlite3"),
        "chinook": sample("chinook.sqlite", folder / "chinook.sqlite"),
    }


@pytest.fixture(scope="module")
def on_postgres(samples: dict[str, Path], workshop: Workshop) -> dict[str, Database]:
    made = {}
    for name, path in samples.items():
        made[name] = workshop.empty("postgresql")
        copy_to_postgres(path, made[name])
    return made


@pytest.mark.parametrize(
    ("name", "table", "columns"),
    [
        ("employees", "employee", ["first_name", "last_name"]),
        ("employees", "employee", ["birth_date"]),
        ("employees", "title", ["to_date"]),
        ("employees", "salary", ["amount", "from_date"]),
        ("chinook", "Track", ["Name"]),
        ("chinook", "Track", ["Composer", "GenreId"]),
        ("chinook", "InvoiceLine", ["UnitPrice", "Quantity"]),
        ("chinook", "Invoice", ["InvoiceDate"]),
        ("chinook", "Artist", ["Name"]),
    ],
)
def test_the_samples(
    name: str, table: str, columns: list[str], samples: dict[str, Path], vendor: Vendor,
    request: pytest.FixtureRequest, databases: Databases,
) -> None:  # fmt: skip
    if vendor == "postgresql":
        databases.connect("legacy", request.getfixturevalue("on_postgres")[name])
    else:
        databases.connect("legacy", Database.at(samples[name]))
    rows = rows_of(table)
    assert_counted(found(table, columns), rows)
    assert_counted(found(table, columns, ignore_case=True), rows, folded)


# Tables made up


VALUES = st.sampled_from(
    [
        None,
        "",
        " ",
        "a",
        "A",
        " a",
        "a  b",
        "A B",
        "ß",
        "SS",
        "é",
        "É",
        "e\u0301",
        "İ",
        "x%s",
        "\xa0a",
        "''\"",
    ]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(VALUES, st.sampled_from([None, 1, 2, 10])), max_size=25))
def test_random_tables_with_hostile_names(legacy: Vendor, rows: list[tuple[Any, ...]]) -> None:
    table, columns = 'x"; drop table y; --', ["first col%s", 'order"']
    make_table(quoted(table), {quoted(columns[0]): "text", quoted(columns[1]): "integer"}, rows)
    read = [dict(zip(columns, row, strict=True)) for row in rows]
    for chosen in (columns[:1], columns[::-1]):
        assert_counted(found(table, chosen), read)
        assert_counted(found(table, chosen, ignore_case=True), read, folded)


def quoted(name: str) -> str:
    """What Django's own quoting, which does not double quotes, takes as it is."""
    return '"' + name.replace('"', '""') + '"'


def test_a_view_and_a_table_without_a_key(legacy: Vendor) -> None:
    rows = [("b", 2), ("a", 1), ("a", 1), (None, 1), ("a", 1), ("b", 2)]
    make_table("t", {"x": "text", "y": "integer"}, rows)
    execute('CREATE VIEW "the view" AS SELECT y, x FROM t')
    for table in ("t", "the view"):
        for how in ({}, {"ignore_case": True}):
            result = found(table, ["x"], **how)
            assert [(one["values"], one["count"]) for one in result["groups"]] == [
                ({"x": "a"}, 3),
                ({"x": "b"}, 2),
            ]
            assert result["groups"][1]["rows"] == [{"x": "b", "y": 2}] * 2
            assert result["null_rows"] == 1


def test_rows_come_in_the_order_of_the_key(legacy: Vendor) -> None:
    make_table("t", {"id": "integer", "x": "text"}, [(3, "a"), (1, "A"), (2, "a")], primary_key="id")
    assert [row["id"] for row in found("t", ["x"])["groups"][0]["rows"]] == [2, 3]
    assert [row["id"] for row in found("t", ["x"], ignore_case=True)["groups"][0]["rows"]] == [1, 2, 3]


@pytest.mark.parametrize("how", [{}, {"ignore_case": True}, {"fuzzy": True}])
def test_no_duplicates_and_no_rows(legacy: Vendor, how: dict[str, bool]) -> None:
    make_table("t", {"x": "text"}, [])
    empty = {
        "table": "t", "database": "legacy", "columns": ["x"], "group_count": 0, "duplicate_count": 0,
        "surplus_count": 0, "null_rows": 0, "groups": [],
    }  # fmt: skip
    assert found("t", ["x"], **how) == empty
    insert("t", [("only",), (None,)])
    assert found("t", ["x"], **how) == {**empty, "null_rows": 1}


@pytest.mark.parametrize("how", [{}, {"ignore_case": True}, {"fuzzy": True}])
def test_the_limit_cuts_groups_and_not_counts(legacy: Vendor, how: dict[str, bool]) -> None:
    make_legacy_hospital(300, seed=5)
    everything, some = (found("legacy_patients", ["gender"], limit, **how) for limit in (50, 2))
    assert set(some) == KEYS
    assert some["groups"] == everything["groups"][:2]
    assert {**some, "groups": []} == {**everything, "groups": []}
    largest = some["groups"][0]
    assert largest["count"] > MOST_ROWS == len(largest["rows"])
    assert largest["rows_left_out"] == largest["count"] - MOST_ROWS
    assert json.loads(json.dumps(some)) == some


def test_any_type_of_postgresql_can_be_a_duplicate(databases: Databases) -> None:
    databases.fresh("legacy", "postgresql")
    columns = {
        "j": "json", "b": "jsonb", "a": "integer[]", "p": "point", "raw": "bytea", "n": "numeric",
        "f": "real", "at": "timestamptz", "d": "date", "c": "char(4)", "i": "interval", "u": "uuid",
        "day": "time", "yes": "boolean",
    }  # fmt: skip
    row = (
        '{"a": 1}', '{"a": 1}', [1, 2], "(1,2)", b"\0\xff", "1.0",
        0.1, "2024-03-31 01:30+02", "2024-01-01", "ab", "1 mon", "12345678123456781234567812345678",
        "12:00", True,
    )  # fmt: skip
    make_table("t", columns, [row, row, [None] * len(row)])
    for column in columns:
        for how in ({}, {"ignore_case": True}):
            result = found("t", [column], **how)
            assert (result["group_count"], result["null_rows"]) == (1, 1), column
            assert len(result["groups"][0]["rows"]) == 2
            json.dumps(result)
    assert found("t", list(columns))["duplicate_count"] == 2


@pytest.mark.parametrize("how", [{}, {"ignore_case": True}])
def test_three_hundred_columns_are_compared(legacy: Vendor, how: dict[str, bool]) -> None:
    names = [f"c{number}" for number in range(300)]
    rows = [tuple(f"{row // 2}/{number}" for number in range(300)) for row in range(6)]
    make_table("wide", dict.fromkeys(names, "varchar(9)"), rows)
    result = found("wide", names, **how)
    assert (result["group_count"], result["duplicate_count"], result["null_rows"]) == (3, 6, 0)


def test_the_collation_does_not_matter(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT COLLATE NOCASE)")
    insert("t", [(1, "a"), (2, "A"), (3, "a"), (4, "B"), (5, "B"), (6, "B"), (7, "b"), (8, "A")])
    assert_counted(found("t", ["x"]), rows_of("t"))


def test_sqlite_holds_any_type_in_any_column(databases: Databases) -> None:
    path = Path(databases.fresh("legacy", "sqlite").name)
    values = [1, 1.0, "1", "1", b"1", b"1", 2.5, 2.5, "x", None]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (x)")
        database.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
        # Latin-1, as an old program wrote it
        database.executemany("INSERT INTO t VALUES (CAST(? AS TEXT))", [(b"M\xfcller",)] * 2)
    result = found("t", ["x"])
    assert (result["group_count"], result["duplicate_count"], result["null_rows"]) == (5, 10, 1)
    assert all(group["count"] == len(group["rows"]) == 2 for group in result["groups"])


def test_mariadb_tells_all_characters_apart(mariadb_server: MariaDb, databases: Databases) -> None:  # noqa: F811
    database = mariadb_server.create()
    databases.connect("legacy", database)
    try:
        day = dt.date(2024, 1, 1)
        rows = [
            (1, "a", "1.50", b"x", day),
            (2, "A", "1.50", b"X", day),
            (3, "a ", "2.50", b"x", None),
            (4, "a", "1.50", b"x", day),
            (5, None, None, None, None),
        ]
        columns = {
            "id": "integer",
            "x": "varchar(20)",
            "n": "decimal(10, 2)",
            "b": "varbinary(9)",
            "d": "date",
        }
        make_table("t", columns, rows, primary_key="id")
        for chosen, ids in ((["x"], [1, 4]), (["n"], [1, 2, 4]), (["b"], [1, 3, 4]), (["d", "x"], [1, 4])):
            result = found("t", chosen)
            assert result["group_count"] == 1, chosen
            assert [row["id"] for row in result["groups"][0]["rows"]] == ids
        assert found("t", ["x"], ignore_case=True)["duplicate_count"] == 4
        assert found("t", ["x"], fuzzy=True)["null_rows"] == 1
    finally:
        connections["legacy"].close()
        mariadb_server.drop(database)


# Sensitive values, and mistakes


@pytest.mark.parametrize("how", [{}, {"ignore_case": True}, {"fuzzy": True}])
def test_sensitive_values_are_masked_and_counts_stay_true(legacy: Vendor, how: dict[str, bool]) -> None:
    make_table("t", {"id": "integer", "ssn": "text"}, [(1, "078-05-1120"), (2, "078-05-1120"), (3, "x")])
    result = found("t", ["ssn"], masker=Masker({"ssn"}), **how)
    assert (result["group_count"], result["duplicate_count"]) == (1, 2)
    assert result["groups"][0]["values"] == {"ssn": MASK}
    assert result["groups"][0]["rows"] == [{"id": 1, "ssn": MASK}, {"id": 2, "ssn": MASK}]
    assert "078" not in json.dumps(result)


def test_mistakes_are_said(legacy: Vendor) -> None:
    make_table("t", {"email": "text"}, [])
    with pytest.raises(SourceError, match=r"no column 'emial'.* Did you mean 'email'\?"):
        found("t", ["emial"])
    with pytest.raises(ConfigurationError, match="--columns"):
        found("t", [])
    with pytest.raises(ConfigurationError, match="'email' was given twice"):
        found("t", ["email", "email"])
    with pytest.raises(ConfigurationError, match="limit of 0"):
        found("t", ["email"], limit=0)


def test_nothing_is_written(databases: Databases) -> None:
    path = Path(databases.fresh("legacy", "sqlite").name)
    make_legacy_hospital(200, seed=5)
    connections["legacy"].close()
    before = path.read_bytes()
    for how in ({}, {"ignore_case": True}, {"fuzzy": True}):
        found("legacy_patients", ["first_name", "last_name"], **how)
    assert path.read_bytes() == before
