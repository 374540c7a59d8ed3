"""What the tests of verbs share: nasty values, and a plain row loop to compare with.

Each reading in a test is written anew, a row at a time. It returns a value, or raises `Unreadable`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from etl_assets.columns import Expression
from etl_assets.engine.verbs import Context, Outcome, apply_verb, passes

LONDON = Context(ZoneInfo("Europe/London"), dt.date(2024, 2, 29))
NEW_YORK = Context(ZoneInfo("America/New_York"), dt.date(2024, 2, 29))

NASTY_TEXTS: list[str | None] = [
    None,
    "",
    " ",
    "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85",
    "\xa0\u2003\u3000",
    "\u200b zero width \u200b",
    "\xa0no-break \u3000 ideographic\u2028",
    "  two  spaces\t\tand tabs ",
    "line\nbreak\r\n",
    "straße",
    "ǆ ǅ Ǆ",
    "İstanbul ısı",
    "ﬁ ligature",
    "ὈΔΥΣΣΕΎΣ",
    "cafe\u0301 combining",
    "they're o'neill mc-donald 3rd x2y",
    "😀 emoji 👩\u200d👩\u200d👧 ",
    "nul\x00inside\x00",
    "mÃ¼ller",
    "MÃ¼ller & SÃ¶hne “quoted” &amp;",
    "â€œsmartâ€\x9d",
    "ÑÐµÑÑ",
    "007",
    "+44 (0)20 7946-0018",
    "٣٤٥ ３４",
    "a" * 20_000 + "é",
    "%d.*[\\1]$^",
    "A",
    "zZ",
]


class Unreadable(Exception):
    """What a row's reading raises for a value that the verb must not read."""


def shapes(values: Sequence[Any], kind: pa.DataType | None = None) -> Iterator[pa.Array]:
    """Yield arrays that hold the same values in every way that a source may hand them over."""
    array = pa.array(values, kind)
    yield array
    yield pa.array([*values[:3], *values, *values[:2]], array.type).slice(min(3, len(values)), len(values))
    if pa.types.is_string(array.type):
        yield array.cast(pa.large_string())
        yield array.cast(pa.string_view())
    if not pa.types.is_null(array.type):
        yield array.dictionary_encode()


def verb(expression: Expression, values: pa.Array, context: Context = LONDON) -> Outcome:
    """Apply the last verb of an expression, and check what holds for every outcome."""
    outcome = apply_verb(expression.steps[-1], values, context)
    outcome.values.validate(full=True)
    assert len(outcome.values) == len(values)
    if outcome.unreadable is not None:
        bad = outcome.unreadable.to_pylist()
        assert set(bad) == {True, False} or set(bad) == {True}
        assert all(outcome.values[place].as_py() is None for place, is_bad in enumerate(bad) if is_bad)
    return outcome


def rows(outcome: Outcome) -> list[Any]:
    """Return the values, with `Unreadable` in the place of those that could not be read."""
    if outcome.unreadable is None:
        return outcome.values.to_pylist()
    pairs = zip(outcome.values.to_pylist(), outcome.unreadable.to_pylist(), strict=True)
    return [Unreadable if bad else value for value, bad in pairs]


def read_rows(read: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """The row loop: null stays null."""
    result: list[Any] = []
    for value in values:
        try:
            result.append(None if value is None else read(value))
        except Unreadable:
            result.append(Unreadable)
    return result


def assert_reads(
    expression: Expression,
    values: Sequence[Any],
    read: Callable[[Any], Any],
    to: pa.DataType,
    kind: pa.DataType | None = None,
    context: Context = LONDON,
) -> None:
    """Compare a verb with the row loop, over every shape of the values, and over nothing at all."""
    expected = read_rows(read, values)
    for array in shapes(values, kind):
        outcome = verb(expression, array, context)
        assert outcome.values.type == to
        assert rows(outcome) == expected
    for array in (pa.array(values, kind).slice(0, 0), pa.nulls(3), pa.nulls(3, pa.array(values, kind).type)):
        outcome = verb(expression, array, context)
        assert outcome.values.type == to
        assert rows(outcome) == [None] * len(array)


def good(expression: Expression, values: pa.Array, context: Context = LONDON) -> list[bool]:
    """Apply the last rule of an expression."""
    result = passes(expression.steps[-1], values, context)
    assert result.type == pa.bool_()
    assert result.null_count == 0
    return result.to_pylist()


def assert_passes(
    expression: Expression,
    values: Sequence[Any],
    rule: Callable[[Any], bool],
    kind: pa.DataType | None = None,
    context: Context = LONDON,
) -> None:
    """Compare a rule with the row loop; null passes."""
    expected = [value is None or rule(value) for value in values]
    for array in shapes(values, kind):
        assert good(expression, array, context) == expected
    assert good(expression, pa.array(values, kind).slice(0, 0), context) == []
    assert good(expression, pa.nulls(2), context) == [True, True]
