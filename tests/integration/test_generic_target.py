"""The target for any other database, on databases that have one of their own: both must do the same.

`GenericTarget` is the real class over real connections; only the choice among the targets is patched.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connections, models
from django.db.models import CheckConstraint, F, Model, Q, UniqueConstraint

from etl_assets import Transformer, col, key, link
from etl_assets.engine import targets
from etl_assets.engine.targets.generic import GenericTarget
from tests.databases import Databases, Vendor
from tests.legacy import attempt, checksums, counts, dry_run, insert, load, make_table, reasons, rejected
from tests.targets.models import (
    City,
    Country,
    Document,
    Everything,
    Filled,
    Locker,
    Member,
    Node,
    Odd,
    Pairwise,
    Place,
    Plain,
    Priced,
    Ticket,
    Visitor,
)

Rows = list[tuple[Any, ...]]


def mapped(into: type[Model], keys: Sequence[str], *fields: str, **columns: Any) -> type[Transformer]:
    """A transformer that takes columns as they are, of the table "old_" and the model's name."""
    plain = {field: key(field) if [field] == list(keys) else col(field) for field in (*keys, *fields)}
    name = into._meta.model_name or ""
    meta = {"source": f"old_{name}", "model": into, "name": name, "order_by": ("n",)}
    if len(keys) > 1:
        meta["key"] = tuple(keys)
    return type(f"{name}s", (Transformer,), {**plain, **columns, "Meta": type("Meta", (), meta)})


EVERYTHING = {
    "text": ["a", "", "Grüße 😀", None],
    "slug": ["a-b", None],
    "email": ["a@b.example", None],
    "url": ["https://a.example", None],
    "colour": ["red", "green", None],
    "small": ["1", "40000", "x", None],
    "whole": ["-7", "3000000000", None],
    "large": ["9223372036854775807", None],
    "positive": ["0", "-1", None],
    "price": ["1.5", "999999.99", "1000000", "0.333", None],
    "ratio": ["0.1", "1e300", "-0.0", None],
    "flag": ["true", "false", "0", None],
    "day": ["2024-02-29", "2023-02-29", "0001-01-01", "9999-12-31", None],
    "moment": ["2024-03-01 12:00:00", "2024-03-01T12:00:00.000001+02:00", "1969-12-31 23:59:59", None],
    "clock": ["23:59:59.5", "24:00", "00:00:00", None],
    "span": ["1 02:03:04", "-00:00:01", None],
    "token": ["12345678123456781234567812345678", "no", None],
    "address": ["10.0.0.1", "::1", "nowhere", None],
    "data": ['{"b": [1, 2.0, null], "a": "ä"}', "[]", "null", "{", None],
    "blob": ["bytes", "", None],
    "file": ["a/b.txt", None],
}
Everythings = mapped(Everything, ["legacy_id"], *EVERYTHING)
Members = mapped(Member, ["legacy_id"], "number", "email", "team", "seat", "leads", "age")
Lockers = mapped(Locker, ["legacy_id"], "room", "door")
Pairs = mapped(Pairwise, ["first", "second"], "value")
Tickets = mapped(Ticket, ["id"], "title")
Documents = mapped(Document, ["legacy_id"], "title")
Countries = mapped(Country, ["code"], "name")
Cities = mapped(City, ["legacy_id"], country=link("country", "country"))
Odds = mapped(Odd, ["legacy_id"], "order", "group")
Filleds = mapped(Filled, ["legacy_id"], "name")
Places = mapped(Place, ["legacy_id"], "code", "name")
Visitors = mapped(
    Visitor, ["legacy_id"], place=link("place", "place", missing="null"), by_code=link("place", "by_code")
)
Priceds = mapped(Priced, ["legacy_id"], "net")
Nodes = mapped(Node, ["legacy_id"], "rank")


def some(dice: random.Random, rows: int, columns: dict[str, Sequence[Any]]) -> Rows:
    return [tuple(dice.choice(values) for values in columns.values()) for _ in range(rows)]


MESSES: dict[type[Transformer], dict[str, Sequence[Any]]] = {
    Everythings: {"legacy_id": [f"k{n}" for n in range(60)], **EVERYTHING},
    Members: {
        "legacy_id": range(60),
        "number": [*range(30), None],
        "email": ["ann@a.example", "Ann@A.example", "bob@b.example", None, *(f"{n}@c.example" for n in range(30))],
        "team": ["red", "blue", None],
        "seat": [*range(12), None],
        "leads": [True, False, False],
        "age": [12, 13, -1, None],
    },
    Lockers: {"legacy_id": range(30), "room": [1, 2, None], "door": [1, 2, 3, None]},
    Pairs: {"first": ["a", "a|", "b"], "second": ["|b", "b", "c", "d"], "value": [1, 2, None]},
    Tickets: {"id": range(0, 30), "title": ["x", "y", "far too long for the field"]},
    Documents: {"legacy_id": range(30), "title": ["x", "y"]},
    Countries: {"code": ["DE", "FR", "de", "long one", "UK"], "name": ["x", "y", None]},
    Cities: {"legacy_id": range(20), "country": ["DE", "FR", "XX", None]},
    Odds: {"legacy_id": range(30), "order": [f"o{n}" for n in range(20)], "group": [1, None]},
    Filleds: {"legacy_id": range(20), "name": ["x", "y", None]},
    Places: {"legacy_id": range(12), "code": list("abcdefgh"), "name": ["x", None]},
    Visitors: {"legacy_id": range(30), "place": [*range(14), None], "by_code": ["a", "b", "z", None]},
    Priceds: {"legacy_id": range(20), "net": range(60)},
    Nodes: {"legacy_id": range(10), "rank": range(10)},
}


def make_legacy(seed: int) -> None:
    """Fill a legacy table for each transformer with much that cannot be loaded."""
    dice = random.Random(seed)
    for transformer, columns in MESSES.items():
        rows = [(n, *row) for n, row in enumerate(some(dice, 80, columns))]
        types = {"n": "integer", **{name: _type(values) for name, values in columns.items()}}
        make_table(transformer._meta.source, types, rows, primary_key="n")  # type: ignore[arg-type]


def _type(values: Sequence[Any]) -> str:
    return "integer" if any(isinstance(value, int) for value in values) else "text"


def rows_in(model: type[Model]) -> Rows:
    """All rows but what a run draws anew, sorted."""
    drawn = {"id"} if model is Document else {"created_at", "changed_at", "rate"}
    names = [field.attname for field in model._meta.concrete_fields if field.name not in drawn]
    return sorted(((*row,) for row in model._base_manager.values_list(*names)), key=repr)


def outcome(**options: Any) -> dict[str, Any]:
    """Run all, and tell everything that a user could see of it."""
    seen: dict[str, Any] = {}
    for transformer in MESSES:
        report = attempt(transformer, *(MESSES.keys() - {transformer}), **options)
        assert report.error is None, (transformer, report.error)
        name = transformer._meta.name
        seen[name] = [counts(report), rejected(report), reasons(report), rows_in(transformer._meta.model)]
    return seen


@pytest.fixture
def generic(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to have every database taken for one that has no target of its own."""

    def patch() -> None:
        monkeypatch.setattr(targets, "TARGETS", {})

    return patch


@pytest.mark.parametrize("batch_size", [7, 1000])
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
        assert ends[1] == ends[2] == 0, f"{name} has written again"
        assert rows


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
        name: [counts(report), rejected(report), reasons(report)]
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
