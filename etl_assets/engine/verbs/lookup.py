"""Finding values among those an author listed, by themselves or by their text.

Shared by `boolean`, `map`, `null_if` and `one_of`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from .distinct import distinct
from .outcome import Context
from .writing import as_text, text_of


def places(values: pa.Array, listed: Sequence[Any], context: Context) -> pa.Array:
    """Return for each value its place in `listed`: null where it is not there, or is null.

    A value is looked up by itself first and by its text then, so that 1 finds 1 before '1', and '1'
    finds '1' before 1. True and False have no text: they are found by themselves only.
    """
    if types.is_string(values.type):
        by_text = _by_text(listed)
        found = pc.index_in(values, value_set=pa.array(list(by_text), pa.string()), skip_nulls=True)
        return pa.array(list(by_text.values()), pa.int32()).take(found)
    unique, rows = distinct(values)
    return pa.array(_places(unique, listed, context), pa.int32()).take(rows)


def _places(values: pa.Array, listed: Sequence[Any], context: Context) -> list[int | None]:
    by_text = _by_text(listed)
    by_value: dict[Any, int] = {}
    for place, item in enumerate(listed):
        key = _comparable(item, values.type, context)
        if key is not None and isinstance(key, Hashable):
            by_value.setdefault(key, place)
    texts = as_text(values).to_pylist()
    return [
        by_value.get(value, by_text.get(text)) if isinstance(value, Hashable) else by_text.get(text)
        for value, text in zip(_python_values(values), texts, strict=True)
    ]


def _by_text(listed: Sequence[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, item in enumerate(listed):
        if isinstance(item, str):
            found.setdefault(text_of(item), place)
    for place, item in enumerate(listed):
        if item is not None and not isinstance(item, (str, bool)):
            found.setdefault(text_of(item), place)
    return found


def _comparable(item: Any, kind: pa.DataType, context: Context) -> Any:
    """Turn what an author listed into what equals a value of this type."""
    if types.is_decimal(kind) and isinstance(item, float):
        return Decimal(repr(item))
    if not types.is_timestamp(kind):
        return item
    try:
        time = dt.datetime.fromisoformat(text_of(item))
        if kind.tz is None:
            return time if time.tzinfo is None else time.astimezone(context.time_zone).replace(tzinfo=None)
        return (time if time.tzinfo else time.replace(tzinfo=context.time_zone)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return item  # no time, then: it may still be the text of one


def _python_values(values: pa.Array) -> list[Any]:
    """Return Python values, and None for a time that Python cannot hold (beyond year 9999)."""
    try:
        return list(values.to_pylist())
    except (OverflowError, ValueError):
        return [_python_value(value) for value in values]


def _python_value(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return None
