"""The dirty legacy database: what is in it, that it can be repeated, and how it refuses.

The rows are judged by the plain reading in reading.py.
"""

from __future__ import annotations

import io
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from math import gcd

import ftfy
import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from django_project.hospital.legacy import dirt, make_legacy_hospital, rows, words
from django_project.hospital.legacy.chance import STRIDE, Chance
from django_project.hospital.legacy.departments import departments
from tests.databases import Databases, Vendor
from tests.unit.hospital.reading import (
    Row,
    nhs_number_adds_up,
    patient_is_good,
    read_appointments,
    read_patients,
)

MANY = 10_000


@pytest.fixture(scope="module")
def patients() -> tuple[list[Row], Counter[str]]:
    counted: Counter[str] = Counter()
    return list(rows.patients(MANY, 1, counted)), counted


@pytest.fixture(scope="module")
def appointments() -> tuple[list[Row], Counter[str]]:
    counted: Counter[str] = Counter()
    return list(rows.appointments(MANY, 1, counted)), counted


def counted_by_fate(table: dirt.DirtTable, counted: Counter[str]) -> Counter[str]:
    fates: Counter[str] = Counter()
    for name, count in counted.items():
        fates[table.named(name).fate] += count
    return fates


# What is in it


def test_patients_are_as_dirty_as_they_are_said_to_be(patients: tuple[list[Row], Counter[str]]) -> None:
    table, counted = patients

    read = read_patients(table)

    said = counted_by_fate(dirt.PATIENT_DIRT, counted)
    assert len(table) == MANY
    assert {fate: read[fate] for fate in ("rejected", "skipped", "warned")} == {
        fate: said[fate] for fate in ("rejected", "skipped", "warned")
    }
    assert 0.015 < read["rejected"] / MANY < 0.025


def test_appointments_are_as_dirty_as_they_are_said_to_be(
    appointments: tuple[list[Row], Counter[str]],
) -> None:
    table, counted = appointments
    known = range(rows.FIRST_PATIENT_ID, rows.FIRST_PATIENT_ID + MANY)

    read = read_appointments(table, known)

    said = counted_by_fate(dirt.APPOINTMENT_DIRT, counted)
    assert len(table) == 17_500
    assert (read["rejected"], read["warned"]) == (said["rejected"], said["warned"])


def test_about_three_appointments_in_a_hundred_cannot_be_loaded(
    patients: tuple[list[Row], Counter[str]], appointments: tuple[list[Row], Counter[str]]
) -> None:
    loaded = {
        row["patient_id"]
        for row in patients[0]
        if patient_is_good(row) and not row["hosp_no"].upper().startswith("ZZ")
    }
    orphans = sum(row["patient_id"] not in loaded for row in appointments[0])
    faulty = counted_by_fate(dirt.APPOINTMENT_DIRT, appointments[1])["rejected"]

    assert 0.025 < (orphans + faulty) / len(appointments[0]) < 0.04


@pytest.mark.parametrize(
    ("make", "table", "total"),
    [
        (rows.patients, dirt.PATIENT_DIRT, MANY),
        (rows.appointments, dirt.APPOINTMENT_DIRT, 17_500),
    ],
    ids=["patients", "appointments"],
)
def test_each_kind_of_dirt_is_there_at_its_rate(
    make: Callable[[int, int, Counter[str]], Iterator[Row]], table: dirt.DirtTable, total: int
) -> None:
    counted: Counter[str] = Counter()
    for _ in make(MANY, 7, counted):
        pass

    assert counted.keys() == {kind.name for kind in table.kinds}
    for kind in table.kinds:
        expected = kind.rate * total
        assert abs(counted[kind.name] - expected) <= 4 * expected**0.5, kind.name


def test_dirt_that_can_be_seen(patients: tuple[list[Row], Counter[str]]) -> None:
    table, counted = patients

    assert (
        sum(bool(re.fullmatch(r"[12]\d{3}-\d\d-\d\d", row["date_of_birth"])) for row in table)
        >= counted["ISO date"]
    )
    assert sum(row["last_name"].endswith("\N{NO-BREAK SPACE}") for row in table) >= counted["stray spaces"]
    assert sum(ftfy.fix_encoding(row["last_name"]) != row["last_name"] for row in table) >= 100
    assert sum(row["date_of_birth"] == "0000-00-00" for row in table) >= 10
    assert len(table) - len({row["patient_id"] for row in table}) == counted["registered twice"]


def test_misread_text_is_what_a_program_with_the_wrong_encoding_shows() -> None:
    assert dirt.misread("Müller") == "MÃ¼ller"
    assert dirt.misread("Ménière's Clinic") == next(
        row["name"] for row in departments() if row["code"] == "MEN"
    )


@pytest.mark.parametrize("name", sorted({*words.LAST_NAMES, *(name for name, _ in words.FIRST_NAMES)}))
def test_names_come_back_whole(name: str) -> None:
    """Otherwise "mended" would not be true of the dirt that is made of them."""
    assert ftfy.fix_encoding(dirt.misread(name)) == name
    assert ftfy.fix_encoding(f"{name}\N{NO-BREAK SPACE}").strip() == name
    assert name.lower().title() == name
    assert name.upper().title() == name


def test_everything_on_a_clean_patient_is_valid() -> None:
    chance = Chance("clean")
    for index in range(2_000):
        row = rows.tidy_patient(index, chance)
        assert patient_is_good(row), row
        assert nhs_number_adds_up(row["ssn"])
        assert re.fullmatch(r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}", row["postcode"])


