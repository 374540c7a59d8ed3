"""One expression, left to right, and how its steps are written in messages."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from etl_assets import col, concat, const
from etl_assets.columns import Expression
from etl_assets.engine.evaluate import Evaluated, evaluate, written
from etl_assets.engine.verbs import Context

CONTEXT = Context(ZoneInfo("Europe/London"), dt.date(2024, 1, 15))
x = col("x")


def evaluated(expression: Expression, *values: object) -> Evaluated:
    return evaluate(expression, {"x": pa.array(values)}, len(values), CONTEXT)


def faults(found: Evaluated) -> list[tuple[str, list[bool]]]:
    return [
        (fault.step.name, fault.bad.tolist())
        for fault in [*found.unreadable, *found.broken]
        if any(fault.bad)
    ]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (x.strip(), "strip()"),
        (x.truncate(3), "truncate(3)"),
        (x.replace("a", "b"), "replace('a', 'b')"),
        (x.replace("a+", "b", regex=True), "replace('a+', 'b', regex=True)"),
        (x.integer(), "integer()"),
        (x.decimal(0), "decimal(0)"),
        (x.decimal(2, round=True), "decimal(2, round=True)"),
        (x.boolean(true="J", false="N"), "boolean()"),
        (x.date(), "date()"),
        (x.date("%d/%m/%Y", "%Y-%m-%d"), "date('%d/%m/%Y', '%Y-%m-%d')"),
        (x.datetime("%Y-%m-%d %H:%M", tz="Europe/Berlin"), "datetime('%Y-%m-%d %H:%M')"),
        (x.email(), "email()"),
        (x.phone("gb"), "phone('GB')"),
        (x.map({"a": 1}), "map()"),
        (x.apply(str.upper), "apply()"),
        (x.required(), "required()"),
        (x.matches(r"\d{6}"), r"matches('\\d{6}')"),
        (x.between("1900-01-01", "today"), "between('1900-01-01', 'today')"),
        (x.between(None, 5), "between(None, 5)"),
        (x.one_of("a", "b"), "one_of('a', 'b')"),
        (x.one_of("a"), "one_of('a')"),
        (x.length(0, 5), "length(0, 5)"),
    ],
)
def test_a_step_is_written_as_its_author_wrote_it(expression: Expression, text: str):
    assert written(expression.steps[0]) == text


def test_steps_are_carried_out_in_the_order_written():
    assert evaluated(x.strip().truncate(2), "  abc").values.to_pylist() == ["ab"]
    assert evaluated(x.truncate(2).strip(), "  abc").values.to_pylist() == [""]
    assert evaluated(x.null_if("-").default("?"), "-").values.to_pylist() == ["?"]
    assert evaluated(x.default("?").null_if("-"), "-").values.to_pylist() == [None]


def test_a_rule_sees_the_value_of_its_place_and_leaves_it():
    found = evaluated(x.length(3, 3).strip().length(1, 1), " a ", "abc")

    assert found.values.to_pylist() == ["a", "abc"]
    assert faults(found) == [("length", [False, True])]
    assert found.broken[0].before.to_pylist() == ["a", "abc"]


def test_what_one_step_could_not_read_is_no_fault_of_the_next():
    found = evaluated(x.integer().between(1, 9).required().map({1: "one"}), "1", "x", None, "10", "2")

    assert found.values.to_pylist() == ["one", None, None, None, None]
    assert faults(found) == [
        ("integer", [False, True, False, False, False]),
        ("map", [False, False, False, True, True]),
        ("between", [False, False, False, True, False]),
        ("required", [False, False, True, False, False]),
    ]
    assert found.unreadable[0].before.to_pylist() == ["1", "x", None, "10", "2"]


def test_a_default_that_stands_in_for_what_could_not_be_read_brings_no_second_fault():
    found = evaluated(x.integer().default(0).between(1, 9).map({1: "one"}), "1", "x", None)

    assert faults(found) == [
        ("integer", [False, True, False]),
        ("map", [False, False, True]),
        ("between", [False, False, True]),
    ]


def test_the_faults_of_parts_are_those_of_the_whole():
    whole = concat(x.strip().length(1, 2), x.integer()).required()
    found = evaluated(whole, " 1 ", "abc")

    assert found.values.to_pylist() == ["1 1", None]
    assert faults(found) == [("integer", [False, True]), ("length", [False, True])]


def test_a_constant_is_as_long_as_its_batch():
    assert evaluated(const(7), *"abc").values.to_pylist() == [7, 7, 7]
    assert evaluate(const("x"), {}, 0, CONTEXT).values.to_pylist() == []
