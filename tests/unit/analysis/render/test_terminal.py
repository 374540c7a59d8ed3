"""Tables on a terminal, compared whole where they are small."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from etl_assets.analysis.render.terminal import layout
from tests.browser.results import LONG, NASTY, RESULTS

PREVIEW = {
    "table": "patients",
    "database": "legacy",
    "columns": ["dob", "name"],
    "rows": [
        {
            "original": {"dob": "01/02/1990", "name": " Ann", "room": 4},
            "transformed": {"name": "Ann", "date_of_birth": "1990-02-01"},
            "changed": ["name", "date_of_birth"],
            "status": "ok",
            "reason": None,
            "warnings": ["room: 4 fails between(5, 9)", "fails the rule 'has a bed'"],
        },
        {
            "original": {"dob": None, "name": "Bob"},
            "transformed": {"name": "Bob", "date_of_birth": None},
            "changed": [],
            "status": "rejected",
            "reason": "date_of_birth: required",
            "warnings": [],
        },
    ],
    "suggestions": {"dob": [{"verb": "date('%d/%m/%Y')", "why": "dates as text", "share": 0.5}]},
    "transformer": "patients",
}
SOURCES = {"date_of_birth": ("dob",)}


def printed(action: str, result: Any, *, color: bool = False, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
    )
    console.print(layout(action, result, SOURCES))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_a_preview_has_before_beside_after() -> None:
    assert (
        printed("preview", PREVIEW)
        == """\
patients  in legacy
As patients transforms it

Row 1  ok
  warning  room: 4 fails between(5, 9)
  warning  fails the rule 'has a bed'
  column  before         after       field
  name    ' Ann'      >  Ann
  dob     01/02/1990  >  1990-02-01  date_of_birth
  room    4

Row 2  rejected  date_of_birth: required
  column  before    after  field
  name    Bob       Bob
  dob     null      null   date_of_birth

column  suggested verb    rows  why
dob     date('%d/%m/%Y')   50%  dates as text"""
    )


def test_changed_values_stand_out() -> None:
    colored = printed("preview", PREVIEW, color=True)

    assert "\x1b[1;33m1990-02-01" in colored
    assert "\x1b[1;33mBob" not in colored


def test_duplicates_are_listed_by_group() -> None:
    row = {"id": 1, "name": "Ann"}
    found = {
        "table": "patients",
        "database": "legacy",
        "columns": ["name"],
        "group_count": 2,
        "duplicate_count": 10,
        "surplus_count": 8,
        "null_rows": 1,
        "groups": [{"values": {"name": "Ann"}, "count": 8, "rows": [row] * 8, "match_weight": 7.25}],
    }
    assert (
        printed("duplicates", found)
        == f"""\
patients  in legacy
Same name: 2 groups of 10 rows, 8 beyond the first of each
1 row with a null in these columns, in no group

8 rows  name = Ann  match weight 7.2
  id  name
{chr(10).join(["  1   Ann"] * 6)}
  and 2 rows more

1 more group: --limit shows them."""
    )


def test_compared_columns_are_whole_and_the_others_as_far_as_they_fit() -> None:
    row = {"id": 1, "note": "n" * 30, "street": "s" * 30, "town": "Hull", "name": "Ann" * 9}
    group = {"values": {"name": "Ann" * 9}, "count": 2, "rows": [row] * 2}
    found = {**RESULTS["duplicates"], "columns": ["name"], "groups": [group]}

    lines = printed("duplicates", found, width=60).splitlines()
    title = next(place for place, line in enumerate(lines) if line.startswith("2 rows"))
    assert lines[title + 1 : title + 5] == [
        "  id  note                  name",
        f"  1   {'n' * 19}…  {'Ann' * 9}",
        f"  1   {'n' * 19}…  {'Ann' * 9}",
        "  and 2 more columns: --output writes all",
    ]


def test_no_duplicates_are_said_to_be_none() -> None:
    found = {
        **RESULTS["duplicates"],
        "groups": [],
        "group_count": 0,
        "duplicate_count": 0,
        "surplus_count": 0,
    }

    assert printed("duplicates", found).endswith("No duplicates.")


@pytest.mark.parametrize("action", RESULTS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_in_a_value_reaches_the_terminal_as_a_command(action: str, width: int) -> None:
    text = printed(action, RESULTS[action], width=width)

    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text


def test_markup_in_a_value_is_text() -> None:
    result = {**RESULTS["estimate"], "suggestions": ["[red]not red[/red]", ":smile:"]}

    text = printed("estimate", result)
    row = {"[/red]": "[/red]"}
    group = {"values": row, "count": 2, "rows": [row, row]}

    assert printed("duplicates", {**RESULTS["duplicates"], "groups": [group]}).count("[/red]") == 5
    assert "[red]not red[/red]" in text
    assert ":smile:" in text


def test_every_column_and_issue_of_an_analysis_is_shown() -> None:
    text = printed("analyze", RESULTS["analyze"], width=400)

    for name in RESULTS["analyze"]["columns"]:
        assert name[:30] in text
    assert text.count(NASTY) >= 3
    assert LONG[:30] in text
