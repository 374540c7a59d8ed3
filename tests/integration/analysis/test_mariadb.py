"""A MariaDB table analyzed, searched for duplicates and previewed, beside a plain count of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from etl_assets.analysis.duplicates import duplicates
from etl_assets.analysis.masking import Masker
from etl_assets.analysis.preview import preview
from etl_assets.analysis.table import open_table
from tests.databases import Databases
from tests.integration.analysis.counting import assert_counted, codes, issue, profiled
from tests.mariadb import MariaDb, mariadb_server  # noqa: F401 - a fixture

TABLE = "old `people` 100%s"
QUOTED = "`old ``people`` 100%s`"


@pytest.fixture
def people(mariadb_server: MariaDb, databases: Databases) -> Iterator[list[dict[str, Any]]]:  # noqa: F811
    """The rows of a dirty table, as the driver gives them."""
    database = mariadb_server.create()
    databases.connect("legacy", database)
    mariadb_server.execute(
        "SET SESSION sql_mode = '', SESSION foreign_key_checks = 0",
        "CREATE TABLE wards (number int unsigned PRIMARY KEY, name varchar(20))",
        "INSERT INTO wards VALUES (1, 'North'), (2, 'South')",
        f"CREATE TABLE {QUOTED} (id bigint unsigned PRIMARY KEY, name varchar(30), born varchar(10),"
        " ward int unsigned, weight decimal(6, 2), active tinyint(1), seen datetime,"
        " FOREIGN KEY (ward) REFERENCES wards (number))",
        f"INSERT INTO {QUOTED} VALUES (1, 'Ann ', '31/01/1990', 1, 61.50, 1, '2020-01-02 03:04:05'),"
        " (2, 'ann', '01/02/1991', 2, 61.50, 0, NULL), (3, 'Bob', 'N/A', 99, NULL, 1, '2021-05-06 00:00:00'),"
        " (4, 'MÃ¼ller', '30/02/1990', NULL, 80, 1, '2021-05-06 00:00:00'), (5, 'ann', '', 2, 70, 1, NULL)",
        database=database.name,
    )
    with mariadb_server.connect(database=database.name) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {QUOTED} ORDER BY id")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    yield rows
    mariadb_server.drop(database)


def test_analyze(people: list[dict[str, Any]]) -> None:
    profile = profiled(TABLE)
    assert_counted(profile, people)
    assert issue(profile, "mojibake", "name")["count"] == 1
    assert issue(profile, "impossible_date", "born")["count"] == 1
    assert issue(profile, "date_as_text", "born")["count"] == 2
    assert "candidate_key" in codes(profile, "id")


def test_a_declared_key_with_orphans(people: list[dict[str, Any]]) -> None:
    profile = profiled(TABLE)
    found = issue(profile, "foreign_key", "ward")
    assert found["message"] == "Is declared to refer to wards.number: 2 of 3 values stand there."
    orphans = [row for row in people if row["ward"] not in (None, 1, 2)]
    assert issue(profile, "orphan", "ward")["count"] == len(orphans) == 1


@pytest.mark.parametrize("ignore_case", [False, True])
def test_duplicates(people: list[dict[str, Any]], ignore_case: bool) -> None:
    with open_table(TABLE, "legacy") as table:
        found = duplicates(table, ["name"], ignore_case=ignore_case)
    names = [row["name"].strip().lower() if ignore_case else row["name"] for row in people]
    groups = {name: count for name, count in Counter(names).items() if count > 1}
    assert {group["values"]["name"]: group["count"] for group in found["groups"]} == groups
    assert found["surplus_count"] == sum(groups.values()) - len(groups)
    assert [row["id"] for row in found["groups"][0]["rows"]] == ([1, 2, 5] if ignore_case else [2, 5])


def test_preview_by_the_suggested_verbs(people: list[dict[str, Any]]) -> None:
    with open_table(TABLE, "legacy") as table:
        found = preview(table, ["id", "name", "born"], 5, Masker(show=True))
    assert [row["original"] for row in found["rows"]] == [
        {name: row[name] for name in ("id", "name", "born")} for row in people
    ]
    assert [row["transformed"]["name"].strip() for row in found["rows"]][3] == "Müller"
    assert "fix_encoding()" in {one["verb"] for one in found["suggestions"]["name"]}
