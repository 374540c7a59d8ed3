"""The rows before and after that a materialization shows."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from django.db import connections

from etl_assets import Transformer, col, concat, const, key
from etl_assets.engine.options import RunOptions
from etl_assets.orchestration.in_process import materialize
from etl_assets.registry import Registry
from tests.databases import Pair
from tests.integration.orchestration.visitors import REGISTRY
from tests.targets.models import Place, Visitor


def shown(history: dg.DagsterInstance, registry: Registry, name: str, **options: Any) -> list[dict[str, Any]]:
    """Run one transformer, and return the examples on its materialization."""
    assert materialize(registry.choose([name]), registry, RunOptions(**options)).succeeded
    event = history.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None
    assert event.asset_materialization is not None
    table = event.asset_materialization.metadata.get("examples")
    if table is None:
        return []
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


def write(table: str, columns: str, *rows: tuple[Any, ...]) -> None:
    with connections["legacy"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} ({columns})")
        cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)


def made(**attributes: Any) -> Registry:
    """A registry of one transformer from `dirty` to places, named places."""
    meta = type("Meta", (), {"source": "dirty", "model": Place})
    return Registry([type("DirtyTransformer", (Transformer,), {"Meta": meta, **attributes})])


def test_the_first_loaded_rows_are_shown_before_and_after(town: Pair, history: dg.DagsterInstance) -> None:
    write(
        "dirty",
        "id integer primary key, code varchar(40), title varchar(40), name varchar(40)",
        (1, " a ", "The", "old abbey"),
        (2, "far too long for its column", None, "BRIDGE"),
        (3, "c", None, "castle"),
        (4, "d", None, None),
        (5, "e", None, "east gate"),
    )
    registry = made(
        legacy_id=key("id"),
        code=col("code").strip().upper(),
        name=concat("title", "name").title().default("?"),
    )

    rows = shown(history, registry, "places")

    # Row 2 is rejected, row 5 is one too many.
    assert [row for row in rows if row["target"] == "code"] == [
        {"row": "1", "target": "code", "source": "code", "before": " a ", "after": "A"},
        {"row": "3", "target": "code", "source": "code", "before": "c", "after": "C"},
        {"row": "4", "target": "code", "source": "code", "before": "d", "after": "D"},
    ]
    assert [(row["source"], row["before"], row["after"]) for row in rows if row["target"] == "name"] == [
        ("title, name", '["The", "old abbey"]', "The Old Abbey"),
        ("title, name", '[null, "castle"]', "Castle"),
        ("title, name", "[null, null]", "?"),
    ]


def test_a_batch_without_a_loaded_row_is_passed_over(town: Pair, history: dg.DagsterInstance) -> None:
    write("dirty", "id integer primary key, code varchar(40)", (1, "too long a code"), (2, "B"))
    registry = made(legacy_id=key("id"), code=col("code"), name=const("x"))

    rows = shown(history, registry, "places", batch_size=1)

    assert {row["row"] for row in rows} == {"2"}
    assert [(row["before"], row["after"]) for row in rows if row["target"] == "name"] == [(None, "x")]


def test_nothing_loaded_shows_nothing(town: Pair, history: dg.DagsterInstance) -> None:
    write("dirty", "id integer primary key, code varchar(40)", (1, "too long a code"))

    assert shown(history, made(legacy_id=key("id"), code=col("code")), "places") == []


def test_a_link_shows_what_refers_to_the_parent(town: Pair, history: dg.DagsterInstance) -> None:
    materialize(REGISTRY.choose(["places"]), REGISTRY, RunOptions())

    rows = shown(history, REGISTRY, "visitors")

    place = Place.objects.get(legacy_id=1)
    assert rows[1] == {
        "row": "10", "target": "place", "source": "place_id", "before": 1, "after": place.pk
    }  # fmt: skip
    assert Visitor.objects.get(legacy_id=10).place_id == place.pk


CARDS = ["4539 1488 0343 6467", "4485 2750 6340 5108", "4716 4616 7830 8231"]
"""Numbers that pass the check digit; nobody's."""


@pytest.mark.parametrize(
    ("column", "field", "listed"),
    [
        ("ssn", "name", []),  # the name says it
        ("remark", "name", ["remark"]),  # the settings name the column
        ("remark", "name", ["NAME"]),  # or the field
    ],
    ids=["by its name", "by the settings' column", "by the settings' field"],
)
def test_sensitive_columns_are_masked(
    column: str, field: str, listed: list[str], town: Pair, history: dg.DagsterInstance, settings: Any
) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SENSITIVE_COLUMNS": listed}
    write("dirty", f"id integer primary key, {column} varchar(40)", (1, "geheim"), (2, None))
    # The code is made of the same column.
    registry = made(legacy_id=key("id"), name=col(column), code=concat("id", col(column).truncate(1)))

    rows = shown(history, registry, "places")

    assert "geheim" not in str(rows)
    assert [(row["before"], row["after"]) for row in rows if row["target"] == field] == [
        ("***", "***"),
        (None, "***"),  # null is no secret
    ]
    assert next(row["after"] for row in rows if row["target"] == "code") == "***"
    assert [row["before"] for row in rows if row["target"] == "legacy_id"] == [1, 2]


def test_a_column_that_looks_sensitive_is_masked(town: Pair, history: dg.DagsterInstance) -> None:
    rows = [(number, card) for number, card in enumerate(CARDS, 1)]
    write("dirty", "id integer primary key, remark varchar(40)", *rows)

    found = shown(history, made(legacy_id=key("id"), name=col("remark"), code=const("x")), "places")

    assert {row["before"] for row in found if row["target"] == "name"} == {"***"}
    assert not any(card in str(found) for card in CARDS)


def test_a_sensitive_key_is_masked_where_it_names_the_row(
    town: Pair, history: dg.DagsterInstance, settings: Any
) -> None:
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SENSITIVE_COLUMNS": ["id"]}
    write("dirty", "id integer primary key, code varchar(40)", (4711, "A"))

    rows = shown(history, made(legacy_id=key("id"), code=col("code")), "places")

    assert {row["row"] for row in rows} == {"***"}
    assert "4711" not in str(rows)


def test_long_values_are_cut(town: Pair, history: dg.DagsterInstance) -> None:
    write("dirty", "id integer primary key, code text", (1, "y" * 100_000))

    rows = shown(history, made(legacy_id=key("id"), code=col("code").truncate(1)), "places")

    (before,) = [row["before"] for row in rows if row["target"] == "code"]
    assert before == "y" * 199 + "…"
