"""What the model asks of a value, seen by the database that shall store it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connections

from etl_assets import Transformer, col, key
from etl_assets.conf import ValidationMode
from etl_assets.engine.batch import Batch
from etl_assets.engine.fields import arrow_type
from etl_assets.engine.plan import make_plan
from etl_assets.engine.validate import ModelRules
from tests.databases import Databases, Vendor
from tests.targets.models import Everything, Strict


class Stricts(Transformer):
    class Meta:
        source = "old"
        model = Strict

    legacy_id = key("no")
    title = col("title")
    note = col("note")
    colour = col("colour")
    score = col("score")
    fee = col("fee")


GOOD: dict[str, Any] = {
    "legacy_id": 1,
    "title": "x",
    "note": "x",
    "colour": "red",
    "score": 1,
    "fee": Decimal("1.00"),
}


def checked(rows: list[dict[str, Any]], mode: ValidationMode = "lenient", using: str = "default") -> Batch:
    """A batch of rows that are good but for these values, after the check."""
    plan = make_plan(Stricts, {"stricts": Stricts})
    batch = Batch(pa.record_batch({"no": list(range(len(rows)))}), 0)
    for name, field in plan.fields.items():
        values = [{**GOOD, **row}[name] for row in rows]
        batch.columns[name] = pa.array(values, arrow_type(field.field))
    ModelRules(plan, connections[using], mode).check(batch)
    return batch


def found(batch: Batch) -> list[tuple[int, str, str]]:
    return [(one.position, one.field, one.code) for one in batch.rejections]


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"legacy_id": None}, "legacy_id", "null"),
    ({"title": None}, "title", "null"),
    ({"title": "123456"}, "title", "max_length"),
    ({"score": 40_000}, "score", "range"),
    ({"fee": Decimal("100.00")}, "fee", "max_digits"),
    ({"fee": Decimal("-100.00")}, "fee", "max_digits"),
]
WISHES: list[tuple[dict[str, Any], str, str]] = [
    ({"title": ""}, "title", "blank"),
    ({"colour": ""}, "colour", "blank"),
    ({"colour": "green"}, "colour", "choices"),
]
FINE: list[dict[str, Any]] = [
    {},
    {"title": "äöü😀😀"},  # characters, not bytes
    {"note": ""},
    {"score": None, "fee": None},
    {"score": 32_767, "fee": Decimal("99.99")},
    {"score": -32_768, "fee": Decimal("-99.99")},
]


@pytest.fixture
def postgresql(databases: Databases) -> None:
    databases.fresh("default", "postgresql")


@pytest.mark.usefixtures("postgresql")
def test_what_the_model_forbids_is_found_and_what_it_allows_is_not():
    cases = [*BAD, *WISHES]
    batch = checked([*FINE, *(row for row, _, _ in cases)])

    assert sorted(found(batch)) == [
        (len(FINE) + place, field, code) for place, (_, field, code) in enumerate(cases)
    ]
    assert batch.rows.tolist() == list(range(len(FINE)))


@pytest.mark.usefixtures("postgresql")
def test_warning_only_rejects_what_cannot_be_stored_and_nothing_else():
    batch = checked([row for row, _, _ in [*BAD, *WISHES]], mode="warning_only")

    assert sorted(position for position, _, _ in found(batch)) == list(range(len(BAD)))
    assert {name: mask.nonzero()[0].tolist() for name, mask in batch.warnings.items()} == {
        "title:blank": [6],
        "colour:blank": [7],
        "colour:choices": [7, 8],
    }


@pytest.mark.usefixtures("postgresql")
def test_null_becomes_an_empty_text_only_where_the_model_says_so():
    batch = checked([{"note": None}, {"title": None}])

    assert batch.columns["note"].to_pylist() == [""]
    assert found(batch) == [(1, "title", "null")]


def test_a_nul_is_refused_by_the_database_that_cannot_store_it(vendor: Vendor, databases: Databases):
    databases.fresh("default", vendor)

    assert found(checked([{"note": "a\x00"}])) == ([(0, "note", "nul")] if vendor == "postgresql" else [])


def test_a_batch_without_rows_is_fine():
    assert found(checked([])) == []


@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("small", -(2**15), 2**15 - 1),
        ("whole", -(2**31), 2**31 - 1),
        ("positive", 0, 2**31 - 1),
        ("large", -(2**63), 2**63 - 1),
    ],
)
def test_an_integer_has_the_range_of_its_column(name: str, low: int, high: int):
    meta = type("Meta", (), {"source": "old", "model": Everything, "name": "things"})
    body = {"Meta": meta, "legacy_id": key("no"), name: col("x")}
    plan = make_plan(type("Things", (Transformer,), body), {})
    values = [one for one in (low, high, low - 1, high + 1) if -(2**63) <= one < 2**63]
    batch = Batch(pa.record_batch({"no": values}), 0)
    batch.columns = {"legacy_id": pa.array(map(str, values)), name: pa.array(values, pa.int64())}

    ModelRules(plan, connections["default"], "lenient").check(batch)

    assert [one.position for one in batch.rejections] == [*range(2, len(values))]
    said = {one.reason for one in batch.rejections}
    assert said == {f"{name}: {value} is not between {low} and {high}" for value in values[2:]}
