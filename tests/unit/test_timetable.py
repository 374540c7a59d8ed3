"""SCHEDULES: what is wrong with an entry, and that Dagster takes every cron line that is not."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from dagster._core.definitions.utils import DISALLOWED_NAMES
from dagster._utils.schedules import is_valid_cron_string
from django.test import override_settings

from etl_assets import timetable
from etl_assets.timetable import CRON_HINT, Schedule

NIGHT = "0 2 * * *"


def found(name: Any = "nightly", **given: Any) -> list[tuple[str, str]]:
    return list(timetable.problems({name: {"cron": NIGHT, **given}}))


def test_an_entry_needs_a_cron_line_alone() -> None:
    assert found() == []
    with override_settings(TIME_ZONE="Europe/London"):
        assert Schedule.read("nightly", {"cron": NIGHT}) == Schedule(
            "nightly", NIGHT, None, "Europe/London", True
        )


@pytest.mark.parametrize(
    "only", [["patients", " departments "], ("patients", "departments"), "patients, departments,"]
)
def test_names_are_a_list_or_a_text_with_commas(only: Any) -> None:
    assert found(only=only) == []
    assert Schedule.read("n", {"cron": NIGHT, "only": only}).only == ("patients", "departments")


def test_everything_can_be_said() -> None:
    given = {"cron": "30 6 * * MON-FRI", "only": ["patients"], "timezone": "Asia/Tokyo", "enabled": False}

    assert list(timetable.problems({"mornings": given})) == []
    assert Schedule.read("mornings", given) == Schedule(
        "mornings", "30 6 * * MON-FRI", ("patients",), "Asia/Tokyo", False
    )


@pytest.mark.parametrize(
    ("given", "problem", "hint"),
    [
        ({"crn": NIGHT}, "SCHEDULES['nightly'] has no key 'crn'.", "Did you mean 'cron'?"),
        (
            {"xyz": 1},
            "SCHEDULES['nightly'] has no key 'xyz'.",
            "The known keys are cron, only, timezone, enabled.",
        ),
        ({"cron": 7}, "SCHEDULES['nightly'] has cron 7: not a text.", CRON_HINT),
        ({"cron": "0 25 * * *"}, "SCHEDULES['nightly'] has cron '0 25 * * *': bad hour.", CRON_HINT),
        ({"cron": "@daily"}, "SCHEDULES['nightly'] has cron '@daily': 1 fields instead of 5.", CRON_HINT),
        ({"cron": "0 0 30 2 *"}, "SCHEDULES['nightly'] has cron '0 0 30 2 *': bad day-of-month.", CRON_HINT),
        ({"cron": "0 0 LW * *"}, "SCHEDULES['nightly'] has cron '0 0 LW * *': bad day-of-month.", CRON_HINT),
        ({"cron": "0 0 * * 5L"}, "SCHEDULES['nightly'] has cron '0 0 * * 5L': bad day-of-week.", CRON_HINT),
        (
            {"only": []},
            "SCHEDULES['nightly'] has only [].",
            "Make it a list of transformers' names, or leave it out for all.",
        ),
        (
            {"only": [7]},
            "SCHEDULES['nightly'] has only [7].",
            "Make it a list of transformers' names, or leave it out for all.",
        ),
        (
            {"only": " , "},
            "SCHEDULES['nightly'] has only ' , '.",
            "Make it a list of transformers' names, or leave it out for all.",
        ),
        (
            {"timezone": "Europe/Lodon"},
            "SCHEDULES['nightly'] has timezone 'Europe/Lodon', which is not known.",
            "Did you mean 'Europe/London'?",
        ),
        (
            {"timezone": 7},
            "SCHEDULES['nightly'] has timezone 7, which is not known.",
            "Write a name such as 'Europe/London'.",
        ),
        ({"enabled": "yes"}, "SCHEDULES['nightly'] has enabled 'yes'.", "Make it True or False."),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_remedy(
    given: dict[str, Any], problem: str, hint: str
) -> None:
    assert found(**given) == [(problem, hint)]


def test_an_entry_without_a_cron_line_or_that_is_no_dict() -> None:
    assert list(timetable.problems({"nightly": {}, "weekly": "0 2 * * 0"})) == [
        ("SCHEDULES['nightly'] has no cron line.", CRON_HINT),
        ("SCHEDULES['weekly'] is a str.", "Make it a dict with the key 'cron'."),
    ]


@pytest.mark.parametrize("name", ["every night", "nächtlich", "", 7])
def test_a_name_that_dagster_does_not_take(name: Any) -> None:
    assert found(name) == [(f"SCHEDULES has the name {name!r}.", "Use letters, digits and underscores only.")]


@pytest.mark.parametrize("name", ["observe_legacy_tables", "watch__legacy__old_places", "alert_on_failure"])
def test_a_name_that_is_taken(name: str) -> None:
    assert found(name) == [(f"SCHEDULES has the name {name!r}, which is taken.", "Give it another name.")]


def test_every_name_that_dagster_keeps_for_itself_is_taken() -> None:
    free = {name for name in DISALLOWED_NAMES if not found(name)}

    assert not free


FIELDS = {
    "minute": ("*", "0", "59", "60", "*/15", "*/0", "5/15", "1,2", "1,x", "50-10", "R", "H", "-1", ""),
    "hour": ("*", "23", "24", "1-3", "9-17/2", "25"),
    "day": ("*", "1", "0", "31", "32", "L", "LW", "1W", "?", "15,L"),
    "month": ("*", "1", "12", "0", "13", "JAN", "jan-MAR", "2"),
    "weekday": ("*", "0", "7", "8", "MON", "mon-fri", "SUN-TUE", "5L", "L5", "MON#1", "1#6", "6-1", "?"),
}


def test_dagster_takes_every_cron_line_that_is_let_through() -> None:
    let_through = 0
    for fields in product(*FIELDS.values()):
        line = " ".join(fields)
        if timetable.cron_problem(line) is None:
            let_through += 1
            assert is_valid_cron_string(line), line

    assert let_through > 500


@pytest.mark.parametrize("line", ["0 2 * * * *", "0 2 * * * 2030", "* * * *", "", "0 2 * * * ; rm"])
def test_only_five_fields_are_a_cron_line(line: str) -> None:
    problem = timetable.cron_problem(line)

    assert problem is not None
    assert problem.endswith("instead of 5")
