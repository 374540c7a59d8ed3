"""Primary keys, rare constraints, aliases and the order of transformers."""

from __future__ import annotations

import pytest

from etl_assets import Transformer, col, key
from etl_assets.models import Checkpoint, Reject, Run
from etl_assets.registry import Registry
from tests.databases import Databases, Pair, Vendor
from tests.integration.old import FAST, TO_EACH, Plains, cut_off, old
from tests.legacy import (
    attempt,
    checksums,
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
    Document,
    Locker,
    Node,
    Place,
    Plain,
    Ticket,
    Visitor,
)


@TO_EACH
def test_a_mapped_automatic_key_leaves_the_sequence_behind_it(pair: Pair):
    class Tickets(Transformer):
        class Meta:
            source = "old"
            model = Ticket
            name = "tickets"

        id = key("value")
        title = col("name")

    old(("a", "seven", 7), ("b", "forty", 40))
    Ticket.objects.create(id=7, title="6")
    before = checksums()
    assert counts(dry_run(Tickets).transformers["tickets"]) == (2, 1, 1, 0, 0, 0)
    assert checksums() == before

    assert counts(load(Tickets)) == (2, 1, 1, 0, 0, 0)

    assert Ticket.objects.create(title="next").pk == 41
    assert counts(load(Tickets)) == (2, 0, 0, 2, 0, 0)
    assert Ticket.objects.create(title="next").pk == 42, "never back"


@TO_EACH
def test_a_sequence_that_was_left_behind_by_hand_made_keys_refuses_nothing(pair: Pair):
    old(("a", "x", 1), ("b", "y", 2))
    Plain.objects.bulk_create([Plain(pk=pk, legacy_id=f"k{pk}") for pk in (1, 2, 3)])
    before = checksums()
    assert counts(dry_run(Plains).transformers["plains"]) == (2, 2, 0, 0, 0, 0)
    assert checksums() == before

    assert counts(load(Plains)) == (2, 2, 0, 0, 0, 0)
    assert Plain.objects.count() == 5


@TO_EACH
def test_a_uuid_that_python_draws_is_each_rows_own_and_stays(pair: Pair):
    class Documents(Transformer):
        class Meta:
            source = "old"
            model = Document
            name = "documents"

        legacy_id = key("value")
        title = col("name")

    old(("a", "x", 1), ("b", "y", 2))
    load(Documents)
    drawn = loaded(Document, "legacy_id", "pk")
    assert drawn[1] != drawn[2]
    execute("UPDATE old SET name = 'z' WHERE id = 'a'")

    assert counts(load(Documents)) == (2, 0, 1, 1, 0, 0)
    assert loaded(Document, "legacy_id", "pk") == drawn
    assert Document.objects.get(pk=drawn[1]).title == "z"


@pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)
def test_nulls_that_count_as_equal(pair: Pair):
    class Lockers(Transformer):
        class Meta:
            source = "old_lockers"
            model = Locker
            name = "lockers"

        legacy_id = key("id")
        room = col("room")
        door = col("door")

    make_table(
        "old_lockers",
        {"id": "integer", "room": "integer", "door": "integer"},
        [(1, None, None), (2, None, None), (3, 1, None), (4, 1, None), (5, None, 1), (6, 1, 1)],
        primary_key="id",
    )
    for size in (1, 10):
        Locker.objects.all().delete()
        report = load(Lockers, batch_size=size)
        assert rejected(report) == [("2", "", "locker_place"), ("4", "", "locker_place")]
    make_table(
        "old_lockers",
        {"id": "integer", "room": "integer", "door": "integer"},
        [(7, None, None)],
        primary_key="id",
    )
    assert rejected(load(Lockers)) == [("7", "", "locker_place")]


@TO_EACH
def test_a_constraint_over_the_drawn_key_is_left_to_the_database(pair: Pair):
    class Nodes(Transformer):
        class Meta:
            source = "old_nodes"
            model = Node
            name = "nodes"

        legacy_id = key("id")
        rank = col("rank")

    Node.objects.create(pk=1, legacy_id=10)
    make_table(
        "old_nodes", {"id": "integer", "rank": "integer"}, [(10, 1), (11, 999), (12, None)], primary_key="id"
    )

    report = load(Nodes)

    assert rejected(report) == [("10", "", "database")]
    assert loaded(Node, "legacy_id", "rank") == {10: None, 11: 999, 12: None}


