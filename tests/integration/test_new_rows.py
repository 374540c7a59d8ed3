"""Rows of a table that was empty: written in an order of their own, numbered as they were read."""

from __future__ import annotations

import hashlib

import pytest

from etl_assets import Transformer, col, key
from tests.databases import Pair
from tests.legacy import execute, load, make_table, reasons
from tests.targets.models import Place

ROWS = 5_000
SIZE = 2_000
TO_POSTGRESQL = pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)


class Places(Transformer):
    class Meta:
        source = "old"
        model = Place
        name = "places"

    legacy_id = key("no")
    code = col("code")


def code(number: int) -> str:
    """A text that says nothing of its number."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:8]


def old(rows: list[tuple[int, str]]) -> None:
    columns = {"row_id": "integer", "no": "integer", "code": "varchar(8)"}
    make_table("old", columns, [(place, *row) for place, row in enumerate(rows)], primary_key="row_id")


def numbered() -> list[tuple[int, int]]:
    return list(Place.objects.order_by("pk").values_list("pk", "legacy_id"))


def in_table_order() -> list[str]:
    return [place.code for place in Place.objects.raw("SELECT * FROM targets_place ORDER BY ctid")]


@TO_POSTGRESQL
def test_rows_lie_as_their_index_does_and_are_numbered_as_they_were_read(pair: Pair):
    old([(number, code(number)) for number in range(ROWS)])

    load(Places, batch_size=SIZE)

    assert numbered() == [(number + 1, number) for number in range(ROWS)]
    batches = [range(first, min(first + SIZE, ROWS)) for first in range(0, ROWS, SIZE)]
    assert in_table_order() == [one for batch in batches for one in sorted(map(code, batch))]
    assert Place.objects.create(legacy_id=-1, code="next").pk == ROWS + 1


@TO_POSTGRESQL
def test_a_row_that_loses_leaves_no_gap_within_the_numbers(pair: Pair):
    """The same row wins as in a plain loop, in the same batch and in another one."""
    rows = [(number, code(number)) for number in range(ROWS)]
    rows[10] = (10, code(5))
    rows[20] = (15, "again")
    rows[4_000] = (7, "late")
    rows[4_001] = (4_001, code(5))
    old(rows)

    report = load(Places, batch_size=SIZE)

    expected: list[int] = []
    codes: set[str] = set()
    for legacy_id, text in rows:
        if legacy_id not in expected and text not in codes:
            expected.append(legacy_id)
            codes.add(text)
    assert [legacy_id for _, legacy_id in numbered()] == expected
    assert [pk for pk, _ in numbered()] == list(range(1, len(expected) + 1))
    assert reasons(report) == {
        "10": f"code: '{code(5)}' is taken by legacy row 5 (row 6 read), which was read first",
        "15": "legacy row 15 (row 16 read) has the same key, was read first and was kept",
        "7": "legacy row 7 (row 8 read) has the same key, was read first and was kept",
        "4001": f"code: '{code(5)}' is taken by another row of the target",
    }


@TO_POSTGRESQL
def test_a_sequence_that_is_nearly_used_up_gives_what_it_has(pair: Pair):
    """No number may be kept ready that a row would need."""
    execute("ALTER SEQUENCE targets_place_id_seq INCREMENT 3 MAXVALUE 15100", using="default")
    old([(number, code(number)) for number in range(ROWS)])

    load(Places, batch_size=SIZE)

    assert [legacy_id for _, legacy_id in numbered()] == list(range(ROWS))


@TO_POSTGRESQL
def test_numbers_are_those_of_the_sequence(pair: Pair):
    old([(number, code(number)) for number in range(ROWS)])
    execute("SELECT setval('targets_place_id_seq', 70)", using="default")
    execute("ALTER SEQUENCE targets_place_id_seq INCREMENT 7", using="default")

    load(Places, batch_size=SIZE)

    assert numbered() == [(77 + 7 * number, number) for number in range(ROWS)]
