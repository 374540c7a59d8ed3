"""Values as text: what text verbs, comparisons by text, `concat` and text fields see of them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils.duration import duration_iso_string
from pyarrow import types

from .distinct import filled, map_distinct
from .plain import LOCAL, plain


def as_text(values: pa.Array) -> pa.Array:
    """Write any array as text.

    Whole numbers are written '42', floats as Python does ('1.5', '1.0'), decimals with their scale
    ('1.50'), booleans 'true' and 'false', dates and times as ISO 8601. Bytes that are no UTF-8 are
    written in hexadecimal, '\\x00ff'.
    """
    values = plain(values)
    kind = values.type
    if types.is_string(kind):
        return values
    if types.is_null(kind) or types.is_integer(kind) or types.is_boolean(kind) or types.is_date(kind):
        return values.cast(pa.string())
    if types.is_decimal(kind):
        texts = values.cast(pa.string())
        scientific = pc.match_substring(texts, "E")  # Arrow's way with many zeros: 1E-7
        return filled(values, pc.if_else(scientific, None, texts), text_of)
    if types.is_timestamp(kind):
        texts = values.cast(LOCAL).cast(pa.string())
        texts = _whole_seconds(pc.replace_substring_regex(texts, r"(\d) (\d)", r"\1T\2"))
        return texts if kind.tz is None else pc.binary_join_element_wise(texts, "+00:00", "")
    if types.is_time(kind):
        return _whole_seconds(values.cast(pa.string()))
    return map_distinct(values, text_of, pa.string())


def _whole_seconds(texts: pa.Array) -> pa.Array:
    """Leave a fraction of nothing out, as Python's `isoformat` does."""
    return pc.replace_substring_regex(texts, r"\.000000$", "")


def text_of(value: Any) -> str:
    """Write one Python value as `as_text` writes it in an array."""
    if isinstance(value, str):
        return str.__str__(value)  # of a member of TextChoices, its value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return duration_iso_string(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes_as_text(bytes(value))
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _bytes_as_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "\\x" + value.hex()


def concat(parts: Sequence[pa.Array], separator: str) -> pa.Array:
    """Join arrays row by row as text. Null parts are left out; all null is null."""
    texts = [as_text(part) for part in parts]
    # Arrow's "skip" drops the rows where all is null, so each begins with an empty text, which goes again.
    joined = pc.binary_join_element_wise("", *texts, separator, null_handling="skip")
    joined = pc.utf8_slice_codeunits(joined, len(separator))
    return pc.if_else(pc.coalesce(*texts).is_valid(), joined, None)