@TO_EACH
def test_a_value_that_others_refer_to_is_not_changed(pair: Pair):
    class Places(Transformer):
        class Meta:
            source = "old"
            model = Place
            name = "places"

        legacy_id = key("value")
        code = col("name")

    old(("a", "A", 1), ("b", "B", 2))
    load(Places)
    Visitor.objects.create(legacy_id=1, by_code=Place.objects.get(code="A"))
    execute("UPDATE old SET name = name || '2'")

    report = load(Places)

    assert rejected(report) == [("1", "", "database")]
    assert loaded(Place, "legacy_id", "code") == {1: "A", 2: "B2"}


@TO_EACH
def test_a_key_that_several_target_rows_have_is_refused(pair: Pair):
    class ByName(Transformer):
        class Meta:
            source = "old"
            model = Plain
            name = "by_name"
            key = ("name",)

        name = col("name")
        legacy_id = col("id")
        value = col("value")

    Plain.objects.bulk_create([Plain(legacy_id="1", name="twin"), Plain(legacy_id="2", name="twin")])
    old(("a", "twin", 1), ("b", "one", 2))

    report = load(ByName)

    assert [key for key, _, _ in rejected(report)] == ["twin"]
    assert rows_of(Plain, "legacy_id", "name", "value") == [
        ("1", "twin", None),
        ("2", "twin", None),
        ("b", "one", 2),
    ]


@pytest.mark.parametrize("other", ["sqlite", "postgresql"])
@FAST
def test_a_target_in_another_alias_keeps_rows_and_checkpoints_there_and_runs_in_default(
    pair: Pair, databases: Databases, other: Vendor
):
    databases.fresh("other", other, migrated=True)

    class Elsewhere(Plains):
        class Meta(Plains.Meta):
            using = "other"

    old(("a", "x" * 31, 1), ("b", "y", 2), ("c", "z", 3))
    before = checksums("other")
    assert counts(dry_run(Elsewhere).transformers["plains"]) == (3, 2, 0, 0, 1, 0)
    attempt(cut_off(Elsewhere, 2), batch_size=2)
    after = checksums("other")
    assert {name for name in after if after[name] != before[name]} <= {"(sequences)"}
    assert Reject.objects.count() == 1

    attempt(cut_off(Elsewhere, 2), batch_size=2, rollback=False)

    assert rows_of(Plain, "legacy_id", using="other") == [("b",)]
    assert Plain.objects.count() == 0
    assert Checkpoint.objects.using("other").get().rows_read == 2
    assert not Checkpoint.objects.using("default").exists()
    assert counts(load(Elsewhere)) == (1, 1, 0, 0, 0, 0)
    assert rows_of(Plain, "legacy_id", using="other") == [("b",), ("c",)]
    assert not Run.objects.using("other").exists()
    assert Run.objects.count() == 3


@TO_EACH
@pytest.mark.parametrize("rollback", [True, False])
def test_source_and_target_may_be_one_database(pair: Pair, rollback: bool):
    class Inside(Plains):
        class Meta(Plains.Meta):
            database = "default"

    old(*[(str(n), "n", n) for n in range(7)], using="default")
    before = checksums()
    assert counts(dry_run(Inside, batch_size=2).transformers["plains"]) == (7, 7, 0, 0, 0, 0)
    assert checksums() == before

    assert counts(load(Inside, batch_size=2, rollback=rollback)) == (7, 7, 0, 0, 0, 0)
    assert counts(load(Inside, batch_size=2, rollback=rollback)) == (7, 0, 0, 7, 0, 0)
    assert checksums()["old"] == before["old"]


@FAST
def test_after_decides_the_order_and_who_is_skipped(pair: Pair):
    class First(Plains):
        class Meta(Plains.Meta):
            name = "zebra"

    class Second(Plains):
        class Meta(Plains.Meta):
            name = "aardvark"
            after = ("zebra",)

    old(("a", "x", 1))
    assert list(Registry([Second, First])) == ["zebra", "aardvark"]

    report = dry_run(Second, cut_off(First, 1))

    assert {name: one.status for name, one in report.transformers.items()} == {
        "zebra": "failed",
        "aardvark": "skipped",
    }
