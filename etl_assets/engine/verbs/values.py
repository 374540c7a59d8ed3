"""The verbs about single values: `map`, `null_if`, `default`, `apply`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...columns import NoDefault
from .convert import convert, has_reader
from .distinct import attempts, distinct, spread
from .inference import constant, natural
from .lookup import places
from .outcome import Context, Outcome
from .writing import as_text, text_of


def map_values(array: pa.Array, context: Context, values: Mapping[Any, Any], default: Any) -> Outcome:
    """Look each value up, by itself or by its text."""
    place = places(array, list(values), context)
    unknown = pc.and_(array.is_valid(), place.is_null())
    if isinstance(default, NoDefault):
        mapped = natural(list(values.values()))
        return Outcome(mapped.take(place), unknown if pc.any(unknown).as_py() else None)
    mapped = natural([*values.values(), default])
    return Outcome(mapped.take(pc.if_else(unknown, pa.scalar(len(values), pa.int32()), place)))


def null_if(array: pa.Array, context: Context, values: tuple[Any, ...]) -> Outcome:
    """Make null of the values listed."""
    return Outcome(pc.if_else(places(array, values, context).is_valid(), None, array))


def default(array: pa.Array, context: Context, value: Any) -> Outcome:
    """Fill null, in the array's own type where `value` can be read as that, else as text."""
    if value is None:
        return Outcome(array)
    if pa.types.is_null(array.type):
        return Outcome(constant(value, len(array)))
    if has_reader(array.type):
        read = convert(natural([value]), array.type, context)
        if not read.values.null_count:
            return Outcome(array.fill_null(read.values[0]))
    return Outcome(as_text(array).fill_null(text_of(value)))


def apply(array: pa.Array, context: Context, function: Callable[[Any], Any]) -> Outcome:
    """Call the author's function, which may raise anything for a value it cannot read."""
    unique, positions = distinct(array)
    scalars = (value if value.is_valid else None for value in unique)
    results, refused = attempts(scalars, lambda value: function(value.as_py()), Exception)
    for place, result in enumerate(results):
        if isinstance(result, str) and not _is_unicode(result):
            results[place], refused[place] = None, True
    return spread(natural(results), refused, positions)


def _is_unicode(text: str) -> bool:
    """Tell a text from one with half a surrogate pair, which neither Arrow nor a database takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
