"""Any sequence of changes with runs in between ends as a plain reading of the promises says.

The reading goes row by row over Python dicts, and shares nothing with the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl_assets import Transformer, col, key, link
from etl_assets.engine.report import TransformerReport
from etl_assets.models import Checkpoint, ClaimedKey, KeyOwner, Reject, Run, Watermark
from tests.databases import Pair
from tests.legacy import load, loaded, make_table
from tests.targets.models import Place, Visitor

CODES = ("1", " 1", "2", "2 ", "3")
PLACES = (1, 2, 3)


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
        name = "places"

    legacy_id = key("id")
    code = col("code")


class Visitors(Transformer):
    class Meta:
        source = "old_visitors"
        model = Visitor
        name = "visitors"
        watermark = "changed"

    legacy_id = key("code").strip()
    place = link("places", "place")


@dataclass
class Row:
    code: str
    place: int
    changed: int | None

    @property
    def key(self) -> int:
        return int(self.code)


@dataclass
class Legacy:
    """The old database, changed in every way that its watermark tells of."""

    rows: dict[int, Row] = field(default_factory=dict)
    places: set[int] = field(default_factory=lambda: {1})
    clock: int = 10

    def write(self) -> None:
        places = [(n, f"p{n}") for n in sorted(self.places)]
        make_table("old_places", {"id": "integer", "code": "varchar(9)"}, places)
        columns = {"no": "integer", "code": "varchar(9)", "place": "integer", "changed": "integer"}
        rows = [(no, row.code, row.place, row.changed) for no, row in self.rows.items()]
        make_table("old_visitors", columns, rows, primary_key="no")

    def insert(self, row: Row) -> None:
        self.rows[len(self.rows) + 1] = row

    def update(self, no: int, **values: Any) -> None:
        row = self.rows[no]
        for name, value in values.items():
            setattr(row, name, value)
        if row.changed is not None:
            row.changed = self.clock

    def is_good(self, row: Row) -> bool:
        return row.place in self.places

    def of_key(self, key: int) -> list[Row]:
        return [row for row in self.rows.values() if row.key == key]


@dataclass
class Reading:
    """What the promises say of each run."""

    target: dict[int, int] = field(default_factory=dict)
    owner: dict[int, int] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)
    mark: int | None = None

    def run(self, legacy: Legacy, *, full: bool) -> int:
        """Take the rows that a run reads, in their order, and return how many these are."""
        marks = [row.changed for row in legacy.rows.values() if row.changed is not None]
        newest = max(marks, default=None)
        mark = self.mark
        everything = full or mark is None or newest is None or newest < mark or not self.target
        if everything:
            self.owner.clear()
        chosen = [no for no in legacy.rows if everything or self.is_new(no, legacy.rows[no])]
        for no in chosen:
            self.take(no, legacy.rows[no], legacy)
        self.mark = newest
        return len(chosen)

    def is_new(self, no: int, row: Row) -> bool:
        assert self.mark is not None
        return row.changed is None or row.changed >= self.mark or no in self.open

    def take(self, no: int, row: Row, legacy: Legacy) -> None:
        wanted = row.key if legacy.is_good(row) else None
        for given_up in [one for one, owner in self.owner.items() if owner == no and one != wanted]:
            del self.owner[given_up]
        if wanted is None or self.owner.get(wanted, no) != no:
            self.open.add(no)
            return
        self.open.discard(no)
        self.owner[wanted] = no
        self.target[wanted] = row.place


NO_WATERMARK = st.sampled_from((False, False, False, True))
ROWS = st.tuples(st.sampled_from(CODES), st.sampled_from(PLACES), NO_WATERMARK)
TICKS = st.tuples(st.just("tick"))
INSERTS = st.tuples(st.just("insert"), ROWS)
MOVES = st.tuples(st.just("move"), st.integers(0, 9), st.sampled_from(PLACES))
RECODES = st.tuples(st.just("recode"), st.integers(0, 9), st.sampled_from(CODES))
PARENTS = st.tuples(st.just("parent"), st.sampled_from(PLACES))
RUNS = st.tuples(st.just("run"), st.sampled_from((1, 2, 100)), st.booleans())
FULL_RUNS = st.tuples(st.just("full"))
USUAL = (INSERTS, INSERTS, TICKS, MOVES, PARENTS, RUNS)

EVERY_PAIR = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def forget_everything() -> None:
    for model in (Visitor, Place, Reject, Run, Watermark, KeyOwner, Checkpoint, ClaimedKey):
        model._base_manager.all().delete()


def run(legacy: Legacy, **options: Any) -> TransformerReport:
    legacy.write()
    load(Places)
    return load(Visitors, Places, **options)


def apply(step: tuple[Any, ...], legacy: Legacy) -> None:
    """Change the old database. Without a tick before it, a change has the watermark of the last one."""
    kind, *arguments = step
    if kind == "tick":
        legacy.clock += 1
    elif kind == "insert":
        ((code, place, has_none),) = arguments
        legacy.insert(Row(code, place, None if has_none else legacy.clock))
    elif kind == "parent":
        legacy.places.add(arguments[0])
    elif legacy.rows and kind in ("move", "recode"):
        no = arguments[0] % len(legacy.rows) + 1
        legacy.update(no, **{"place" if kind == "move" else "code": arguments[1]})


def in_target() -> dict[int, int]:
    return loaded(Visitor, "legacy_id", "place__legacy_id")


@EVERY_PAIR
@given(st.lists(st.one_of(*USUAL, RECODES, FULL_RUNS), max_size=20))
def test_each_run_ends_as_a_plain_reading_says(pair: Pair, steps: list[tuple[Any, ...]]) -> None:
    forget_everything()
    legacy, reading = Legacy(), Reading()
    for step in [*steps, ("run", 100, True), ("run", 2, False)]:
        apply(step, legacy)
        if step[0] not in ("run", "full"):
            continue
        options = {"full": True} if step[0] == "full" else {"batch_size": step[1], "rollback": step[2]}
        report = run(legacy, **options)
        read = reading.run(legacy, full=step[0] == "full")
        assert in_target() == reading.target
        # A reject of a key that the row no longer has stays open: such a row is read once too often.
        assert report.counts.read >= read


@EVERY_PAIR
@given(st.lists(st.one_of(*USUAL), max_size=20))
def test_in_the_end_it_is_as_if_all_had_been_read_at_once(pair: Pair, steps: list[tuple[Any, ...]]) -> None:
    """Where the first row of each key is good before others have it, and what is good stays so."""
    forget_everything()
    legacy = Legacy()
    for step in steps:
        if step[0] == "insert":
            same = legacy.of_key(int(step[1][0]))
            if same and not legacy.is_good(same[0]):
                continue
        if step[0] == "move" and step[2] not in legacy.places:
            continue
        if step[0] == "run":
            run(legacy, batch_size=step[1], rollback=step[2])
        apply(step, legacy)
    run(legacy)
    step_by_step = in_target()

    forget_everything()
    run(legacy)
    assert in_target() == step_by_step
