"""Foreign keys, declared and probable, and the rows whose parent is missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connections

from tests.databases import Database, Databases, Vendor
from tests.integration.analysis.counting import codes, issue, profiled, rows_of
from tests.legacy import execute, make_table
from tests.samples.legacy import sample

WARDS = [(1, "North"), (2, "South"), (3, "East")]
BEDS = [(1, 1), (2, 1), (3, 3), (4, None), (5, 77), (6, 78)]
"""Two of them in wards that are not there."""


@pytest.fixture
def legacy(databases: Databases, vendor: Vendor) -> Vendor:
    databases.fresh("legacy", vendor)
    return vendor


def script(vendor: Vendor, statements: list[str]) -> None:
    """Carry statements out as an old program does: SQLite holds no row to a foreign key unless asked."""
    if vendor == "sqlite":
        with closing(sqlite3.connect(connections["legacy"].settings_dict["NAME"])) as database, database:
            for statement in statements:
                database.execute(statement)
    else:
        for statement in statements:
            execute(statement)


def make_beds(vendor: Vendor, *, rows: list[tuple[int, int | None]], column: str, check: bool = True) -> None:
    make_table("places", {"number": "integer", "name": "varchar(9)"}, WARDS, primary_key="number")
    kept = [f"({bed}, {'NULL' if ward is None else ward})" for bed, ward in rows]
    key = f"FOREIGN KEY ({column}) REFERENCES places (number)"
    if vendor == "sqlite":
        script(vendor, [f"CREATE TABLE beds (id integer PRIMARY KEY, {column} integer, {key})"])
        script(vendor, [f"INSERT INTO beds VALUES {', '.join(kept)}"])
    else:
        script(vendor, [f"CREATE TABLE beds (id integer PRIMARY KEY, {column} integer)"])
        script(vendor, [f"INSERT INTO beds VALUES {', '.join(kept)}"])
        script(vendor, [f"ALTER TABLE beds ADD CONSTRAINT beds_fk {key}{'' if check else ' NOT VALID'}"])


def test_a_declared_key_is_found_whatever_its_column_is_called(legacy: Vendor) -> None:
    make_beds(legacy, rows=BEDS[:4], column="stands_in")
    profile = profiled("beds")
    found = issue(profile, "foreign_key", "stands_in")
    assert found["message"] == "Is declared to refer to places.number: 2 of 2 values stand there."
    assert found["count"] == 3
    assert found["suggestion"] == 'link("places", "stands_in")'
    assert "orphan" not in codes(profile, "stands_in")


def test_orphans_of_a_declared_key_that_nobody_enforces(legacy: Vendor) -> None:
    """Most of the distinct values are wrong: a name alone would not have made it a foreign key."""
    make_beds(legacy, rows=BEDS, column="place_number", check=False)
    profile = profiled("beds")
    parents = {row["number"] for row in rows_of("places")}
    values = [row["place_number"] for row in rows_of("beds") if row["place_number"] is not None]
    orphans = [value for value in values if value not in parents]
    assert issue(profile, "orphan", "place_number")["count"] == len(orphans) == 2
    assert (
        issue(profile, "orphan", "place_number")["message"]
        == "2 rows refer to a row of places.number that does not exist."
    )
    found = issue(profile, "foreign_key", "place_number")
    assert found["message"] == "Is declared to refer to places.number: 2 of 4 values stand there."
    assert found["count"] == len(values) - len(orphans)


def test_a_key_within_its_own_table_and_one_of_nulls(legacy: Vendor) -> None:
    script(
        legacy,
        [
            "CREATE TABLE staff (id integer PRIMARY KEY, boss integer REFERENCES staff (id),"
            " deputy integer REFERENCES staff (id))",
            "INSERT INTO staff VALUES (1, NULL, NULL), (2, 1, NULL), (3, 1, NULL)",
        ],
    )
    profile = profiled("staff")
    message = issue(profile, "foreign_key", "boss")["message"]
    assert message == "Is declared to refer to staff.id: 1 of 1 values stand there."
    assert issue(profile, "foreign_key", "deputy")["message"] == "Is declared to refer to staff.id."


def test_a_key_of_several_columns(legacy: Vendor) -> None:
    rows = [("A", 1), ("A", 2), ("A", 2), (None, 2), ("B", None), ("B", 2)]
    make_table(
        "rooms", {"wing": "varchar(3)", "room": "integer"}, [("A", 1), ("A", 2), ("B", 1)],
        primary_key=("wing", "room"),
    )  # fmt: skip
    key = "FOREIGN KEY (wing, room) REFERENCES rooms (wing, room)"
    columns = "wing varchar(3), room bigint"
    values = ", ".join(f"({wing!r}, {room})".replace("None", "NULL") for wing, room in rows)
    if legacy == "sqlite":
        script(legacy, [f"CREATE TABLE visits ({columns}, {key})", f"INSERT INTO visits VALUES {values}"])
    else:
        script(legacy, [f"CREATE TABLE visits ({columns})", f"INSERT INTO visits VALUES {values}"])
        script(legacy, [f"ALTER TABLE visits ADD CONSTRAINT two {key} NOT VALID"])
    profile = profiled("visits")
    found = issue(profile, "foreign_key", None)
    assert found["message"] == "'wing' and 'room' are declared to refer to rooms (wing, room) together."
    assert found["count"] == 3
    assert issue(profile, "orphan", None)["count"] == 1  # B 2
    assert sum(profile["score_breakdown"].values()) == pytest.approx(profile["quality_score"], abs=1e-9)
    assert "foreign_key" not in codes(profiled("visits", ["wing"]), None)


def test_keys_of_sqlite_that_leave_things_out(databases: Databases) -> None:
    """One that names no column means the primary key; one may refer to a table that is not there."""
    databases.fresh("legacy", "sqlite")
    make_table("places", {"number": "integer", "name": "varchar(9)"}, WARDS, primary_key="number")
    script(
        "sqlite",
        [
            "CREATE TABLE beds (a integer REFERENCES Places, b integer REFERENCES gone,"
            " c REFERENCES gone (x))",
            "INSERT INTO beds VALUES (1, 5, '5'), (2, NULL, NULL), (9, 5, '6')",
        ],
    )
    profile = profiled("beds")
    assert issue(profile, "orphan", "a")["count"] == 1
    assert "Is declared to refer to Places.number: 2 of 3" in issue(profile, "foreign_key", "a")["message"]
    assert issue(profile, "orphan", "b")["count"] == 2
    assert issue(profile, "orphan", "b")["message"] == "2 rows refer to a row of gone that does not exist."
    assert "row of gone.x that" in issue(profile, "orphan", "c")["message"]


def test_a_parent_of_another_schema_and_another_type(databases: Databases) -> None:
    databases.fresh("legacy", "postgresql")
    script(
        "postgresql",
        [
            'CREATE SCHEMA "Old"',
            'CREATE TABLE "Old".places (number numeric(8, 2) PRIMARY KEY)',
            'INSERT INTO "Old".places VALUES (1), (2)',
            'CREATE TABLE beds (place bigint REFERENCES "Old".places (number))',
            "INSERT INTO beds VALUES (1), (2), (NULL)",
        ],
    )
    profile = profiled("beds")
    found = issue(profile, "foreign_key", "place")
    assert found["message"] == "Is declared to refer to Old.places.number: 2 of 2 values stand there."
    assert "orphan" not in codes(profile, "place")


def test_chinook_declares_its_keys(databases: Databases, tmp_path: Path) -> None:
    path = sample("chinook.sqlite", tmp_path / "chinook.sqlite")
    databases.connect("legacy", Database.at(path))
    with closing(sqlite3.connect(path)) as database:
        for table in connections["legacy"].introspection.table_names():
            pairs = {(row[3], row[2]) for row in database.execute(f'PRAGMA foreign_key_list("{table}")')}
            profile = profiled(table)
            found = {
                (one["column"], one["message"].split("refer to ")[1].split(".")[0])
                for one in profile["issues"]
                if one["code"] == "foreign_key" and one["message"].startswith("Is declared")
            }
            assert found == pairs, table
            broken = database.execute(f'PRAGMA foreign_key_check("{table}")').fetchall()
            assert sum(one["count"] for one in profile["issues"] if one["code"] == "orphan") == len(broken)
