"""What a model field stores, as Django alone can tell: system checks need no more."""

from __future__ import annotations

from typing import Any

from django.db.models import Field, ForeignKey

from ..exceptions import NotSupportedYet

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
OTHER_FIELDS = frozenset(
    {
        "BinaryField",
        "BooleanField",
        "DateField",
        "DateTimeField",
        "DecimalField",
        "DurationField",
        "FloatField",
        "JSONField",
        "TimeField",
        "UUIDField",
    }
)


def stored_field(field: Field[Any, Any]) -> Field[Any, Any]:
    """Follow a foreign key to the field whose values its column holds."""
    while isinstance(field, ForeignKey):
        field = field.target_field
    return field


def kind(field: Field[Any, Any]) -> str:
    """Return Django's name for what the column stores: "CharField" for an EmailField."""
    return stored_field(field).get_internal_type()


def column_of(field: Field[Any, Any]) -> str:
    """Return the name of a concrete field's column."""
    assert field.column is not None, f"{field} has no column"
    return field.column


def is_text(field: Field[Any, Any]) -> bool:
    """Tell whether null can be written as an empty text."""
    return kind(field) in TEXT_FIELDS and kind(field) != "GenericIPAddressField"


def require_known(field: Field[Any, Any]) -> None:
    """Refuse a kind of field that the engine cannot fill.

    Raises:
        NotSupportedYet: it names the field.
    """
    if kind(field) not in TEXT_FIELDS | INTEGER_FIELDS | OTHER_FIELDS:
        raise NotSupportedYet(
            f"{field.model._meta.label}.{field.name} is a {type(field).__name__}, which is not supported "
            "yet: leave it out of the transformer and fill it afterwards."
        )
