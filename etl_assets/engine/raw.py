"""Raw rows of a source as they are kept with a reject: in JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

RawRow = dict[str, Any]

as_text = json.JSONEncoder(ensure_ascii=False).encode
_in_one_order = json.JSONEncoder(sort_keys=True).encode


def kept_rows(keys: Sequence[str], rows: pa.RecordBatch) -> Iterator[tuple[RawRow, str]]:
    """Yield each raw row as JSON can hold it, with its digest.

    The digest is one of the legacy key and the texts of the values, since SQLite's 7 is read as 7.0 or '7'
    where its batch has another row with a 7.5 or a text in that column.
    """
    names = rows.schema.names
    columns = [_json_values(column) for column in rows.columns]
    texts = [
        list(map(_plain_text, values)) if _is_number(column.type) else values
        for column, values in zip(rows.columns, columns, strict=True)
    ]
    for key, values, plain in zip(keys, _across(columns, keys), _across(texts, keys), strict=True):
        content = _in_one_order([key, dict(zip(names, plain, strict=True))])
        yield dict(zip(names, values, strict=True)), blake2b(content.encode(), digest_size=16).hexdigest()


def storable(text: str) -> str:
    """Make a NUL visible: PostgreSQL stores none, in text or JSON."""
    return text.replace("\x00", "\\x00")


def as_json(value: Any) -> Any:
    """Turn a source value into what JSON has: text, number, true, false, null."""
    if isinstance(value, str):
        return storable(value) if "\x00" in value else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, bytes):
        return f"base64:{base64.b64encode(value).decode()}"
    if isinstance(value, Mapping):
        return {str(name): as_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else storable(str(value))


def _json_values(column: pa.Array) -> list[Any]:
    """Turn a column into what JSON has; most are that already, which all values are asked at once."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_integer(column.type):
        return values
    if pa.types.is_string(column.type) and not pc.any(pc.match_substring(column, "\x00")).as_py():
        return values
    return list(map(as_json, values))


def _is_number(data_type: pa.DataType) -> bool:
    is_one = pa.types.is_integer(data_type) or pa.types.is_floating(data_type)
    return is_one or pa.types.is_boolean(data_type)


def _plain_text(value: Any) -> Any:
    """Write a number or boolean as text, whichever way it was read."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, (bool, int, float)) else value


def _across(columns: Sequence[list[Any]], keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield rows, as many as there are keys also where there are no columns."""
    return zip(*columns, strict=True) if columns else iter([()] * len(keys))
