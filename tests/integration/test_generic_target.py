"""The target for any other database, on databases that have one of their own: both must do the same.

`GenericTarget` is the real class over real connections; only the choice among the targets is patched.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections

from etl_assets.engine import targets
from etl_assets.engine.targets.sql import SqlTarget
from tests.databases import Databases, Vendor
from tests.legacy import checksums, counts, dry_run, load, make_table, rejected
from tests.targets.mess import MESSES, Tickets, make_legacy, mapped, outcome, said
from tests.targets.models import Plain, Ticket

@pytest.fixture
def generic(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to have every database taken for one that has no target of its own."""

    def patch() -> None:
        monkeypatch.setattr(targets, "TARGETS", {})
        monkeypatch.delattr(SqlTarget, "insert")  # nothing else can be at work

    return patch


@pytest.mark.parametrize("batch_size", [20, 1000])
def test_does_what_the_target_of_its_own_does(
    databases: Databases, vendor: Vendor, generic: Callable[[], None], batch_size: int
) -> None:
    """The same rows, counts and rejects: at first, run again unchanged, and after the legacy data changed."""
    databases.fresh("legacy", "sqlite")
    seen = []
    for patch in (None, generic):
        if patch:
            patch()
        databases.fresh("default", vendor, migrated=True)
        make_legacy(seed=1)
        first = outcome(batch_size=batch_size)
        again = outcome(batch_size=batch_size)
        make_legacy(seed=2)
        seen.append((first, again, outcome(batch_size=batch_size, rollback=False)))
    native, other = seen
    for found, expected in zip(other, native, strict=True):
        for name in expected:
            assert found[name] == expected[name], name
    for name, (ends, _, _, rows) in native[1].items():
        if name != "node":  # whether its rows may stay depends on the keys that are drawn
            assert ends[1] == ends[2] == 0, f"{name} has written again"
        assert rows, f"{name} is no test"


def test_dry_run_tells_the_truth_and_changes_nothing(
    databases: Databases, vendor: Vendor, generic: Callable[[], None]
) -> None:
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", vendor, migrated=True)
    generic()
    make_legacy(seed=3)
    outcome()  # so that there is something to update, and sequences stand somewhere
    make_legacy(seed=4)
    before = checksums()
    rehearsed = dry_run(*MESSES, batch_size=9)
    assert checksums() == before
    real = {name: seen[:3] for name, seen in outcome(batch_size=9).items()}
    assert {
        name: [counts(report), rejected(report), said(report)]
        for name, report in rehearsed.transformers.items()
    } == real


def test_goes_on_after_mapped_keys(databases: Databases, generic: Callable[[], None]) -> None:
    """A primary key that was loaded is not drawn again."""
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "postgresql", migrated=True)
    generic()
    make_table("old_ticket", {"n": "integer", "id": "integer", "title": "text"}, [(1, 7, "x")], primary_key="n")
    load(Tickets)
    assert Ticket.objects.create(title="drawn").pk == 8


def test_narrows_surprises_down(databases: Databases, vendor: Vendor, generic: Callable[[], None]) -> None:
    """What only the database knows costs the rows at fault and no others."""
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", vendor, migrated=True)
    generic()
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX surprise ON targets_plain (value)")
    make_table(
        "old_plain",
        {"n": "integer", "legacy_id": "text", "name": "text", "value": "integer"},
        [(n, f"k{n}", "x", n % 9) for n in range(12)],
        primary_key="n",
    )
    report = load(mapped(Plain, ["legacy_id"], "name", "value"))
    assert counts(report) == (12, 9, 0, 0, 3, 0)
    assert rejected(report) == [("k10", "", "database"), ("k11", "", "database"), ("k9", "", "database")]
