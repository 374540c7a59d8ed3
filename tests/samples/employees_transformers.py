"""Moves the employees sample. Not named `transformers`, so that only tests that ask for it discover it."""

from __future__ import annotations

import datetime as dt

from etl_assets import Query, Transformer, col, concat, const, key, link, rule
from tests.samples.employees.models import (
    Department,
    Leadership,
    Membership,
    OldDepartment,
    OldSalary,
    Pay,
    Position,
)

STILL = dt.date(9999, 1, 1)
"""What the old system wrote for "until today"."""

first_day = col("from_date").date("%Y-%m-%d")
last_day = col("to_date").date("%Y-%m-%d").null_if(STILL)


class DepartmentTransformer(Transformer):
    class Meta:
        source = OldDepartment
        model = Department

    number = key("dept_no")
    name = col("dept_name")


class EmployeeTransformer(Transformer):
    class Meta:
        source = "employee"
        model = "employees.Employee"

    number = key("emp_no")
    full_name = concat("first_name", "last_name")
    sex = col("gender").map({"F": "female", "M": "male"})
    birth_date = col("birth_date").date("%Y-%m-%d").between("1900-01-01", "today")
    hired_on = col("hire_date").date("%Y-%m-%d")

    @rule("was hired as a child", severity="warning")
    def grown_up(self, rows):
        return rows["hired_on"] - rows["birth_date"] >= dt.timedelta(days=21 * 365)


class MembershipTransformer(Transformer):
    class Meta:
        source = "dept_emp"
        model = Membership
        key = ("employee", "department", "since")

    employee = link("employees", "emp_no")
    department = link("departments", "dept_no")
    since = first_day
    until = last_day


class LeadershipTransformer(Transformer):
    """Reads a view, which has no primary key to be read by."""

    class Meta:
        source = "managers of departments"
        model = Leadership
        name = "leaders"
        key = ("employee", "department")

    employee = link("employees", "emp_no")
    department = link("departments", "dept_no")
    since = first_day
    until = last_day


class PositionTransformer(Transformer):
    """Leaves the technique leaders out: a literal % in a query needs no doubling."""

    class Meta:
        source = Query(
            "SELECT emp_no, title, from_date, to_date FROM title WHERE title NOT LIKE 'Technique%'"
        )
        model = Position
        key = ("employee", "title", "since")

    employee = link("employees", "emp_no")
    title = col("title").upper()
    since = first_day
    until = last_day


class PayTransformer(Transformer):
    class Meta:
        source = OldSalary.objects.filter(dollars__gte=40_000)
        model = Pay
        key = ("employee", "since")

    employee = link("employees", "emp_no")
    since = first_day
    until = last_day
    yearly = col("amount").decimal(2)
    currency = const("USD")
