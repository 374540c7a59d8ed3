"""Sources, reading order, batch size, and where a run goes on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from etl_assets import Query, Transformer, col, key
from tests.databases import Pair
from tests.integration.old import FAST, FROM_EACH, TO_EACH, Plains, cut_off, listened, old
from tests.legacy import (
    attempt,
    configured,
    counts,
    execute,
    load,
    make_table,
    rows_of,
)
from tests.targets.models import (
    OldPlain,
    Plain,
)


def first_read(transformer: type[Transformer], **options: Any) -> list[str]:
    """Names in the order in which rows are read, as `prepare` sees them."""
    found: list[str] = []

    class Seen(transformer):  # type: ignore[valid-type, misc]
        class Meta(transformer.Meta):  # type: ignore[name-defined, misc]
            pass

        def prepare(self, rows):
            found.extend(rows["name"])
            return rows

    load(Seen, **options)
    return found


@FROM_EACH
def test_rows_are_read_by_order_by_else_by_primary_key_else_by_key(pair: Pair):
    rows = [("b", "1", 3), ("a", "2", 1), ("c", "3", 3), ("d", "4", None)]

    class Ordered(Plains):
        class Meta(Plains.Meta):
            order_by = ("-value", "name")

    class OfView(Plains):
        class Meta(Plains.Meta):
            source = "old_view"

    old(*rows)
    execute("CREATE VIEW old_view AS SELECT * FROM old")

    assert first_read(Plains, batch_size=2) == ["2", "1", "3", "4"]
    assert first_read(OfView, batch_size=3) == ["2", "1", "3", "4"]
    by_value = first_read(Ordered, batch_size=1)
    assert [name for name in by_value if name != "4"] == ["1", "3", "2"]
    assert by_value == first_read(Ordered, batch_size=100)


@FROM_EACH
@pytest.mark.parametrize(
    "order_by",
    [("day",), ("-day",), ("amount", "-moment"), ("-label", "day"), ("moment",), ("-amount",), ("ratio",)],
)
def test_the_order_holds_across_resumed_runs_with_nulls_and_ties(pair: Pair, order_by: tuple[str, ...]):
    """A run that is cut off after every batch reads each row once, in the order of one that is not."""
    make_table(
        "old",
        {
            "id": "integer",
            "name": "varchar(9)",
            "day": "date",
            "amount": "numeric(20, 4)",
            "label": "varchar(20)",
            "moment": "timestamp",
            "ratio": "double precision",
        },
        [
            (1, "1", None, "1.5000", "Zoë", None, 0.1),
            (2, "2", dt.date(2020, 1, 1), None, "a'b", dt.datetime(2020, 1, 1, 1, 1, 1, 5), 0.1),  # noqa: DTZ001
            (3, "3", dt.date(2019, 1, 1), "1.5000", None, dt.datetime(2020, 1, 1, 1, 1, 1), None),  # noqa: DTZ001
            (4, "4", None, "10", "A", dt.datetime(2020, 1, 1, 1, 1, 1), 1e-300),  # noqa: DTZ001
            (5, "5", dt.date(2019, 1, 1), "-3.25", "a%s", None, -0.5),
            (6, "6", dt.date(9999, 12, 31), "1.5000", "", dt.datetime(1, 1, 1), 0.30000000000000004),  # noqa: DTZ001
        ],
        primary_key="id",
    )
    given = order_by

    class Ordered(Transformer):
        class Meta:
            source = "old"
            model = Plain
            name = "plains"
            order_by = given

        legacy_id = key("id")
        name = col("name")

    whole = first_read(Ordered, full=True)
    Plain.objects.all().delete()
    seen: list[str] = []
    for _ in range(6):
        batches: list[int] = []

        class Cut(Ordered):
            class Meta(Ordered.Meta):
                pass

            def prepare(self, rows, batches=batches, seen=seen):
                batches.append(len(rows))
                if len(batches) == 2:
                    raise RuntimeError("cut off")
                seen.extend(rows["name"])
                return rows

        attempt(Cut, batch_size=1, rollback=False)

    assert seen == whole
    assert Plain.objects.count() == 6


@pytest.mark.parametrize("pair", [("postgresql", "sqlite")], indirect=True)
def test_without_a_unique_key_each_run_starts_at_the_beginning_and_says_so(pair: Pair):
    old(("a", "1", 1), ("b", "2", 2), ("c", "3", 3), primary_key=None)
    attempt(cut_off(Plains, 3), batch_size=1, rollback=False)
    assert Plain.objects.count() == 2

    listener = listened(Plains, rollback=False)

    assert listener.rows == 3
    assert any("old" in note and "beginning" in note for note in listener.notes)
    assert Plain.objects.count() == 3


@FAST
def test_batch_size_wins_over_meta(pair: Pair):
    class Small(Plains):
        class Meta(Plains.Meta):
            batch_size = 2

    old(*[(str(n), "n", n) for n in range(5)])

    assert listened(Small).batches == [2, 2, 1]
    assert listened(Small, batch_size=4).batches == [4, 1]
    with configured(BATCH_SIZE=3):
        assert listened(Plains).batches == [3, 2]


@FROM_EACH
def test_a_query_a_model_and_a_queryset_are_sources_by_their_database_names(pair: Pair):
    class Base(Transformer):
        legacy_id = key("id")
        name = col("name")
        value = col("value")

    class OfQuery(Base):
        class Meta:
            model = Plain
            name = "plains"
            source = Query(
                "SELECT id, name, value % 10 AS value FROM old WHERE name LIKE '%x%' ORDER BY name;"
            )

    class OfModel(Base):
        class Meta:
            model = Plain
            name = "plains"
            source = OldPlain

    class OfQuerySet(Base):
        class Meta:
            model = Plain
            name = "plains"
            source = OldPlain.objects.filter(label__contains="x").exclude(value=11)

    old(("a", "x", 11), ("b", "100%s x", 22), ("c", "y", 33))

    load(OfQuery)
    assert rows_of(Plain, "legacy_id", "name", "value") == [("a", "x", 1), ("b", "100%s x", 2)]
    assert counts(load(OfModel)) == (3, 1, 2, 0, 0, 0)
    assert counts(load(OfQuerySet)) == (1, 0, 0, 1, 0, 0)


@TO_EACH
def test_a_run_with_rollback_goes_on_after_a_checkpoint_and_says_so(pair: Pair):
    old(*[(str(n), "n", n) for n in range(5)])
    attempt(cut_off(Plains, 3), batch_size=2, rollback=False)

    listener = listened(Plains)

    assert listener.rows == 1
    assert any("4 rows" in note for note in listener.notes)
    assert Plain.objects.count() == 5
    assert listened(Plains).rows == 5
