"""What lies in the target? A process of its own, which prints the rows and the digest of each table.

DATABASE_URL=... python -m benchmarks.check bench.Department bench.Patient
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django
from django.apps import apps
from django.db import connection, models

from .make import NULL, UNIT, Digest


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    found = {}
    for label in sys.argv[1:]:
        model = apps.get_model(label)
        found[model._meta.db_table] = content_of(model)
    sys.stdout.write(json.dumps(found) + "\n")


def content_of(model: type[models.Model]) -> dict[str, Any]:
    """Count a table's rows and take the digest of their content, by key; drawn keys are left out."""
    table = connection.ops.quote_name(model._meta.db_table)
    columns, joins = [], []
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            parent = connection.ops.quote_name(str(field.related_model._meta.db_table))
            joins.append(f"LEFT JOIN {parent} AS {field.name} ON {field.name}.id = {table}.{field.column}")
            columns.append((f"{field.name}.legacy_id", "IntegerField"))
        elif not isinstance(field, models.AutoField) and not is_clock(field):
            columns.append(
                (f"{table}.{connection.ops.quote_name(str(field.column))}", field.get_internal_type())
            )
    source = f"{table} {' '.join(joins)}"
    by = digest_on_server if connection.vendor == "postgresql" else digest_here
    return by(source, columns)


def is_clock(field: models.Field[Any, Any]) -> bool:
    """Tell whether a field holds the time of the run, of which each has its own."""
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))


def digest_on_server(source: str, columns: list[tuple[str, str]]) -> dict[str, Any]:
    texts = (f"coalesce({_text(name, kind)}, '{NULL}')" for name, kind in columns)
    row = f" || chr({ord(UNIT)}) || ".join(texts)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), md5(coalesce(string_agg(md5({row}), '' ORDER BY {columns[0][0]}), ''))"
            f" FROM {source}"
        )
        rows, digest = cursor.fetchone()
    return {"rows": rows, "digest": digest}


def _text(name: str, kind: str) -> str:
    if kind == "DateTimeField":
        return f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    if kind == "DateField":
        return f"to_char({name}, 'YYYY-MM-DD')"
    return f"{name}::int::text" if kind == "BooleanField" else f"{name}::text"


def digest_here(source: str, columns: list[tuple[str, str]]) -> dict[str, Any]:
    """SQLite keeps dates and times as the text that the digest is taken of."""
    names = ", ".join(name for name, _ in columns)
    connection.ensure_connection()
    # The driver's own cursor: Django's would read dates anew.
    cursor = connection.connection.cursor()
    cursor.execute(f"SELECT {names} FROM {source} ORDER BY {columns[0][0]}")
    cursor.row_factory = None
    return Digest().add_all(cursor).as_dict()


if __name__ == "__main__":
    main()
