"""Each stage made slow in turn, by what makes it slow in life: the advice is the one that would help.

The others work meanwhile, in threads of their own: none of them may be blamed for waiting.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from etl_assets import Transformer, col, key, rule, skip
from etl_assets.engine.report import TransformerReport
from tests.databases import Pair
from tests.legacy import execute, load, make_table
from tests.targets.models import Place, Plain

BATCHES = 6
SIZE = 2_000
ROWS = BATCHES * SIZE
PAUSE = 0.3
"""What each batch takes in the slow stage at least, beside a few hundredths for all the others."""

EACH_TARGET = pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True)


class Plains(Transformer):
    class Meta:
        source = "old_plain"
        model = Plain
        name = "plains"

    legacy_id = key("id")
    name = col("name").strip()
    value = col("value").integer()


taken: list[float] = []
"""Seconds that each slow step took, on a machine that may have more to do."""


@contextmanager
def timed() -> Iterator[None]:
    began = time.perf_counter()
    yield
    taken.append(time.perf_counter() - began)


def busy(seconds: float) -> None:
    """Work in Python, as a loop over rows does: other threads hardly get to it."""
    with timed():
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            sum(range(100))


def thought_over(name: str) -> str:
    busy(PAUSE / SIZE)
    return name


class SlowHook(Plains):
    class Meta(Plains.Meta):
        pass

    def transform(self, rows):
        busy(PAUSE)
        return rows


class AsksForEachRow(Plains):
    """What its queries wait for the batch that is being written is not its own."""

    class Meta(Plains.Meta):
        pass

    def prepare(self, rows):
        for _ in range(20):
            Place.objects.count()
        return rows


class SlowRow(Plains):
    class Meta(Plains.Meta):
        pass

    def transform_row(self, row):
        busy(PAUSE / SIZE)
        return row


class SlowSkip(Plains):
    class Meta(Plains.Meta):
        pass

    @skip("never")
    def never(self, rows):
        with timed():
            time.sleep(PAUSE)
        return rows["name"] == "nobody"


class SlowVerb(Plains):
    class Meta(Plains.Meta):
        pass

    name = col("name").apply(thought_over)


class SlowRule(Plains):
    class Meta(Plains.Meta):
        pass

    @rule("is below zero")
    def not_negative(self, rows):
        busy(PAUSE)
        return rows["value"] >= 0


class FromView(Plains):
    class Meta(Plains.Meta):
        source = "old_view"


@pytest.fixture
def source(pair: Pair) -> Pair:
    rows = [(str(number), f" n{number} ", str(number % 100)) for number in range(ROWS)]
    columns = {"id": "varchar(20)", "name": "varchar(20)", "value": "varchar(20)"}
    make_table("old_plain", columns, rows, primary_key="id")
    return pair


def first_advice(transformer: type[Transformer]) -> tuple[str, TransformerReport]:
    report = load(transformer, batch_size=SIZE)
    assert report.counts.created == ROWS
    return report.recommendations()[0], report


def share(advice: str) -> int:
    return int(advice.rsplit(": ", 1)[1].split()[0])


# Cleaning and validating


@EACH_TARGET
@pytest.mark.parametrize(
    ("transformer", "expected"),
    [
        (
            SlowHook,
            "Cleaning costs most, and most of it is transform(): avoid loops over rows",
        ),
        (
            SlowSkip,
            "Cleaning costs most, and most of it is never(): avoid loops over rows",
        ),
        (
            SlowRow,
            "Cleaning costs most, and most of it is transform_row(): avoid loops over rows",
        ),
        (SlowVerb, "Cleaning costs most: apply() run in Python, value by value"),
        (
            SlowRule,
            "Validation costs most, and most of it is not_negative(): write it without a loop over rows",
        ),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else "",
)
def test_slow_python_is_named(source: Pair, transformer: type[Transformer], expected: str):
    taken.clear()
    advice, report = first_advice(transformer)

    assert advice.startswith(f"{expected} (")
    assert share(advice) == pytest.approx(100 * sum(taken) / report.duration_seconds, abs=25)


# Reading


@pytest.mark.parametrize(
    "pair", [("postgresql", "sqlite"), ("postgresql", "postgresql")], indirect=True, ids="-to-".join
)
def test_a_slow_view(source: Pair):
    execute(
        "CREATE FUNCTION slow(value varchar) RETURNS varchar VOLATILE LANGUAGE plpgsql AS $$ "
        f"BEGIN IF value IN ('7', '57') THEN PERFORM pg_sleep({PAUSE / (SIZE / 50)}); END IF; "
        "RETURN value; END $$"
    )
    execute("CREATE VIEW old_view AS SELECT id, name, slow(value) AS value FROM old_plain")

    advice, report = first_advice(FromView)

    assert advice.startswith("Reading costs most: index its reading order, copy a slow view into a table")
    assert report.stages.as_dict()["data_transformation"]["seconds"] < BATCHES * PAUSE / 2
    assert report.stages.as_dict()["bulk_create"]["seconds"] < BATCHES * PAUSE / 2


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_a_view_that_reckons_long(source: Pair):
    execute(
        "CREATE VIEW old_view AS SELECT id, name, value FROM old_plain WHERE (WITH RECURSIVE n(i) AS "
        "(SELECT length(id) UNION ALL SELECT i + 1 FROM n WHERE i < 1500) SELECT max(i) FROM n) > 0"
    )

    advice, _ = first_advice(FromView)

    assert advice.startswith("Reading costs most: index its reading order")


# Writing


@EACH_TARGET
def test_a_slow_trigger(source: Pair):
    slow_trigger(source, Plain._meta.db_table)

    advice, report = first_advice(Plains)

    assert advice.startswith("Writing costs most: drop indexes and triggers that the load does not need (")
    assert share(advice) > 60
    times = report.stages.as_dict()
    assert times["bulk_create"]["seconds"] > BATCHES * PAUSE * 0.9
    assert times["data_extraction"]["seconds"] < BATCHES * PAUSE / 2
    assert times["data_transformation"]["seconds"] < BATCHES * PAUSE / 2


@EACH_TARGET
def test_a_hook_that_waits_for_what_is_being_written_is_not_blamed(source: Pair):
    slow_trigger(source, Plain._meta.db_table)

    advice, report = first_advice(AsksForEachRow)

    assert advice.startswith("Writing costs most: ")
    times = report.stages.as_dict()
    assert times["data_transformation"]["seconds"] < BATCHES * PAUSE / 3
    assert report.stages.hooks["data_transformation"]["prepare"] < BATCHES * PAUSE / 3


def slow_trigger(pair: Pair, table: str) -> None:
    """Let the target think about two rows in a hundred."""
    pause = PAUSE / (SIZE / 50)
    if pair.target.vendor == "postgresql":
        execute(
            "CREATE FUNCTION think() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.value IN (7, 57) THEN PERFORM pg_sleep({pause}); END IF; RETURN NEW; END $$",
            using="default",
        )
        execute(
            f"CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION think()",
            using="default",
        )
        return
    pair.default.ensure_connection()
    pair.default.connection.create_function("think", 0, lambda: time.sleep(pause))
    execute(
        f"CREATE TRIGGER slow BEFORE INSERT ON {table} WHEN NEW.value IN (7, 57) BEGIN SELECT think(); END",
        using="default",
    )
