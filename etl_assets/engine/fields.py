"""What a model field means to the engine: the Arrow type of its column, and how values become it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import DecimalField, Field
from django.utils.ipv6 import clean_ipv6_address

from .kinds import INTEGER_FIELDS, TEXT_FIELDS, kind, require_known, stored_field
from .verbs import Context, Outcome, as_text, convert
from .verbs.distinct import per_distinct

TYPES: dict[str, pa.DataType] = {
    "FloatField": pa.float64(),
    "BooleanField": pa.bool_(),
    "DateField": pa.date32(),
    "TimeField": pa.time64("us"),
    "DurationField": pa.duration("us"),
    "BinaryField": pa.binary(),
    "UUIDField": pa.string(),
    "JSONField": pa.string(),
    **dict.fromkeys(TEXT_FIELDS, pa.string()),
    **dict.fromkeys(INTEGER_FIELDS, pa.int64()),
}


def arrow_type(field: Field[Any, Any]) -> pa.DataType:
    """Return the declared type of a target column.

    Raises:
        NotSupportedYet: a kind of field that this package cannot fill.
    """
    require_known(field)
    stored = stored_field(field)
    if isinstance(stored, DecimalField):
        # Room for every digit, so that too many of them are counted and not cut.
        places, wide = stored.decimal_places or 0, (stored.max_digits or 0) > 38
        return pa.decimal256(76, places) if wide else pa.decimal128(38, places)
    if kind(field) == "DateTimeField":
        return pa.timestamp("us", tz="UTC" if settings.USE_TZ else None)
    return TYPES[kind(field)]


def read_as(field: Field[Any, Any], values: pa.Array, context: Context) -> Outcome:
    """Read values as the declared type of a field, where the author's verbs have not done so."""
    if kind(field) == "UUIDField":
        return per_distinct(values, _uuid, pa.string())
    if kind(field) == "JSONField":
        return _json(values)
    if kind(field) == "GenericIPAddressField":
        return per_distinct(as_text(values), _address, pa.string())
    return convert(values, arrow_type(field), context)


def reading_code(field: Field[Any, Any]) -> str:
    """Name the verb that reads a field's type, for rejects: a DateField is read by `date`."""
    if kind(field) in INTEGER_FIELDS:
        return "integer"
    return kind(field).removesuffix("Field").lower()


def _uuid(value: Any) -> str | None:
    text = value.hex() if isinstance(value, bytes) else str(value).strip()
    return str(uuid.UUID(text)) if text else None


def _address(text: str) -> str | None:
    """Write an address as Django does, or it would not find it; `ModelRules` refuses what is none."""
    text = text.strip()
    try:
        return clean_ipv6_address(text) if ":" in text else text or None
    except ValidationError:
        return text


def _json(values: pa.Array) -> Outcome:
    """Take text as JSON, and anything else as a value to write as JSON."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return per_distinct(values, _json_text, pa.string())
    written = [None if value is None else json.dumps(value, default=str) for value in values.to_pylist()]
    return Outcome(pa.array(written, pa.string()))


def _json_text(text: str) -> str | None:
    if not text.strip():
        return None
    return json.dumps(json.loads(text, parse_constant=_refuse), allow_nan=False)  # 1e400 reads as infinity


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
