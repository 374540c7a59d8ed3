"""What an author writes on the right of a field, and what is refused before any row is read."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import etl_assets
from etl_assets import col, concat, const, key, link
from etl_assets.columns import NO_DEFAULT, Expression, Verbs
from etl_assets.engine.verbs import RULES, TEXT_VERBS, VERBS
from etl_assets.exceptions import ConfigurationError

untyped: Any = etl_assets  # for what a type checker would refuse too
x: Any = col("x")


def test_steps_are_kept_in_the_order_written():
    expression = x.strip().upper().matches(r"[A-Z]{2}").map({"GB": 44}).default(0)

    assert [step.name for step in expression.steps] == ["strip", "upper", "matches", "map", "default"]
    assert [step.is_rule for step in expression.steps] == [False, False, True, False, False]


def test_a_common_beginning_can_be_shared():
    name = col("name").strip()
    first, last = name.title(), name.upper()

    assert [step.name for step in name.steps] == ["strip"]
    assert [step.name for step in first.steps] == ["strip", "title"]
    assert [step.name for step in last.steps] == ["strip", "upper"]


def test_a_dict_that_is_changed_later_does_not_change_what_was_written():
    words = {"M": "male"}
    expression = x.map(words)
    words["F"] = "female"

    assert expression.steps[0].arguments["values"] == {"M": "male"}


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        (col("a").strip(), ("a",)),
        (key("a"), ("a",)),
        (concat("a", col("b").strip(), concat("c", const("-"), "a")), ("a", "b", "c", "a")),
        (const(1), ()),
        (link("parents", "a"), ("a",)),
        (link("parents", concat("a", "b", sep="/")), ("a", "b")),
    ],
)
def test_an_expression_tells_which_columns_it_reads(expression: Expression, columns: tuple[str, ...]):
    assert expression.source_columns == columns


def test_a_link_by_name_and_one_by_expression_are_told_apart():
    assert link("parents", "a").by_name
    assert not link("parents", col("a")).by_name
    assert [step.name for step in link("parents", "a").required().steps] == ["required"]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: untyped.col(""), "col('') needs the name of a source column, as text."),
        (lambda: untyped.col(7), "col(7) needs the name of a source column, as text."),
        (lambda: untyped.key(None), "key(None) needs the name of a source column, as text."),
        (lambda: untyped.concat(), "concat() joins nothing: name at least one source column."),
        (lambda: untyped.concat("a", 7), "concat(7) needs the name of a source column, as text."),
        (
            lambda: untyped.link(int, "a"),
            "link(<class 'int'>) needs the name of a transformer: write link('departments', ...).",
        ),
        (
            lambda: untyped.link("parents", "a", missing="skip"),
            "link(missing='skip') is not known: write 'reject' or 'null'.",
        ),
        (lambda: untyped.link("parents", 7), "link(7) needs the name of a source column, as text."),
        (lambda: x.truncate(-1), "truncate(-1) needs a whole number from 0 up."),
        (lambda: x.truncate(True), "truncate(True) needs a whole number from 0 up."),
        (lambda: x.decimal("2"), "decimal('2') needs a whole number from 0 up."),
        (lambda: x.length(1, 2.5), "length(2.5) needs a whole number from 0 up."),
        (
            lambda: x.matches("("),
            "matches('(') is no regular expression: missing ), unterminated subpattern at position 0.",
        ),
        (
            lambda: x.replace("[", "", regex=True),
            "replace('[') is no regular expression: unterminated character set at position 0.",
        ),
        (
            lambda: x.matches(7),
            "matches(7) is no regular expression: first argument must be string or compiled pattern.",
        ),
        (
            lambda: x.date("dd/mm/yyyy"),
            "date('dd/mm/yyyy') is no strptime format: write one such as '%d/%m/%Y'.",
        ),
        (
            lambda: x.date("%Y-%k"),
            "date('%Y-%k') is no strptime format: 'k' is a bad directive in format '%Y-%k'.",
        ),
        (
            lambda: x.datetime(tz="Europe/Atlantis"),
            "datetime(tz='Europe/Atlantis') is no known time zone: write an IANA name such as "
            "'Europe/London'.",
        ),
        (
            lambda: x.phone("Britain"),
            "phone('Britain') needs a country: write its two letters, as in phone('GB').",
        ),
        (lambda: x.map([("M", "male")]), "map([('M', 'male')]) needs a dict: write map({'M': 'male'})."),
        (
            lambda: x.map({None: "none"}),
            "map({None: ...}) has no effect, since null stays null: write .default(value) after it.",
        ),
        (
            lambda: x.null_if(["-", "N/A"]),
            "null_if(['-', 'N/A']) gets its values one by one: write null_if('N/A', '-').",
        ),
        (
            lambda: x.one_of(("a", "b")),
            "one_of(('a', 'b')) gets its values one by one: write one_of('N/A', '-').",
        ),
        (lambda: x.apply("upper"), "apply('upper') needs a function of one value."),
        (
            lambda: x.required(severity="fatal"),
            "required(severity='fatal') is not a severity: write 'error' or 'warning'.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_written(write, message: str):
    with pytest.raises(ConfigurationError) as caught:
        write()
    assert str(caught.value) == message


def test_a_date_format_given_twice_over_is_refused():
    with pytest.raises(ConfigurationError, match=r"date\('%d/%d'\) is no strptime format: "):
        x.date("%d/%m/%Y", "%d/%d")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_can_be_a_warning(rule: str):
    arguments = {"matches": (".",), "between": (1, 2), "one_of": ("a",), "length": (1, 2)}.get(rule, ())
    steps = [
        getattr(x, rule)(*arguments).steps[0],
        getattr(x, rule)(*arguments, severity="warning").steps[0],
    ]
    assert [step.severity for step in steps] == ["error", "warning"]


def test_the_engine_carries_out_every_verb_that_an_author_can_write():
    written = {
        name for name, method in inspect.getmembers(Verbs, inspect.isfunction) if not name.startswith("_")
    }
    assert written == TEXT_VERBS.keys() | VERBS.keys() | RULES.keys()


def test_one_word_may_stand_for_a_tuple_of_words():
    arguments = x.boolean(true="J", false="N").steps[0].arguments
    assert (arguments["true"], arguments["false"]) == (("J",), ("N",))


def test_none_is_a_default_that_one_may_want():
    assert x.map({"a": 1}, default=None).steps[0].arguments["default"] is None
    assert x.map({"a": 1}).steps[0].arguments["default"] is NO_DEFAULT
    assert repr(NO_DEFAULT) == "NO_DEFAULT"
