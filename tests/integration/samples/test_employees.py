"""The employees sample: composite keys, history, and 130,000 rows, each compared with a plain reading."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from etl_assets.registry import Registry, discover
from tests.databases import Vendor
from tests.samples.employees.models import Department, Employee, Leadership, Membership, Pay, Position
from tests.samples.legacy import rows_of
from tests.samples.runs import counts, fingerprint, load, try_out

Rows = dict[str, list[tuple]]
day = dt.date.fromisoformat


@pytest.fixture
def registry() -> Registry:
    return discover(["tests.samples.employees_transformers"])


def last(text: str) -> dt.date | None:
    return None if text == "9999-01-01" else day(text)


def plain_reading(path: Path) -> Rows:
    """What the target must hold, row by row, without any of the code under test."""
    sexes = {"F": "female", "M": "male"}
    return {
        "departments": rows_of(path, "SELECT dept_no, dept_name FROM department"),
        "employees": [
            (number, f"{first} {family}", sexes[sex], day(born), day(hired))
            for number, born, first, family, sex, hired in rows_of(
                path, "SELECT emp_no, birth_date, first_name, last_name, gender, hire_date FROM employee"
            )
        ],
        "leaders": [
            (employee, department, day(since), last(until))
            for employee, department, since, until in rows_of(path, "SELECT * FROM dept_manager")
        ],
        "memberships": [
            (employee, department, day(since), last(until))
            for employee, department, since, until in rows_of(path, "SELECT * FROM dept_emp")
        ],
        "pay": [
            (employee, day(since), last(until), amount, "USD")
            for employee, amount, since, until in rows_of(path, "SELECT * FROM salary")
            if amount >= 40_000
        ],
        "positions": [
            (employee, title.upper(), day(since), last(until))
            for employee, title, since, until in rows_of(path, "SELECT * FROM title")
            if not title.startswith("Technique")
        ],
    }


def what_arrived() -> Rows:
    return {
        "departments": [*Department.objects.values_list("number", "name")],
        "employees": [*Employee.objects.values_list("number", "full_name", "sex", "birth_date", "hired_on")],
        "leaders": [
            *Leadership.objects.values_list("employee__number", "department__number", "since", "until")
        ],
        "memberships": [
            *Membership.objects.values_list("employee__number", "department__number", "since", "until")
        ],
        "pay": [*Pay.objects.values_list("employee__number", "since", "until", "yearly", "currency")],
        "positions": [*Position.objects.values_list("employee__number", "title", "since", "until")],
    }


def in_order(rows: Rows) -> Rows:
    return {name: sorted(some, key=repr) for name, some in rows.items()}


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_each_row_arrives_as_predicted_and_a_second_run_writes_nothing(
    source: Vendor, target: Vendor, connect, registry: Registry, employees_file: Path
) -> None:
    connect("employees", source, target)
    expected = plain_reading(employees_file)
    hired_as_children = sum((hired - born).days < 21 * 365 for *_, born, hired in expected["employees"])
    nothing = dict.fromkeys(("created", "updated", "unchanged", "rejected", "skipped", "warnings"), 0)
    new = {name: {**nothing, "read": len(rows), "created": len(rows)} for name, rows in expected.items()}
    new["employees"]["warnings"] = hired_as_children

    before = fingerprint()
    assert counts(try_out(registry)) == new
    assert fingerprint() == before

    assert counts(load(registry)) == new
    arrived = what_arrived()
    for rows in (
        expected["pay"],
        arrived["pay"],
    ):  # 60117 and Decimal("60117.00") are equal, and look different
        rows[:] = [(*row[:3], int(row[3]), row[4]) for row in rows]
    assert in_order(arrived) == in_order(expected)

    before = fingerprint("employees")
    again = {name: {**some, "created": 0, "unchanged": some["read"]} for name, some in new.items()}
    assert counts(load(registry)) == again
    assert fingerprint("employees") == before


def test_default_discovery_leaves_the_samples_alone() -> None:
    assert not {name for name, one in discover().items() if one.__module__.startswith("tests.samples")}
