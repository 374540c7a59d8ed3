"""A plain count of a table's rows, one by one, apart from all other code."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

from django.db import connections

from etl_assets.analysis.masking import Masker
from etl_assets.analysis.profile import Profile, analyze
from etl_assets.analysis.table import open_table
from etl_assets.registry import Registry

NOBODY = Registry([])
"""No transformers."""


def profiled(table: str, columns: Sequence[str] | None = None, *, registry: Registry = NOBODY) -> Profile:
    """Analyze a table of `legacy`, showing everything."""
    with open_table(table, "legacy") as opened:
        return analyze(opened, columns, Masker(show=True), registry=registry)


def rows_of(table: str) -> list[dict[str, Any]]:
    """Read a table of `legacy` as the driver gives it: Django makes dates of SQLite's text."""
    connection = connections["legacy"]
    quoted = '"' + table.replace('"', '""') + '"'
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as database:
            return _rows(database.execute(f"SELECT * FROM {quoted}"))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {quoted}", ())
        return _rows(cursor)


def _rows(cursor: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Decimal):
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def counted(rows: Sequence[dict[str, Any]], column: str) -> dict[str, Any]:
    """Every number that `analyze` promises of one column."""
    values = [row[column] for row in rows]
    there = [value for value in values if value is not None]
    several = Counter(there)
    ranked = sorted(several.items(), key=lambda item: item[0])
    ranked.sort(key=lambda item: -item[1])
    nulls = len(values) - len(there)
    return {
        "null_count": nulls,
        "null_percent": 100 * nulls / len(values) if values else 0,
        "empty_count": sum(1 for value in there if isinstance(value, str) and value == ""),
        "distinct_count": len(several),
        "unique_percent": 100 * len(several) / len(values) if values else 0,
        "min": plain(min(there)) if there else None,
        "max": plain(max(there)) if there else None,
        "top_values": [{"value": plain(value), "count": count} for value, count in ranked[:10]],
    }


def assert_counted(profile: Profile, rows: Sequence[dict[str, Any]]) -> None:
    """Compare a profile's numbers with those counted row by row."""
    assert profile["row_count"] == len(rows)
    assert profile["column_count"] == len(profile["columns"])
    for name, found in profile["columns"].items():
        expected = counted(rows, name)
        assert {key: found[key] for key in expected} == expected, name  # type: ignore[literal-required]


def issue(profile: Profile, code: str, column: str | None) -> dict[str, Any]:
    """The one issue of this code and column."""
    found = [one for one in profile["issues"] if (one["code"], one["column"]) == (code, column)]
    assert len(found) == 1, [one["code"] for one in profile["issues"] if one["column"] == column]
    return dict(found[0])


def codes(profile: Profile, column: str | None) -> set[str]:
    return {one["code"] for one in profile["issues"] if one["column"] == column}
