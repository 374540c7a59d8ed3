"""Reading the target beside the ORM, which cannot read a column with a % in its name."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.models import Field


def as_read(field: Field[Any, Any], value: Any, using: str) -> Any:
    """Make of a database's own value what the ORM makes of it."""
    connection = connections[using]
    column = field.get_col(field.model._meta.db_table)
    for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
        value = convert(value, column, connection)
    return value
