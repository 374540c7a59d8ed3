"""The rules: true where a value is good, null where it is null, which passes all of them but `required`."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .distinct import filled
from .linear import linear_regex
from .lookup import places
from .outcome import Context
from .writing import as_text


def required(values: pa.Array, context: Context) -> pa.Array:
    return values.is_valid()


def matches(values: pa.Array, context: Context, regex: str) -> pa.Array:
    texts = as_text(values)
    pattern = re.compile(regex)
    done = pa.nulls(len(texts), pa.bool_())
    linear = linear_regex(regex)
    if linear is not None:
        done = pc.if_else(pc.string_is_ascii(texts), pc.match_substring_regex(texts, linear), None)
    return filled(texts, done, lambda text: pattern.fullmatch(text) is not None)


def one_of(array: pa.Array, context: Context, values: tuple[Any, ...]) -> pa.Array:
    return pc.or_(places(array, values, context).is_valid(), array.is_null())


def length(values: pa.Array, context: Context, low: int, high: int) -> pa.Array:
    count = pc.utf8_length(as_text(values))
    return pc.and_(pc.greater_equal(count, low), pc.less_equal(count, high))
