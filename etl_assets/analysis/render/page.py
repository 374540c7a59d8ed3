"""Results as one HTML page that needs nothing else: no script, no font, no address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.template import Context, Engine

from .preview import Sources, pairs
from .score import dimensions

TITLES = {
    "analyze": "What is in it",
    "duplicates": "Duplicates",
    "preview": "Preview",
    "estimate": "How long a load takes",
    "checks": "Checks",
}

MEASURED = ("integer", "decimal", "float", "date", "datetime", "time")
"""Types whose histogram is one of the values; all others are text, and have that of its length."""


def page(action: str, subject: str, database: str, result: Mapping[str, Any], sources: Sources) -> str:
    """Lay the result of an action out.

    Args:
        subject: what was looked at: a table, or a run.
        sources: of a preview by a transformer, target field -> the columns that it is made of.
    """
    engine = Engine(
        dirs=[str(Path(__file__).with_name("templates"))],
        builtins=[f"{__package__}.filters"],
    )
    context = {"action": action, "title": TITLES[action], "subject": subject, "database": database}
    prepared = PREPARED.get(action, dict)(result)
    if action == "preview":
        prepared["previewed"] = [(row, list(pairs(row, sources))) for row in result["rows"]]
    return engine.get_template(f"{action}.html").render(Context({**context, **prepared}))


def _analysis(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **result,
        "dimensions": list(dimensions(result["score_breakdown"])),
        "columns": [_column(name, column) for name, column in result["columns"].items()],
    }


def _column(name: str, column: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the pictures are scaled by."""
    return {
        **column,
        "name": name,
        "by_length": column["inferred_type"] not in MEASURED,
        "highest_bin": max((one["count"] for one in column["histogram"]), default=0),
        "top_count": max((one["count"] for one in column["top_values"]), default=0),
        "top_format": max((one["count"] for one in column["formats"]), default=0),
    }


def _duplicates(result: Mapping[str, Any]) -> dict[str, Any]:
    groups = result["groups"]
    return {
        **result,
        "largest": max((group["count"] for group in groups), default=0),
        "more_groups": result["group_count"] - len(groups),
    }


def _estimate(result: Mapping[str, Any]) -> dict[str, Any]:
    low, high = result["estimated_seconds_low"], result["estimated_seconds_high"]
    return {
        **result,
        "rows_per_second": round(result["rows_per_second"]),
        "range_seconds": high - low,
        "scale_seconds": 1.15 * high,
    }


PREPARED: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "analyze": _analysis,
    "duplicates": _duplicates,
    "estimate": _estimate,
}
