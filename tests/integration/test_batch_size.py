"""Whatever the batch size, the outcome is that of reading row by row: a plain loop says which it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl_assets import Transformer, col, key, link
from etl_assets.engine.report import TransformerReport
from etl_assets.models import Checkpoint, ClaimedKey, Reject, Run
from tests.databases import Pair
from tests.legacy import attempt, counts, dry_run, execute, load, make_table
from tests.targets.models import Member, Place

UNLUCKY = 99
"""An age that only a trigger in the target database refuses."""


class Row(NamedTuple):
    """A legacy row, in the order of its columns."""

    id: int | None
    number: int | None
    email: str | None
    team: str | None
    seat: int | None
    leads: str
    age: int | None
    place: int | None


COLUMNS = {
    "id": "integer",
    "number": "integer",
    "email": "varchar(40)",
    "team": "varchar(10)",
    "seat": "integer",
    "leads": "varchar(1)",
    "age": "integer",
    "place": "integer",
    "row_id": "integer",
}


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
        name = "places"

    legacy_id = key("id")
    code = col("id")


class Members(Transformer):
    class Meta:
        source = "old_members"
        model = Member
        name = "members"

    legacy_id = key("id")
    number = col("number")
    email = col("email")
    team = col("team")
    seat = col("seat")
    leads = col("leads").boolean(true=("Y",), false=("N",))
    age = col("age")
    place = link("places", "place")


# The plain reading

Target = dict[int, Row]
"""Legacy key -> the row as it was loaded."""


def unique_values(row: Row) -> set[tuple[Any, ...]]:
    """What no other row of the target may have; a null is equal to nothing."""
    found: set[tuple[Any, ...]] = set()
    if row.number is not None:
        found.add(("number", row.number))
    if row.email is not None:
        found.add(("email", row.email.lower()))
    if row.team is not None and row.seat is not None:
        found.add(("seat", row.team, row.seat))
    if row.team is not None and row.leads == "Y":
        found.add(("leader", row.team))
    return found


def is_bad(row: Row, places: Iterable[int]) -> bool:
    return (
        row.id is None
        or row.leads not in ("Y", "N")
        or (row.place is not None and row.place not in places)
        or (row.age is not None and (row.age < 0 or row.age in (13, UNLUCKY)))
    )


def plainly(rows: Iterable[Row], target: Target) -> tuple[Target, list[int], tuple[int, int, int]]:
    """Load one row after the other; return the target, the places of the rejected, and what was written."""
    after, refused, seen = dict(target), [], set()
    created = updated = unchanged = 0
    for number, row in enumerate(rows, 1):
        others = [other for legacy_id, other in after.items() if legacy_id != row.id]
        # A row that stays as it is writes nothing, so no trigger or constraint speaks.
        same = after.get(row.id) == row if row.id is not None else False
        taken = set().union(*map(unique_values, others)) if others else set()
        if is_bad(row, (1, 2)) or row.id in seen or (not same and unique_values(row) & taken):
            refused.append(number)
            continue
        assert row.id is not None
        seen.add(row.id)
        created += row.id not in after
        unchanged += same
        updated += row.id in after and not same
        after[row.id] = row
    return after, refused, (created, updated, unchanged)


# The same by the engine


def as_loaded() -> Target:
    return {
        one.legacy_id: Row(
            one.legacy_id, one.number, one.email, one.team, one.seat, "Y" if one.leads else "N", one.age,
            one.place.legacy_id if one.place else None,
        )
        for one in Member.objects.select_related("place")
    }  # fmt: skip


def put(target: Target) -> None:
    Member.objects.all().delete()
    places = dict(Place.objects.values_list("legacy_id", "pk"))
    Member.objects.bulk_create(
        Member(
            legacy_id=legacy_id, number=row.number, email=row.email, team=row.team, seat=row.seat,
            leads=row.leads == "Y", age=row.age, place_id=places[row.place] if row.place else None,
        )
        for legacy_id, row in target.items()
    )  # fmt: skip


def refused_places(report: TransformerReport) -> list[int]:
    return sorted(row.raw["row_id"] for row in report.rejects or ())


def codes(report: TransformerReport) -> dict[int, tuple[str, str]]:
    return {row.raw["row_id"]: (row.field, row.code) for row in report.rejects or ()}


def legacy(rows: Iterable[Row]) -> None:
    make_table(
        "old_members", COLUMNS, [(*row, place) for place, row in enumerate(rows, 1)], primary_key="row_id"
    )


def clear() -> None:
    for model in (Reject, Run, Checkpoint, ClaimedKey):
        model.objects.all().delete()


def prepare(pair: Pair) -> None:
    for alias in ("legacy", "default"):
        if connections[alias].vendor == "sqlite":
            execute("PRAGMA synchronous = OFF", using=alias)  # hundreds of commits, and no power cut
    make_table("old_places", {"id": "integer"}, [(1,), (2,)])
    load(Places)
    if pair.target.vendor == "sqlite":
        for event in ("INSERT", "UPDATE"):
            execute(
                f"CREATE TRIGGER luck_{event} BEFORE {event} ON targets_member WHEN NEW.age = {UNLUCKY} "
                "BEGIN SELECT RAISE(ABORT, 'unlucky'); END",
                using="default",
            )
    else:
        execute(
            "CREATE FUNCTION luck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.age = {UNLUCKY} THEN RAISE EXCEPTION 'unlucky'; END IF; RETURN NEW; END $$",
            using="default",
        )
        execute(
            "CREATE TRIGGER luck BEFORE INSERT OR UPDATE ON targets_member "
            "FOR EACH ROW EXECUTE FUNCTION luck()",
            using="default",
        )


few = st.sampled_from
messy_rows = st.lists(
    st.builds(
        Row,
        id=few([1, 2, 3, 4, 5, None]),
        number=few([1, 2, 3, None]),
        email=few(["a@x", "A@X", "b@x", None]),
        team=few(["t", "u", None]),
        seat=few([1, 2, None]),
        leads=few("NNNYx"),
        age=few([1, 1, 1, 1, 13, UNLUCKY, None]),
        place=few([1, 2, 9, None, None]),
    ),
    max_size=9,
)
# Fewer columns differ, so that more rows get far enough to swap values among themselves.
swapping_rows = st.lists(
    st.builds(
        lambda id, number, age: Row(id, number, None, None, None, "N", age, None),
        few([1, 2, 3, 4]),
        few([1, 2, 3, 4]),
        few([1, 1, 1, 1, UNLUCKY]),
    ),
    max_size=8,
)
tables = st.one_of(messy_rows, swapping_rows)


def compare(before: Target, rows: list[Row], sizes: Iterable[int], run: Callable[[int], TransformerReport]):
    expected, refused, written = plainly(rows, before)
    legacy(rows)
    first_codes = None
    for size in sizes:
        clear()
        put(before)
        report = run(size)
        assert refused_places(report) == refused, f"batch size {size}"
        assert as_loaded() == expected, f"batch size {size}"
        assert counts(report) == (len(rows), *written, len(refused), 0), f"batch size {size}"
        first_codes = codes(report) if first_codes is None else first_codes
        assert codes(report) == first_codes, f"batch size {size}"


def check(pair: Pair, examples: int, sizes: tuple[int, ...], run: Callable[[int], TransformerReport]) -> None:
    prepare(pair)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(before=tables, rows=tables)
    def outcome(before: list[Row], rows: list[Row]) -> None:
        compare(plainly(before, {})[0], rows, sizes, run)

    outcome()


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_the_outcome_is_that_of_a_plain_loop_whatever_the_batch_size(pair: Pair):
    check(pair, 30, (1, 2, 3, 5, 100), lambda size: load(Members, Places, batch_size=size))


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_without_rollback_too(pair: Pair):
    check(pair, 20, (1, 3, 100), lambda size: load(Members, Places, batch_size=size, rollback=False))


@pytest.mark.parametrize("pair", [("postgresql", "postgresql")], indirect=True)
def test_postgresql_agrees(pair: Pair):
    check(pair, 12, (1, 2, 3, 100), lambda size: load(Members, Places, batch_size=size))


@pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("postgresql", "postgresql")], indirect=True)
def test_values_that_wander_among_rows(pair: Pair):
    """A chain, a swap, and a value that a row gave up before its key came twice."""
    prepare(pair)

    def row(id: int, number: int | None, age: int | None = 1) -> Row:
        return Row(id, number, None, None, None, "N", age, None)

    before = {n: row(n, n) for n in (1, 2, 3, 4, 5)}
    for rows in (
        [row(3, 30), row(2, 3), row(1, 2)],  # each takes what the one before gave up
        [row(1, 2), row(2, 3), row(3, 30)],  # the other way round: only the last may
        [row(1, 2), row(2, 1)],  # a swap is refused both times
        [row(1, None), row(2, 1), row(1, 7)],  # the key comes twice, the value was free before
        [row(1, 7), row(6, 1), row(1, 8), row(7, 8)],
        [row(1, 7, 99), row(6, 1), row(7, 7)],  # refused by the trigger: it gives up and takes nothing
        [row(6, 1), row(1, 7), row(7, 1)],
        [row(6, 60), row(7, 60), row(6, 61), row(8, 61)],
        [row(6, 60, 13), row(7, 60), row(8, 60)],
    ):
        compare(before, rows, (1, 2, 3, 100), lambda size: load(Members, Places, batch_size=size))


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_a_run_cut_off_anywhere_ends_like_one_that_was_not(pair: Pair):
    prepare(pair)
    rows = [
        Row(1, 1, "a@x", "t", 1, "Y", 1, 1),
        Row(2, 1, None, None, None, "N", 1, 1),  # number of the first
        Row(1, 3, None, None, None, "N", 1, None),  # key of the first
        Row(3, 3, "A@X", None, None, "N", 1, None),  # e-mail of the first
        Row(4, 4, None, "t", 2, "Y", 1, None),  # a second leader
        Row(4, 4, None, "t", 2, "N", 1, 9),  # an orphan
        Row(4, 4, None, "t", 2, "N", 1, 2),
        Row(4, 5, None, "t", 3, "N", 1, 2),  # key of the one before
    ]
    expected, refused, _ = plainly(rows, {})
    legacy(rows)
    for cut in range(1, 8):  # the hook does not see the orphan, which is a batch of its own
        clear()
        Member.objects.all().delete()
        batches: list[int] = []

        class Cut(Members):
            class Meta(Members.Meta):
                pass

            def transform(self, rows, batches=batches, cut=cut):
                batches.append(len(rows))
                if len(batches) == cut:
                    raise RuntimeError("cut off")
                return rows

        broken = attempt(Cut, Places, batch_size=1, rollback=False)
        resumed = load(Members, Places, batch_size=1, rollback=False)
        assert as_loaded() == expected, cut
        assert sorted([*refused_places(broken), *refused_places(resumed)]) == refused, cut
        assert broken.status == "failed"
        assert 0 < resumed.counts.read <= len(rows)


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_a_dry_run_says_the_same_for_any_batch_size(pair: Pair):
    prepare(pair)

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(before=tables, rows=tables)
    def outcome(before: list[Row], rows: list[Row]) -> None:
        target = plainly(before, {})[0]
        _, refused, written = plainly(rows, target)
        clear()
        put(target)
        legacy(rows)
        for size in (1, 3, 100):
            report = dry_run(Places, Members, batch_size=size).transformers["members"]
            assert refused_places(report) == refused
            assert counts(report) == (len(rows), *written, len(refused), 0)
        assert as_loaded() == target
        assert not connections["default"].in_atomic_block

    outcome()
