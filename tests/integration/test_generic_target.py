"""The target for any other database, on databases that have one of their own: both must do the same.

`GenericTarget` is the real class over real connections; only the choice among the targets is patched.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from django.db import connections, models

from etl_assets.engine import targets
from etl_assets.engine.links import LinkResolver
from etl_assets.engine.plan import Lookup
from etl_assets.engine.targets.sql import SqlTarget
from tests.databases import Databases, Vendor
from tests.legacy import checksums, counts, dry_run, load, make_table, rejected, rows_of
from tests.targets.mess import MESSES, Tickets, make_legacy, mapped, outcome, said
from tests.targets.models import Plain, Ticket


@pytest.fixture
def generic(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to have every database taken for one that has no target of its own."""

    def patch() -> None:
        monkeypatch.setattr(targets, "TARGETS", {})
        monkeypatch.delattr(SqlTarget, "insert")  # nothing else can be at work

    return patch


@pytest.mark.parametrize(("vendor", "batch_size"), [("sqlite", 20), ("postgresql", 1000)])
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
    make_table(
        "old_ticket", {"n": "integer", "id": "integer", "title": "text"}, [(1, 7, "x")], primary_key="n"
    )
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


class Caseless(models.Model):
    """Keys and values that SQLite compares without regard to case; made only where a test does."""

    code = models.CharField(max_length=10, unique=True, db_collation="NOCASE")
    mail = models.CharField(max_length=10, unique=True, db_collation="NOCASE")
    value = models.IntegerField()

    class Meta:
        app_label = "generic_target"


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_takes_for_one_what_the_collation_does(
    databases: Databases, generic: Callable[[], None], own: bool, batch_size: int
) -> None:
    """Of 'a' and 'A' the first read is kept, however they fall into batches."""
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)
    if not own:
        generic()
    with connections["default"].schema_editor() as editor:
        editor.create_model(Caseless)
    rows = [
        (1, "a", "x", 1),
        (2, "b", "Y", 2),
        (3, "A", "z", 3),
        (4, "c", "y", 4),
        (5, "d", "É", 5),
        (6, "e", "é", 6),
    ]
    types = {"n": "integer", "code": "text", "mail": "text", "value": "integer"}
    make_table("old_caseless", types, rows, primary_key="n")
    transformer = mapped(Caseless, ["code"], "mail", "value")
    # SQLite's own target leaves the second to the database, which refuses it as well.
    expected = [("A", "", "duplicate_key"), ("c", "", "database") if own else ("c", "mail", "unique")]
    kept = [("a", "x", 1), ("b", "Y", 2), ("d", "É", 5), ("e", "é", 6)]
    for rollback in (True, False):
        assert rejected(load(transformer, batch_size=batch_size, rollback=rollback)) == expected
        assert rows_of(Caseless, "code", "mail", "value") == kept
    make_table("old_caseless", types, [(1, "B", "y", 2), (2, "a", "x", 1)], primary_key="n")
    assert counts(load(transformer, batch_size=batch_size)) == (2, 0, 1, 1, 0, 0)
    assert Caseless._base_manager.get(value=2).mail == "y"


def test_three_parents_with_one_key_are_none(databases: Databases) -> None:
    """Two or three parents under one key: none is chosen by chance, however often it is asked for."""
    databases.fresh("default", "sqlite", migrated=True)
    for number in range(3):
        Plain.objects.create(legacy_id=f"k{number}", value=7)
    Plain.objects.create(legacy_id="k3", value=8)
    value, pk = Plain._meta.get_field("value"), Plain._meta.pk
    resolver = LinkResolver("default", 100)
    found, missing = resolver.resolve(pa.array([7, 8, 9, None]), Lookup(Plain, value, pk))
    assert found.to_pylist() == [None, Plain.objects.get(value=8).pk, None, None]
    assert missing.tolist() == [True, False, True, False]
