"""Messy legacy tables for every model in this app, and what a run over them did."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from django.db.models import AutoField, ForeignKey, Model

from etl_assets import Transformer, col, key, link
from etl_assets.engine.report import TransformerReport
from tests.legacy import attempt, counts, make_table, reasons, rejected
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


EVERYTHING: dict[str, Sequence[Any]] = {
    "text": ["a", "", "Grüße 😀", None],
    "slug": ["a-b", None],
    "email": ["a@b.example", None],
    "url": ["https://a.example", None],
    "colour": ["red", None],
    "small": ["1", None],
    "whole": ["-7", None],
    "large": ["9223372036854775807", None],
    "positive": ["0", None],
    "price": ["1.5", "999999.99", None],
    "ratio": ["0.1", "1e300", "-0.0", None],
    "flag": ["true", "false", "0", None],
    "day": ["2024-02-29", "1000-01-01", "9999-12-31", None],
    "moment": ["2024-03-01 12:00:00", "2024-03-01T12:00:00.000001+02:00", "1969-12-31 23:59:59", None],
    "clock": ["23:59:59.5", "00:00:00", None],
    "span": ["1 02:03:04", "-00:00:01", None],
    "token": ["12345678123456781234567812345678", None],
    "address": ["10.0.0.1", "::1", None],
    "data": ['{"b": [1, 2.5, null], "a": "ä"}', "[]", "null", None],
    "blob": ["bytes", "", None],
    "file": ["a/b.txt", None],
}
UNREADABLE = {
    "colour": "green",
    "small": "x",
    "whole": "1.5",
    "positive": "-1",
    "price": "1000000",
    "day": "2023-02-29",
    "clock": "24:00",
    "token": "no",
    "address": "nowhere",
    "data": "{",
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


def some(dice: random.Random, columns: dict[str, Sequence[Any]]) -> list[Any]:
    """One row; now and then with a value that its field cannot hold."""
    row = {name: dice.choice(values) for name, values in columns.items()}
    if "span" in row and dice.random() < 0.3:
        name = dice.choice(list(UNREADABLE))
        row[name] = UNREADABLE[name]
    return list(row.values())


ROWS = 30
MESSES: dict[type[Transformer], dict[str, Sequence[Any]]] = {
    Everythings: {"legacy_id": [f"k{n}" for n in range(60)], **EVERYTHING},
    Members: {
        "legacy_id": range(60),
        "number": [*range(30), None],
        "email": [
            "ann@a.example",
            "Ann@A.example",
            "bob@b.example",
            None,
            *(f"{n}@c.example" for n in range(30)),
        ],
        "team": ["red", "blue", None],
        "seat": [*range(12), None],
        "leads": [True, False, False],
        "age": [12, 13, -1, None],
    },
    Lockers: {"legacy_id": range(30), "room": [1, 2, None], "door": [1, 2, 3, None]},
    Pairs: {"first": ["a", "a|", "b"], "second": ["|b", "b", "c", "d"], "value": [1, 2, None]},
    Tickets: {"id": range(30), "title": ["x", "y", "far too long for the field"]},
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
        rows = [(n, *some(dice, columns)) for n in range(ROWS)]
        types = {"n": "integer", **{name: _type(values) for name, values in columns.items()}}
        make_table(transformer._meta.source, types, rows, primary_key="n")  # type: ignore[arg-type]


def _type(values: Sequence[Any]) -> str:
    return "integer" if any(isinstance(value, int) for value in values) else "text"


def rows_in(model: type[Model]) -> Rows:
    """All rows but what a run draws anew, sorted; a parent that has a drawn key goes by its legacy one."""
    drawn = {"id"} if model is Document else {"created_at", "changed_at", "rate"}
    names = [
        f"{field.name}__legacy_id" if _refers_to_drawn(field) else field.attname
        for field in model._meta.concrete_fields
        if field.name not in drawn and not isinstance(field, AutoField)
    ]
    return sorted(((*row,) for row in model._base_manager.values_list(*names)), key=repr)


def _refers_to_drawn(field: Any) -> bool:
    return isinstance(field, ForeignKey) and isinstance(field.target_field, AutoField)


def outcome(*, without: type[Model] | None = None, **options: Any) -> dict[str, Any]:
    """Run all, save those for one model, and tell everything that a user could see of it."""
    seen: dict[str, Any] = {}
    for transformer in MESSES:
        if transformer._meta.model is without:
            continue
        report = attempt(transformer, *(MESSES.keys() - {transformer}), **options)
        assert report.error is None, (transformer, report.error)
        name = transformer._meta.name
        seen[name] = [counts(report), rejected(report), said(report), rows_in(transformer._meta.model)]
    return seen


def said(report: TransformerReport) -> dict[str, str]:
    """The reasons, but not who has a value: it may be named by its legacy row or by its target row."""
    return {key: reason.partition(" is taken by ")[0] for key, reason in reasons(report).items()}
