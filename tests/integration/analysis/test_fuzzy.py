"""The same person written differently: what was planted in a hospital is found, and little else."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from django_project.hospital.legacy import make_legacy_hospital
from etl_assets.analysis.duplicates import Duplicates, duplicates
from etl_assets.analysis.table import open_table
from tests.databases import Databases, Vendor
from tests.legacy import insert, make_table

from .counting import rows_of

PERSON = ["first_name", "last_name", "date_of_birth"]
Row = dict[str, Any]


@pytest.fixture
def legacy(databases: Databases, vendor: Vendor) -> Vendor:
    """An empty `legacy` of each vendor."""
    databases.fresh("legacy", vendor)
    return vendor


def found(table: str, columns: Sequence[str], limit: int = 10_000) -> Duplicates:
    with open_table(table, "legacy") as opened:
        return duplicates(opened, columns, limit, fuzzy=True)


def groups_of(result: Duplicates, column: str = "id") -> list[set[Any]]:
    return [{row[column] for row in group["rows"]} for group in result["groups"]]


# Errors, as people make them


def mistyped(name: str, chance: random.Random) -> str:
    """Leave a letter out, double one, swap two, or hit another."""
    place = chance.randrange(1, len(name) - 1)
    before, letter, following, after = name[:place], name[place], name[place + 1], name[place + 2 :]
    instead = [following, letter * 2 + following, following + letter, "x" + following]
    return before + chance.choice(instead) + after


def near(date: dt.date, chance: random.Random) -> dt.date:
    """Take the next days, another year, or month for day."""
    if date.day <= 12 and date.day != date.month and chance.random() < 0.5:
        return date.replace(month=date.day, day=date.month)
    return date + dt.timedelta(days=chance.choice([-2, -1, 1, 2]))


def british(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007 - a day has no zone


def mistype_first(row: Row, chance: random.Random) -> None:
    row["first_name"] = mistyped(row["first_name"], chance)


def mistype_last(row: Row, chance: random.Random) -> None:
    row["last_name"] = mistyped(row["last_name"], chance)


def mistype_both(row: Row, chance: random.Random) -> None:
    mistype_first(row, chance)
    mistype_last(row, chance)


def swap_names(row: Row, chance: random.Random) -> None:
    row["first_name"], row["last_name"] = row["last_name"], row["first_name"]


def move_birthday(row: Row, chance: random.Random) -> None:
    row["date_of_birth"] = near(british(row["date_of_birth"]), chance).strftime("%d/%m/%Y")


ERRORS: tuple[Callable[[Row, random.Random], None], ...] = (
    mistype_first, mistype_last, mistype_both, swap_names, move_birthday,
)  # fmt: skip


def is_clean(row: Row) -> bool:
    """Tell rows that the hospital's own dirt left alone, so that what is planted is the only error."""
    try:
        british(row["date_of_birth"])
    except ValueError:
        return False
    names = (row["first_name"], row["last_name"])
    return all(name.istitle() and name.isalpha() and len(name) > 3 for name in names)


def plant(count: int, chance: random.Random) -> dict[int, int]:
    """Write copies of some patients with an error each; return their ids with those they are copies of."""
    rows = rows_of("legacy_patients")
    copies, planted = [], {}
    for number, original in enumerate(chance.sample([row for row in rows if is_clean(row)], count)):
        copy = {**original, "patient_id": 9_000_000 + number, "hosp_no": f"NEW{number}"}
        ERRORS[number % len(ERRORS)](copy, chance)
        copies.append(tuple(copy.values()))
        planted[copy["patient_id"]] = original["patient_id"]
    insert("legacy_patients", copies)
    return planted


def test_planted_people_are_found_and_few_others(legacy: Vendor) -> None:
    make_legacy_hospital(3_000, seed=3)
    before = groups_of(found("legacy_patients", PERSON), "patient_id")
    planted = plant(150, random.Random(8))
    groups = groups_of(found("legacy_patients", PERSON), "patient_id")
    hits = sum(any({copy, original} <= group for group in groups) for copy, original in planted.items())
    assert hits / len(planted) >= 0.9  # recall
    # What the hospital itself has twice is neither a hit nor an error.
    others = [group for group in groups if group not in before]
    right = sum(any(planted.get(one) in group for one in group) for group in others)
    assert right / len(others) >= 0.9  # precision


