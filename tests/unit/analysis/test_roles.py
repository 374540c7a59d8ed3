"""What a column is about is told by its type, its values and its name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from etl_assets.analysis.roles import Role, comparison, person, role_of

DATES = ["1980-01-02", "02/01/1980", "n/a", "3.4.1999", "1999-12-31 00:00:00", "01-02-2003"]


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("first_name", ["jane", "tom"], Role.GIVEN_NAME),
        ("FirstName", ["jane", "given12"], Role.GIVEN_NAME),
        ("Vorname", ["jane"], Role.GIVEN_NAME),
        ("surname", ["smith"], Role.FAMILY_NAME),
        ("LastName", ["smith"], Role.FAMILY_NAME),
        ("customer", ["jane smith"], Role.NAME),
        ("full name", [], Role.NAME),
        ("x", DATES, Role.DATE),
        ("dob", ["unknown", "in spring"], Role.TEXT),
        ("contact", ["jane@example.org", "tom@example.org"], Role.EMAIL),
        ("email_note", ["do not write"], Role.TEXT),
        ("x", ["+44 113 496 0100", "(0113) 496-0100"], Role.PHONE),
        ("phone", ["01134960100"], Role.PHONE),
        ("hosp_no", ["ab123456", "kl828183"], Role.CODE),
        ("notes", ["needs an interpreter", "lives with 2 carers"], Role.TEXT),
    ],
)
def test_of_text(name: str, values: list[str], role: Role) -> None:
    assert role_of(name, pa.string(), values) is role


def test_of_other_types() -> None:
    assert role_of("seen", pa.date32(), []) is Role.DATE
    assert role_of("seen", pa.timestamp("us"), []) is Role.DATE
    assert role_of("dept_id", pa.int64(), ["1"]) is Role.CODE
    assert role_of("phone", pa.int64(), ["1134960100"]) is Role.PHONE
    assert role_of("birth_date", pa.int64(), ["19800102"]) is Role.DATE


@pytest.mark.parametrize("role", [*Role, None])
def test_the_levels_of_a_comparison_are_all_there_is(role: Role | None) -> None:
    one = person(0, 1) if role is None else comparison(role, 0)
    assert sum(level.m for level in one.levels) == pytest.approx(1)
    assert one.levels[-1].sql == "ELSE"
    assert {one.value, one.exact, *one.rare_by} <= set(one.features)
