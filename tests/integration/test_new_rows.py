"""Rows of a table that was empty: written in an order of their own, numbered as they were read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from django.db import connections

from etl_assets import Transformer, col, key
from etl_assets.models import ClaimedKey
from tests.databases import Pair
from tests.integration.old import TO_EACH, cut_off
from tests.legacy import attempt, checksums, counts, dry_run, execute, load, make_table, reasons
from tests.targets.models import Place, Shift, Ticket

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


class Tickets(Transformer):
    class Meta:
        source = "old"
        model = Ticket
        name = "tickets"

    id = key("no")
    title = col("code")


@TO_POSTGRESQL
def test_no_number_is_drawn_for_keys_that_are_mapped(pair: Pair):
    old([(number, code(number)) for number in range(ROWS)])

    load(Tickets, batch_size=ROWS)

    assert Ticket.objects.create(title="next").pk == ROWS


@TO_POSTGRESQL
def test_a_sequence_may_begin_with_the_lowest_number(pair: Pair):
    lowest = -(2**63)
    execute(f"ALTER SEQUENCE targets_place_id_seq MINVALUE {lowest} RESTART {lowest}", using="default")
    old([(number, code(number)) for number in range(SIZE)])

    load(Places)

    assert numbered() == [(lowest + number, number) for number in range(SIZE)]


@TO_POSTGRESQL
def test_what_is_no_table_takes_rows_the_long_way(pair: Pair):
    """COPY refuses a view that an INSERT may go through."""
    execute("ALTER TABLE targets_place RENAME TO kept_places", using="default")
    execute("CREATE VIEW targets_place AS SELECT * FROM kept_places", using="default")
    old([(1, "a"), (2, "b"), (1, "c"), (3, "b")])

    assert counts(load(Places)) == (4, 2, 0, 0, 2, 0)

    assert list(Place.objects.order_by("pk").values_list("legacy_id", "code")) == [(1, "a"), (2, "b")]


@TO_EACH
def test_a_run_that_goes_on_knows_keys_whose_rows_are_gone(pair: Pair):
    old([(1, "a"), (2, "b"), (1, "c"), (3, "d")])
    broken = attempt(cut_off(Places, 3), batch_size=1, rollback=False)
    assert (broken.status, ClaimedKey.objects.count()) == ("failed", 2)
    Place.objects.all().delete()

    report = load(cut_off(Places, 99), batch_size=1, rollback=False)

    assert [legacy_id for _, legacy_id in numbered()] == [3]
    assert reasons(report) == {"1": "legacy row 1 (row 1 read) has the same key, was read first and was kept"}


# Several unique sets

COLUMNS = ("no", "room", "hour", "nurse", "day", "leads", "badge")


class Shifts(Transformer):
    class Meta:
        source = "old_shifts"
        model = Shift
        name = "shifts"

    legacy_id = key("no")
    room = col("room")
    hour = col("hour")
    nurse = col("nurse")
    day = col("day")
    leads = col("leads").boolean()
    badge = col("badge")


def old_shifts(rows: Sequence[tuple[object, ...]]) -> None:
    columns = {"row_id": "integer", **dict.fromkeys(COLUMNS, "integer"), "badge": "varchar(9)"}
    numbers = [(place, *row) for place, row in enumerate(rows)]
    make_table("old_shifts", columns, numbers, primary_key="row_id")


def load_shifts(size: int, *, rollback: bool = True) -> tuple[list[int], list[int]]:
    """Load into an empty table, having tried it; return the keys that are in it and the rows that are not."""
    Shift.objects.all().delete()
    before = checksums()
    tried = dry_run(Shifts, batch_size=size).transformers["shifts"]
    assert (tried.error, checksums()) == (None, before)
    report = load(Shifts, batch_size=size, rollback=rollback)
    assert counts(report) == counts(tried)
    out = sorted(row.raw["row_id"] for row in report.rejects or ())
    assert out == sorted(row.raw["row_id"] for row in tried.rejects or ())
    return sorted(Shift.objects.values_list("legacy_id", flat=True)), out


@TO_EACH
def test_values_of_one_set_are_not_those_of_another(pair: Pair):
    old_shifts(
        [
            (1, 7, 8, 1, 1, 0, None),
            (2, 7, 8, 2, 2, 0, None),  # the room of the first
            (3, 1, 1, 7, 8, 0, None),
            (4, 2, 2, 7, 8, 0, None),  # the nurse of the third
        ]
    )

    for size in (1, 3, 4):
        Shift.objects.all().delete()
        Shift.objects.create(legacy_id=99)  # none of them is new to an empty table
        load(Shifts, batch_size=size)
        assert sorted(Shift.objects.values_list("legacy_id", flat=True)) == [1, 3, 99], size


@TO_EACH
def test_of_rows_that_only_the_database_keeps_apart_the_first_stays(pair: Pair):
    """The second looks as if it wanted what the first wants, the third as if it were alone."""
    if connections["default"].vendor == "postgresql":
        execute("ALTER TABLE targets_shift ALTER COLUMN id SET GENERATED ALWAYS", using="default")
    old_shifts(
        [
            (1, None, None, None, 5, 0, None),
            (2, None, None, None, 5, 1, "x"),
            (3, None, None, None, 6, 0, "X"),
            (4, None, None, None, 5, 1, "y"),
        ]
    )
    assert load_shifts(4) == ([1, 2, 3], [3])
    Shift.objects.all().delete()
    execute("CREATE UNIQUE INDEX badges ON targets_shift (lower(badge))", using="default")

    for size in (1, 2, 4):
        for rollback in (True, False):
            assert load_shifts(size, rollback=rollback) == ([1, 2], [2, 3]), size


@TO_POSTGRESQL
def test_a_key_that_is_reckoned_from_the_sequence_is_left_to_the_database(pair: Pair):
    execute(
        "ALTER TABLE targets_place ALTER id DROP IDENTITY IF EXISTS; "
        "CREATE SEQUENCE mine OWNED BY targets_place.id; "
        "ALTER TABLE targets_place ALTER id SET DEFAULT nextval('mine') * 10 + 3",
        using="default",
    )
    old([(number, code(number)) for number in range(ROWS)])

    load(Places, batch_size=SIZE)

    assert {pk % 10 for pk, _ in numbered()} == {3}
