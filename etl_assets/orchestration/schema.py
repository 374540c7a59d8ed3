"""A target table's columns as Dagster shows them, and what databases and types are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
from django.db import connections
from django.db.models import Field

from ..transformer import Options

STATIC_TYPES = ("postgresql", "sqlite")
"""Databases whose column types Django names without asking the server."""


def table_schema(meta: Options) -> dg.TableSchema:
    """Describe the columns of the target table by what the model says of them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=str(field.column),
                type=column_type(field, meta.using),
                description=str(field.help_text) or None,
                constraints=dg.TableColumnConstraints(
                    nullable=field.null, unique=field.unique, other=_choices(field)
                ),
            )
            for field in meta.model._meta.concrete_fields
        ]
    )


def _choices(field: Field[Any, Any]) -> list[str]:
    values: Sequence[Any] = [value for value, _ in field.flatchoices] if field.choices else []
    return [f"one of {', '.join(map(repr, values))}"] if values else []


def column_type(field: Field[Any, Any], using: str) -> str:
    """The column's type in the database; Django's name where finding it out would take a connection."""
    if vendor(using) in STATIC_TYPES:
        return field.db_type(connections[using]) or field.get_internal_type()
    return field.get_internal_type()


def vendor(alias: str) -> str:
    """Kind of a database. One that is not configured stops a run, not the page that shows the asset."""
    return str(connections[alias].vendor) if alias in connections else "database"
