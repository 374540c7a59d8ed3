"""Groups of rows that are the same, against a plain count of the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_project.hospital.legacy import make_legacy_hospital
from etl_assets.analysis.duplicates import Duplicates, duplicates
from etl_assets.analysis.table import open_table
from tests.databases import Pair
from tests.legacy import make_table

from .counting import plain, rows_of

SAME_VENDORS = pytest.mark.parametrize(
    "pair", [("sqlite", "sqlite"), ("postgresql", "postgresql")], indirect=True
)


def found(table: str, columns: Sequence[str], limit: int = 10**6, **how: Any) -> Duplicates:
    with open_table(table, "legacy") as opened:
        return duplicates(opened, columns, limit, **how)


def same(value: Any) -> Any:
    return value


def folded(value: Any) -> Any:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value


def counted(
    rows: Sequence[dict[str, Any]], columns: Sequence[str], fold: Callable[[Any], Any] = same
) -> tuple[dict[tuple[Any, ...], int], int]:
    """Count, row by row, how often each combination occurs, and the rows that lack a value."""
    groups: dict[tuple[Any, ...], int] = defaultdict(int)
    nulls = 0
    for row in rows:
        values = tuple(row[column] for column in columns)
        if None in values:
            nulls += 1
        else:
            groups[tuple(plain(fold(value)) for value in values)] += 1
    return {values: count for values, count in groups.items() if count > 1}, nulls


def assert_counts(
    result: Duplicates, rows: Sequence[dict[str, Any]], fold: Callable[[Any], Any] = same
) -> None:
    groups, nulls = counted(rows, result["columns"], fold)
    assert result["group_count"] == len(groups)
    assert result["duplicate_count"] == sum(groups.values())
    assert result["surplus_count"] == sum(groups.values()) - len(groups)
    assert result["null_rows"] == nulls
    listed = {tuple(fold(one) for one in each["values"].values()): each["count"] for each in result["groups"]}
    assert listed == groups
    counts = [group["count"] for group in result["groups"]]
    assert counts == sorted(counts, reverse=True)
    for group in result["groups"]:
        assert len(group["rows"]) + group.get("rows_left_out", 0) == group["count"]
        for row in group["rows"]:
            assert tuple(fold(row[column]) for column in result["columns"]) == tuple(
                fold(value) for value in group["values"].values()
            )


@SAME_VENDORS
def test_a_dirty_hospital_is_counted_as_a_loop_counts_it(pair: Pair):
    make_legacy_hospital(600, seed=5)
    rows = rows_of("legacy_patients")
    for columns in (["ssn"], ["patient_id"], ["first_name", "last_name"], ["gender", "dept_id"], ["notes"]):
        assert_counts(found("legacy_patients", columns), rows)
        assert_counts(found("legacy_patients", columns, ignore_case=True), rows, folded)


@SAME_VENDORS
def test_the_limit_cuts_the_groups_and_not_the_counts(pair: Pair):
    make_legacy_hospital(300, seed=5)
    everything = found("legacy_patients", ["gender"])
    some = found("legacy_patients", ["gender"], limit=1)
    assert some["groups"] == everything["groups"][:1]
    assert {**some, "groups": []} == {**everything, "groups": []}


@SAME_VENDORS
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([None, "", "a", "A", " a", "a  b", "A B", "ß", "SS", "é", "x%s"]),
            st.sampled_from([None, 1, 2]),
        ),
        max_size=25,
    )
)
def test_random_tables(pair: Pair, rows: list[tuple[Any, ...]]):
    make_table("odd table; --", {"first col%": "text", "order": "integer"}, rows)
    read = [{"first col%": text, "order": number} for text, number in rows]
    for columns in (["first col%"], ["first col%", "order"]):
        assert_counts(found("odd table; --", columns), read)
        assert_counts(found("odd table; --", columns, ignore_case=True), read, folded)


@SAME_VENDORS
def test_the_same_person_written_differently_is_found(pair: Pair):
    make_table(
        "people",
        {"id": "integer", "first_name": "text", "last_name": "text", "date_of_birth": "text"},
        [
            (1, "Margaret", "Featherstone", "1951-03-14"),
            (2, "Margret", "Featherstone", "1951-03-14"),
            (5, "Wilhelmina", "Okonkwo", "1990-07-30"),
            (6, "Bartholomew", "Quigley", "1948-01-09"),
            *((n, f"Given{n}", f"Family{n * 7}", f"19{10 + n}-0{1 + n % 9}-1{n % 9}") for n in range(10, 60)),
        ],
        primary_key="id",
    )
    result = found("people", ["first_name", "last_name", "date_of_birth"], fuzzy=True)
    groups = [{row["id"] for row in group["rows"]} for group in result["groups"]]
    assert {1, 2} in groups
    assert not any({5, 6} & group for group in groups)
    assert all(group["match_weight"] > 0 for group in result["groups"])
