"""The model Reject: its life, its keys, and who claims what."""

from __future__ import annotations

from etl_assets import Transformer, col, concat, skip
from etl_assets.models import Reject, Run
from tests.databases import Pair
from tests.integration.old import FAST, FROM_EACH, OLD, TO_EACH, Plains, cut_off, old
from tests.legacy import (
    attempt,
    counts,
    dry_run,
    execute,
    load,
    loaded,
    make_table,
    rejected,
    rows_of,
)
from tests.targets.models import (
    Pairwise,
    Plain,
)


def reject(legacy_key: str) -> tuple[str, str, str | None]:
    """Ids of the first run, the last, and the one that loaded the row after all."""
    one = Reject.objects.get(legacy_key=legacy_key)
    return one.first_run.run_id, one.run.run_id, one.resolved_run.run_id if one.resolved_run else None


@TO_EACH
def test_the_life_of_a_reject(pair: Pair):
    too_long = "x" * 31
    make_table(
        "old", {**OLD, "name": "varchar(50)"}, [("a", too_long, 1), ("b", "fine", 2)], primary_key="id"
    )

    load(Plains, run_id="one")
    assert reject("a") == ("one", "one", None)
    load(Plains, run_id="two")
    assert reject("a") == ("one", "two", None)
    execute("UPDATE old SET name = 'mended' WHERE id = 'a'")
    dry_run(Plains)
    assert reject("a") == ("one", "two", None)
    attempt(cut_off(Plains, 1), run_id="failed")
    assert reject("a") == ("one", "two", None)
    load(Plains, run_id="three")
    assert reject("a") == ("one", "two", "three")
    execute(f"UPDATE old SET name = '{too_long}' WHERE id = 'a'")
    report = load(Plains, run_id="four")
    assert reject("a") == ("one", "four", None)
    assert counts(report) == (2, 0, 0, 1, 1, 0)
    assert loaded(Plain, "legacy_id", "name")["a"] == "mended", "it stays as it was loaded once"
    assert Run.objects.get(run_id="four").rejected == 1


@FAST
def test_the_row_that_lost_its_key_stays_open_though_the_key_is_loaded(pair: Pair):
    make_table("old", {**OLD, "n": "integer"}, [("a", "1", 1, 1), ("a", "2", 2, 2)], primary_key="n")

    load(Plains, run_id="one")
    load(Plains, run_id="two")

    assert reject("a") == ("one", "two", None)


@FROM_EACH
def test_a_legacy_key_of_several_columns_is_a_json_list_a_concats_parts_included(pair: Pair):
    class Pairs(Transformer):
        class Meta:
            source = "old"
            model = Pairwise
            name = "pairs"
            key = ("first", "second")

        first = col("id")
        second = col("name")
        value = col("value").between(0, 9)

    class Joined(Transformer):
        class Meta:
            source = "old"
            model = Plain
            name = "joined"
            key = ("legacy_id",)

        legacy_id = concat("name", "id", sep="-")
        name = col("name")
        value = col("value").between(0, 9)

    old(("a", "x|y", 10), ("a|x", "y", 1), ("a", "x", 2), ("é", None, 11), ("a|x", "y", 3), primary_key=None)

    report = load(Pairs)
    assert rejected(report) == [
        ('["a", "x|y"]', "value", "between"),
        ('["a|x", "y"]', "", "duplicate_key"),
        ('["é", null]', "value", "between"),
    ]
    assert rows_of(Pairwise, "first", "second", "value") == [("a", "x", 2), ("a|x", "y", 1)]
    assert counts(load(Pairs)) == (5, 0, 0, 2, 3, 0)

    keys = [key for key, _, _ in rejected(load(Joined))]
    assert keys == ['["x|y", "a"]', '["y", "a|x"]', '[null, "é"]']


@FAST
def test_a_row_that_is_skipped_or_rejected_claims_no_key_and_no_value(pair: Pair):
    class Skipping(Plains):
        class Meta(Plains.Meta):
            pass

        @skip("is negative")
        def negative(self, rows):
            return rows["value"] < 0

    make_table(
        "old",
        {**OLD, "n": "integer"},
        [("a", "x", -1, 1), ("a", "x" * 31, 2, 2), ("a", "third", 3, 3), ("a", "fourth", 4, 4)],
        primary_key="n",
    )
    for size in (1, 2, 10):
        Plain.objects.all().delete()
        report = load(Skipping, batch_size=size)
        assert loaded(Plain, "legacy_id", "name") == {"a": "third"}
        assert counts(report) == (4, 1, 0, 0, 2, 1)
