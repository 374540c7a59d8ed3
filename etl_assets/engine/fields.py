"""What a model field means to the engine: the Arrow type that its column has, and what it can hold."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db.models import Field, ForeignKey

from ..exceptions import NotSupportedYet
from .verbs import Context, Outcome, convert
from .verbs.distinct import per_distinct

TEXT_FIELDS = frozenset(
    {"CharField", "TextField", "SlugField", "FileField", "FilePathField", "GenericIPAddressField"}
)
INTEGER_FIELDS = frozenset(
    {
        "AutoField",
        "BigAutoField",
        "SmallAutoField",
        "IntegerField",
        "BigIntegerField",
        "SmallIntegerField",
        "PositiveIntegerField",
        "PositiveBigIntegerField",
        "PositiveSmallIntegerField",
    }
)
OTHER_FIELDS: dict[str, pa.DataType] = {
    "FloatField": pa.float64(),
    "BooleanField": pa.bool_(),
    "DateField": pa.date32(),
    "TimeField": pa.time64("us"),
    "DurationField": pa.duration("us"),
    "BinaryField": pa.binary(),
    "UUIDField": pa.string(),
    "JSONField": pa.string(),
}


def stored_field(field: Field[Any, Any]) -> Field[Any, Any]:
    """Follow a foreign key to the field whose values its column holds."""
    while isinstance(field, ForeignKey):
        field = field.target_field
    return field


def kind(field: Field[Any, Any]) -> str:
    """Return Django's name for what the column stores: "CharField" for an EmailField."""
    return stored_field(field).get_internal_type()


def arrow_type(field: Field[Any, Any]) -> pa.DataType:
    """Return the declared type of a target column.

    Raises:
        NotSupportedYet: a kind of field that this package cannot fill.
    """
    stored = stored_field(field)
    name = stored.get_internal_type()
    if name in TEXT_FIELDS:
        return pa.string()
    if name in INTEGER_FIELDS:
        return pa.int64()
    if name == "DecimalField":
        # Room for every digit, so that too many of them are counted and not cut.
        wide = (stored.max_digits or 0) > 38  # type: ignore[attr-defined]
        return (pa.decimal256(76, stored.decimal_places) if wide else pa.decimal128(38, stored.decimal_places))  # type: ignore[attr-defined]
    if name == "DateTimeField":
        return pa.timestamp("us", tz="UTC" if settings.USE_TZ else None)
    if name in OTHER_FIELDS:
        return OTHER_FIELDS[name]
    raise NotSupportedYet(
        f"{field.model._meta.label}.{field.name} is a {type(field).__name__}, which is not supported yet: "
        "leave it out of the transformer and fill it afterwards."
    )


def is_text(field: Field[Any, Any]) -> bool:
    """Tell whether null can be written as an empty text."""
    return kind(field) in TEXT_FIELDS and kind(field) != "GenericIPAddressField"


def read_as(field: Field[Any, Any], values: pa.Array, context: Context) -> Outcome:
    """Read values as the declared type of a field, where the author's verbs have not done so."""
    if kind(field) == "UUIDField":
        return per_distinct(values, _uuid, pa.string())
    if kind(field) == "JSONField":
        return _json(values)
    return convert(values, arrow_type(field), context)


def reading_code(field: Field[Any, Any]) -> str:
    """Name the verb that reads a field's type, for rejects: a DateField is read by `date`."""
    return kind(field).removesuffix("Field").removeprefix("Positive").removeprefix("Big").lower()


def _uuid(value: Any) -> str | None:
    text = value.hex() if isinstance(value, bytes) else str(value).strip()
    return str(uuid.UUID(text)) if text else None


def _json(values: pa.Array) -> Outcome:
    """Take text as JSON, and anything else as a value to write as JSON."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return per_distinct(values, _json_text, pa.string())
    written = [None if value is None else json.dumps(value, default=str) for value in values.to_pylist()]
    return Outcome(pa.array(written, pa.string()))


def _json_text(text: str) -> str | None:
    if not text.strip():
        return None
    return json.dumps(json.loads(text, parse_constant=_refuse))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
