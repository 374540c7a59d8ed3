"""Calling a Python function once per distinct value, for what Arrow has no kernel for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .outcome import Outcome
from .plain import plain


def distinct(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the distinct values, and for each row the position of its own (null for null)."""
    values = plain(values)
    if pa.types.is_nested(values.type):  # Arrow cannot compare lists and structs
        positions = pa.array(range(len(values)), pa.int32())
        return values, pc.if_else(values.is_valid(), positions, None)
    if pa.types.is_null(values.type):
        return values.slice(0, 0), pa.nulls(len(values), pa.int32())
    encoded = values.dictionary_encode()
    return encoded.dictionary, encoded.indices


def map_distinct(values: pa.Array, function: Callable[[Any], Any], to: pa.DataType) -> pa.Array:
    """Put `function(value)` in the place of each value; null stays null and is not passed on."""
    found, positions = distinct(values)
    mapped = [None if value is None else function(value) for value in found.to_pylist()]
    return pa.array(mapped, to).take(positions)


def filled(values: pa.Array, done: pa.Array, function: Callable[[Any], Any]) -> pa.Array:
    """Complete what a kernel left null in `done`, with `function` of the value in that row."""
    rest = pc.and_(values.is_valid(), done.is_null())
    if not pc.any(rest).as_py():
        return done
    return pc.replace_with_mask(done, rest, map_distinct(values.filter(rest), function, done.type))


def per_distinct(
    values: pa.Array,
    function: Callable[[Any], Any],
    to: pa.DataType,
    refusal: type[Exception] = ValueError,
) -> Outcome:
    """Read values with a function that raises `refusal` for what it cannot read; its None is null."""
    found, positions = distinct(values)
    read, refused = attempts(found.to_pylist(), function, refusal)
    return spread(pa.array(read, to), refused, positions)


def attempts(
    values: Iterable[Any], function: Callable[[Any], Any], refusal: type[Exception]
) -> tuple[list[Any], list[bool]]:
    """Call `function` for each value that is not None; return the results, and where it refused."""
    results: list[Any] = []
    refused: list[bool] = []
    for value in values:
        try:
            results.append(None if value is None else function(value))
            refused.append(False)
        except refusal:
            results.append(None)
            refused.append(True)
    return results, refused


def spread(results: pa.Array, refused: list[bool], positions: pa.Array) -> Outcome:
    """Carry what became of the distinct values to the rows that they came from."""
    if not any(refused):
        return Outcome(results.take(positions))
    unreadable = pa.array(refused, pa.bool_()).take(positions).fill_null(False)
    return Outcome(results.take(positions), unreadable)