def test_both_databases_give_the_same_groups_each_time(databases: Databases) -> None:
    results = []
    for vendor in ("sqlite", "postgresql", "postgresql"):
        databases.fresh("legacy", vendor)
        make_legacy_hospital(800, seed=3)
        plant(40, random.Random(8))
        results.append(found("legacy_patients", [*PERSON, "email"]))
    assert results[0]["group_count"] >= 30
    assert results[0] == results[1] == results[2]


# Small tables


OTHERS = [
    (
        100 + number,
        first,
        last,
        f"19{40 + number}-0{1 + number % 9}-{10 + number}",
        f"{first}@x{number}.example",
    )
    for number, (first, last) in enumerate(
        zip(
            "Anna Bela Carlos Diego Erik Franka Greta Hugo Ines Jonas Karla Mona Nils Olga Rosa".split(),
            "Abel Becker Cremer Dorn Ebert Fuchs Graf Huber Ihle Jung Kern Lang Nolte Otto Peters".split(),
            strict=True,
        )
    )
]
JONATHAN = (1, "Jonathan", "Smith", "1980-01-02", "jo.smith@example.org")


@pytest.mark.parametrize(
    "other",
    [
        ("Jonathon", "Smith", "1980-01-02", "jo.smith@example.org"),
        ("Smith", "Jonathan", "1980-01-02", "jo.smith@example.org"),
        ("Jonathan", "Smith", "1980-02-01", "jo.smith@example.org"),
        ("Jonathan", "Smith", "1980-01-03", "jo.smith@example.org"),
        ("Jonathan", "Smith", "1980-01-02", "jo.smith@exampel.org"),
        ("JONATHAN ", "Smith-", "02.01.1980", "JO.SMITH@example.org"),
        ("Jónathan", "Smyth", "1980-01-02", "jo.smith@example.org"),
    ],
)
def test_one_person_of_a_few(databases: Databases, other: tuple[str, ...]) -> None:
    databases.fresh("legacy", "sqlite")
    columns = {"id": "integer", **dict.fromkeys((*PERSON, "email"), "text")}
    make_table("people", columns, [*OTHERS, JONATHAN, (2, *other)])
    for chosen in ([*PERSON, "email"], PERSON):
        result = found("people", chosen)
        assert groups_of(result) == [{1, 2}], chosen
        assert result["groups"][0]["match_weight"] > 0


@pytest.mark.parametrize(
    "other",
    [
        ("Jonathan", "Meyer", "1931-11-30", "jm@example.net"),  # a first name in common
        ("Clara", "Smith", "1991-10-10", "clara@example.net"),  # a family name
        ("Petra", "Voss", "1980-01-02", "petra@example.net"),  # a birthday
    ],
)
def test_two_people_with_something_in_common(databases: Databases, other: tuple[str, ...]) -> None:
    databases.fresh("legacy", "sqlite")
    columns = {"id": "integer", **dict.fromkeys((*PERSON, "email"), "text")}
    make_table("people", columns, [*OTHERS, JONATHAN, (2, *other)])
    for chosen in ([*PERSON, "email"], PERSON):
        assert found("people", chosen)["groups"] == []


def test_one_column_of_free_text(legacy: Vendor) -> None:
    names = ["Acme Widgets Ltd", "ACME Widgets, Ltd.", "Acme Wigdets Ltd", "王小明", "王小明 ", "", None]
    rows = [*enumerate(names), *((row[0], f"{row[2]} GmbH") for row in OTHERS)]
    make_table("odd table; --", {"id": "integer", "the company": "text"}, rows)
    result = found("odd table; --", ["the company"])
    assert groups_of(result) == [{0, 1, 2}, {3, 4}]
    assert result["null_rows"] == 1


def test_a_group_has_the_weight_of_its_weakest_link(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    columns = {"id": "integer", **dict.fromkeys((*PERSON, "email"), "text")}
    near = (2, "Jonathon", "Smith", "1980-01-02", "jo.smith@example.org")
    far = (3, "Jonathan", "Smith", "1980-01-03", "jonathan@example.net")

    def weight(*rows: tuple[Any, ...]) -> float:
        make_table("people", columns, [*OTHERS, *rows])
        (group,) = found("people", [*PERSON, "email"])["groups"]
        assert group["count"] == len(rows)
        return group["match_weight"]

    assert weight(JONATHAN, near) > weight(JONATHAN, near, far)
    # The same row once more changes nothing: it is the same record.
    assert weight(JONATHAN, near) == weight(JONATHAN, JONATHAN, near)
