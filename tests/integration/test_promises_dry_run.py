"""Promise 5: a dry run does all of it, says what the real run will, and leaves nothing."""

from __future__ import annotations

import re

from etl_assets import Query, Transformer, col, const, key
from etl_assets.models import Reject, Run
from tests.databases import Pair
from tests.integration.old import Plains as OldPlains
from tests.integration.old import old
from tests.integration.promised import (
    SIX,
    TO_EACH,
    Members,
    Places,
    Plains,
    Visitors,
    failing_in_batch,
    old_members,
    old_plain,
)
from tests.legacy import (
    attempt,
    checksums,
    configured,
    counts,
    dry_run,
    load,
    make_table,
    reasons,
    rejected,
)
from tests.targets.models import Housed, Place, Strict, Visitor


def test_a_dry_run_leaves_nothing_and_says_what_the_real_run_then_does(pair: Pair):
    places = [(1, " a ", "one"), (2, "b", "two"), (3, "A", "taken code"), (2, "c", "twice"), (4, "d", "four")]
    make_table(
        "old_places",
        {"id": "integer", "code": "varchar(9)", "name": "varchar(20)", "n": "integer"},
        [(*row, n) for n, row in enumerate(places)],
        primary_key="n",
    )
    make_table(
        "old_visitors",
        {"id": "integer", "place": "integer"},
        [(1, 1), (2, 2), (3, 3), (4, 9), (5, None), (6, 4)],  # 3 links to a row that is rejected
        primary_key="id",
    )
    old_members(
        [(1, 1, "a@x", "t", 1, "N", 1), (2, 1, "b@x", "t", 2, "N", 2), (3, 3, "A@X", None, None, "N", 3)]
    )
    old_plain()
    load(Places)
    Place.objects.filter(legacy_id=1).update(name="to be put right")
    Place.objects.filter(legacy_id=4).delete()
    Reject.objects.all().delete()
    before = checksums()

    rehearsed = dry_run(Places, Visitors, Members, failing_in_batch(1), batch_size=2)

    assert checksums() == before
    real = {
        "places": load(Places, batch_size=2),
        "visitors": load(Visitors, Places, batch_size=2),
        "members": load(Members, batch_size=2),
        "plains": attempt(failing_in_batch(1), batch_size=2),
    }
    assert counts(real["places"]) == (5, 1, 1, 1, 2, 0)
    assert counts(real["visitors"]) == (6, 4, 0, 0, 2, 0)
    assert counts(real["members"]) == (3, 1, 0, 0, 2, 0)
    assert list(rehearsed.transformers) == list(real) or set(rehearsed.transformers) == set(real)
    for name, report in rehearsed.transformers.items():
        assert report.status == real[name].status
        assert counts(report) == counts(real[name]), name
        assert rejected(report) == rejected(real[name]), name
        assert report.reject_reasons == real[name].reject_reasons
        assert report.target_rows == real[name].target_rows
        without_pk = {key: re.sub(r"primary key \d+", "", why) for key, why in reasons(report).items()}
        assert without_pk == {
            key: re.sub(r"primary key \d+", "", why) for key, why in reasons(real[name]).items()
        }


@TO_EACH
def test_a_dry_run_resolves_and_creates_what_earlier_dry_loads_offer(pair: Pair):
    make_table("old_places", {"id": "integer", "code": "text", "name": "text"}, [(7, "A", "a")])
    make_table("old_visitors", {"id": "integer", "place": "integer"}, [(1, 7), (2, 8)])

    report = dry_run(Places, Visitors)

    assert counts(report.transformers["visitors"]) == (2, 1, 0, 0, 1, 0)
    assert rejected(report.transformers["visitors"]) == [("2", "place", "link")]
    assert not Place.objects.exists()
    assert not Visitor.objects.exists()
    assert not Run.objects.exists()
    assert not Reject.objects.exists()


@TO_EACH
def test_a_dry_run_finds_what_only_the_end_of_the_transaction_would(pair: Pair):
    """A deferred foreign key of a column that nobody maps: its default dangles."""
    make_table("old_housed", {"id": "integer"}, [(1,), (2,)])

    class Houseds(Transformer):
        class Meta:
            source = "old_housed"
            model = Housed
            name = "houseds"

        legacy_id = key("id")

    rehearsed = dry_run(Houseds).transformers["houseds"]
    real = attempt(Houseds)

    assert rehearsed.status == real.status
    assert counts(rehearsed) == counts(real)
    assert Housed.objects.count() == 0


@TO_EACH
def test_a_strict_dry_run_fails_like_the_real_one(pair: Pair):
    old_plain()
    before = checksums()
    with configured(VALIDATION_MODE="strict"):
        rehearsed = dry_run(Plains).transformers["plains"]
        assert checksums() == before
        real = attempt(Plains)

    assert rehearsed.status == real.status == "failed"
    assert rehearsed.error == real.error
    assert counts(rehearsed) == counts(real) == (8, 0, 0, 0, 4, 1)
    assert rejected(rehearsed) == rejected(real)


@TO_EACH
def test_a_dry_run_leaves_checkpoints_and_begins_where_the_real_run_would(pair: Pair):
    old_plain(SIX)
    attempt(failing_in_batch(3), batch_size=2, rollback=False)
    before = checksums()

    rehearsed = dry_run(Plains, rollback=False).transformers["plains"]

    assert checksums() == before
    assert counts(rehearsed) == counts(load(Plains, rollback=False)) == (2, 2, 0, 0, 0, 0)


@TO_EACH
def test_a_dry_run_reads_what_an_earlier_transformer_of_it_wrote(pair: Pair):
    """The second transformer's source is the first one's target."""

    class Copies(Transformer):
        class Meta:
            source = Query("SELECT legacy_id AS id, value FROM targets_plain")
            model = Strict
            name = "copies"
            database = "default"
            after = ("plains",)

        legacy_id = key("value")
        title = col("id")
        note = const("")
        colour = const("red")

    old(("a", "x", 1), ("b", "y", 2))

    rehearsed = dry_run(OldPlains, Copies)

    assert counts(rehearsed.transformers["copies"]) == (2, 2, 0, 0, 0, 0)
    load(OldPlains)
    assert counts(load(Copies, OldPlains)) == (2, 2, 0, 0, 0, 0)