def test_numbers_are_unique_at_any_size() -> None:
    """A stride that shares no factor with the size meets each number once."""
    assert gcd(STRIDE, len(rows.PREFIXES) * 1_000_000) == 1
    assert gcd(STRIDE, len(rows.NHS_NUMBERS)) == 1
    assert len({rows.hospital_number(index) for index in range(200_000)}) == 200_000
    assert len({rows.nhs_number(index) for index in range(200_000)}) == 200_000


# The same again


def test_a_seed_gives_these_rows_for_ever() -> None:
    assert next(rows.patients(1, 1, Counter())) == {
        "patient_id": 100_001,
        "hosp_no": "KL828183",
        "first_name": "Siobhán",
        "last_name": "Murphy",
        "date_of_birth": "19/12/1972",
        "gender": "F",
        "email": "siobhan.murphy58@example.org",
        "phone": "0191 498 0530",
        "address": "31 Cross Street, Bradford",
        "postcode": "BD26 9YJ",
        "ssn": "948 656 3667",
        "dept_id": 70,
        "registered_at": "2016-11-25 14:30:00",
        "notes": None,
        "updated_at": "2017-06-13 17:30:00",
    }


def test_a_seed_decides_every_row(patients: tuple[list[Row], Counter[str]]) -> None:
    assert list(rows.patients(MANY, 1, Counter())) == patients[0]
    assert list(islice(rows.patients(MANY, 2, Counter()), 50)) != patients[0][:50]


def test_a_larger_hospital_begins_with_the_patients_of_a_smaller_one(
    patients: tuple[list[Row], Counter[str]],
) -> None:
    assert list(rows.patients(100, 1, Counter())) == patients[0][:100]


# In a database

TABLES = ("legacy_departments", "legacy_patients", "legacy_appointments")


def stored(table: str) -> list[Row]:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5, 6, 7, 8")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def in_order(table: Iterator[Row]) -> list[Row]:
    return sorted(table, key=lambda row: repr(list(row.values())))


def test_what_is_stored_is_what_was_made(databases: Databases, vendor: Vendor) -> None:
    databases.fresh("legacy", vendor)

    made = make_legacy_hospital(2_000, 3)

    assert (made.departments, made.patients, made.appointments) == (20, 2_000, 3_500)
    assert in_order(iter(stored("legacy_departments"))) == in_order(departments())
    assert in_order(iter(stored("legacy_patients"))) == in_order(rows.patients(2_000, 3, Counter()))
    assert in_order(iter(stored("legacy_appointments"))) == in_order(rows.appointments(2_000, 3, Counter()))
    assert len(stored("legacy_patients")[0]) == 15


def test_the_command_says_what_it_wrote_and_replaces_what_was_there(
    databases: Databases, vendor: Vendor
) -> None:
    database = databases.fresh("legacy", vendor)
    where = f"{vendor} {connections['legacy'].settings_dict['NAME']}"
    if vendor == "postgresql":
        where += f" on {connections['legacy'].settings_dict['HOST']}"
    make_legacy_hospital(50, 3)
    output = io.StringIO()

    call_command("make_legacy_hospital", "--patients", "1000", "--seed", "1", stdout=output)

    assert output.getvalue() == (
        f"Wrote 20 departments, 1,000 patients and 1,750 appointments to 'legacy' ({where}). "
        "Of the patients 38.8% are untidy and 1.9% unusable; "
        "of the appointments 25.0% are untidy and 0.9% unusable.\n"
    )
    assert database.vendor == vendor
    assert [len(stored(table)) for table in TABLES] == [20, 1_000, 1_750]


def test_a_failure_leaves_the_old_tables(databases: Databases, vendor: Vendor) -> None:
    """A view stands where the third table should be made: the first two are there again afterwards."""
    databases.fresh("legacy", vendor)
    make_legacy_hospital(50, 3)
    before = [stored(table) for table in TABLES[:2]]
    with connections["legacy"].cursor() as cursor:
        cursor.execute("DROP TABLE legacy_appointments")
        cursor.execute("CREATE VIEW legacy_appointments AS SELECT 1 AS appt_id")
    name, host = (connections["legacy"].settings_dict[key] for key in ("NAME", "HOST"))
    complaint = {
        "sqlite": f"(sqlite {name}) could not be written, and are as they were: "
        "use DROP VIEW to delete view legacy_appointments.",
        "postgresql": f"(postgresql {name} on {host}) could not be written, and are as they were: "
        '"legacy_appointments" is not a table HINT: Use DROP VIEW to remove a view.',
    }

    with pytest.raises(CommandError) as refusal:
        call_command("make_legacy_hospital", "--patients", "1000")

    assert str(refusal.value) == f"The legacy tables in 'legacy' {complaint[vendor]}"
    assert [stored(table) for table in TABLES[:2]] == before


def test_memory_does_not_grow_with_the_hospital(databases: Databases, vendor: Vendor) -> None:
    databases.fresh("legacy", vendor)

    def peak(patient_count: int) -> int:
        tracemalloc.start()
        try:
            make_legacy_hospital(patient_count, 1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # what is imported and cached on first use
    assert peak(16_000) < 1.2 * peak(4_000)


# Refusals


@pytest.mark.parametrize("count", [0, -5, 10**9])
def test_a_hospital_of_no_patients(count: int) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("make_legacy_hospital", "--patients", str(count))

    assert str(refusal.value) == (
        f"A hospital of {count} patients cannot be made: --patients takes a number from 1 to 49,500,000."
    )


def test_an_alias_that_is_not_configured() -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("make_legacy_hospital", "--database", "lagacy")

    assert str(refusal.value) == (
        "The database 'lagacy' is not configured: --database takes one of default, legacy."
    )
