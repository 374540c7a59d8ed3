from __future__ import annotations

from typing import Any

import pytest

from etl_assets.management.inspection import Request

OPTIONS: dict[str, Any] = {
    "action": "duplicates",
    "table": "t",
    "database": None,
    "columns": None,
    "limit": 10,
    "batch_size": 1000,
    "output": None,
    "format": None,
    "ignore_case": False,
    "fuzzy": False,
    "show_sensitive": False,
}


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        (None, None),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a , b ", ["a", "b"]),
        ("first name,b", ["first name", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        (' "a,b" , "c""d" ,', ["a,b", 'c"d']),
        ('" id ","", e', [" id ", "", "e"]),
        ('a"b,"c', ['a"b', '"c']),
        ('x"; drop table y; --', ['x"; drop table y; --']),
        (["a,b", "c"], ["a,b", "c"]),
    ],
)
def test_columns_are_split_at_commas(given: Any, columns: list[str] | None) -> None:
    assert Request.from_options({**OPTIONS, "columns": given}).columns == columns


def test_numbers_come_as_texts_from_a_command_line_and_as_numbers_from_code() -> None:
    request = Request.from_options({**OPTIONS, "limit": "3", "batch_size": 7})

    assert (request.limit, request.batch_size) == (3, 7)


def test_a_number_that_no_database_knows_is_the_largest_that_one_does() -> None:
    assert Request.from_options({**OPTIONS, "limit": "99999999999999999999"}).limit == 2**63 - 1
