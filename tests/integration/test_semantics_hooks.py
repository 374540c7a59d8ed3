"""Hooks: in which order, what they see, what they may not do."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from etl_assets import Transformer, col, const, key, rule, skip
from etl_assets.exceptions import HookError
from tests.databases import Pair
from tests.integration.old import FAST, FROM_EACH, Plains, old
from tests.legacy import (
    attempt,
    counts,
    load,
    loaded,
    make_table,
    reasons,
    rejected,
)
from tests.targets.models import (
    Everything,
    Plain,
)


@FAST
def test_hooks_come_in_order_and_see_only_what_the_step_before_accepted(pair: Pair):
    calls: list[tuple[str, list[str]]] = []

    class Hooked(Plains):
        class Meta(Plains.Meta):
            pass

        legacy_id = key("id").strip()
        name = col("name").length(0, 6)
        value = col("made").integer()

        def note(self, hook, rows):
            calls.append((hook, list(rows["id" if hook == "prepare" else "legacy_id"])))

        def prepare(self, rows):
            self.note("prepare", rows)
            return rows.assign(made=rows["value"])

        @skip("left out")
        def left_out(self, rows):
            self.note("skip", rows)
            return rows["name"] == "skip"

        def transform(self, rows):
            self.note("transform", rows)
            return rows.assign(name=rows["name"] + "!").sort_index(ascending=False)

        def transform_row(self, row):
            calls.append(("transform_row", [row["legacy_id"]]))
            return {**row, "name": row["name"] and row["name"] + "?"}

        @rule("is odd")
        def even(self, rows):
            self.note("rule", rows)
            assert [name for name in rows["name"].dropna() if not name.endswith("!?")] == []
            return rows["value"] % 2 == 0 if False else rows["value"].isin([2, 4, 6])

    old(
        (" a", "fine", 2),
        ("b", "too long", 2),
        ("c", "skip", 2),
        ("d", "odd", 3),
        ("e", None, 4),
        ("f", "last", 6),
    )

    report = load(Hooked)

    assert calls == [
        ("prepare", [" a", "b", "c", "d", "e", "f"]),
        ("skip", ["a", "c", "d", "e", "f"]),
        ("transform", ["a", "d", "e", "f"]),
        ("transform_row", ["a"]),
        ("transform_row", ["d"]),
        ("transform_row", ["e"]),
        ("transform_row", ["f"]),
        ("rule", ["a", "d", "e", "f"]),
    ]
    assert loaded(Plain, "legacy_id", "name") == {"a": "fine!?", "e": None, "f": "last!?"}
    assert rejected(report) == [("b", "name", "length"), ("d", "", "even")]
    assert "is odd" in reasons(report)["d"]
    assert counts(report) == (6, 3, 0, 0, 2, 1)


@FROM_EACH
def test_hooks_see_declared_types_also_where_a_batch_is_all_null(pair: Pair):
    types = {
        "legacy_id": pa.string(),
        "day": pa.date32(),
        "moment": pa.timestamp("us", tz="UTC"),
        "large": pa.int64(),
        "ratio": pa.float64(),
        "flag": pa.bool_(),
        "text": pa.string(),
    }
    seen: list[dict[str, pa.DataType]] = []

    class Typed(Transformer):
        class Meta:
            source = "old"
            model = Everything
            name = "typed"

        legacy_id = key("id")
        day = col("day").date()
        moment = col("moment").datetime(tz="UTC")
        large = col("large")
        ratio = col("ratio")
        flag = col("flag").boolean()
        text = const(None)

        def transform(self, rows):
            seen.append({name: rows[name].dtype.pyarrow_dtype for name in rows})
            return rows

        @rule("is late")
        def early(self, rows):
            return rows["moment"] < pd.Timestamp("2100-01-01", tz="UTC")

    columns = dict.fromkeys(("day", "moment", "large", "ratio", "flag"), "text")
    make_table(
        "old",
        {"id": "integer", **columns},
        [(1, None, None, None, None, None), (2, "2020-01-01", "2020-01-01 00:00:00", "1", "0.5", "Y")],
        primary_key="id",
    )

    load(Typed, batch_size=1)

    assert seen == [types, types]
    assert Everything.objects.count() == 2


def broken(hook: str, function: Any) -> type[Transformer]:
    return type(
        "Broken",
        (Plains,),
        {"Meta": type("Meta", (Plains.Meta,), {}), hook: function, "__module__": __name__},
    )


@FAST
@pytest.mark.parametrize(
    ("hook", "function"),
    [
        ("prepare", lambda self, rows: rows.head(1)),
        ("transform", lambda self, rows: pd.concat([rows, rows])),
        ("transform", lambda self, rows: rows.assign(extra=1)),
        ("transform", lambda self, rows: rows.drop(columns="name")),
        ("transform", lambda self, rows: None),
        ("transform_row", lambda self, row: {**row, "extra": 1}),
        ("transform_row", lambda self, row: None),
        ("good", rule("is bad")(lambda self, rows: [True])),
        ("good", rule("is bad")(lambda self, rows: rows["name"])),
        ("prepare", lambda self, rows: 1 / 0),
    ],
)
def test_a_hook_that_breaks_its_promise_fails_the_run_and_is_named(pair: Pair, hook: str, function: Any):
    old(("a", "x", 1), ("b", "y", 2))

    report = attempt(broken(hook, function))

    assert isinstance(report.exception, HookError)
    assert report.error is not None
    assert f".{hook}()" in report.error
    assert Plain.objects.count() == 0


@FAST
def test_a_rule_that_answers_null_passes_and_a_skip_that_does_skips_nothing(pair: Pair):
    class Nulls(Plains):
        class Meta(Plains.Meta):
            pass

        @skip("no value")
        def none(self, rows):
            return rows["value"] > 1

        @rule("is no one")
        def one(self, rows):
            return rows["value"] == 1

    old(("a", "x", None), ("b", "y", 1), ("c", "z", 2), ("d", "z", 0))

    report = load(Nulls)

    assert sorted(loaded(Plain, "legacy_id", "name")) == ["a", "b"]
    assert counts(report) == (4, 2, 0, 0, 1, 1)
