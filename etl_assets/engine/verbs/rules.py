"""The rules: true where a value is good, null where it is null, which passes all of them but `required`."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .distinct import map_distinct
from .lookup import places
from .outcome import Context
from .writing import as_text


def required(values: pa.Array, context: Context) -> pa.Array:
    return values.is_valid()


def matches(values: pa.Array, context: Context, regex: str) -> pa.Array:
    pattern = re.compile(regex)
    return map_distinct(as_text(values), lambda text: pattern.fullmatch(text) is not None, pa.bool_())


def one_of(array: pa.Array, context: Context, values: tuple[Any, ...]) -> pa.Array:
    return pc.or_(places(array, values, context).is_valid(), array.is_null())


def length(values: pa.Array, context: Context, low: int, high: int) -> pa.Array:
    count = pc.utf8_length(as_text(values))
    return pc.and_(pc.greater_equal(count, low), pc.less_equal(count, high))
