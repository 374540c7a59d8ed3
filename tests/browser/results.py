"""Results as the actions return them, about data that wants to break a page."""

from __future__ import annotations

from typing import Any

NASTY = "<script>alert(1)</script>\"'&{{ x }}{% y %}"
LONG = "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüssel" * 4
VALUES = [
    NASTY,
    LONG,
    "",
    "  ",
    None,
    "שלום עולם",
    "‮evil",
    "\x00\x1b[31mred",
    12345678901234567890,
    0.1,
    True,
]


def _issue(column: str | None) -> dict[str, Any]:
    return {
        "code": "stray_spaces",
        "column": column,
        "count": 1,
        "percent": 0.004,
        "message": f"1 row has {NASTY} and {LONG}",
        "suggestion": f"col({NASTY!r}).strip()\ncol({LONG!r})",
    }


def _row(
    transformed: dict[str, Any], changed: list[str], status: str, reason: str | None, warnings: list[str]
) -> dict[str, Any]:
    return {
        "original": ROW,
        "transformed": transformed,
        "changed": changed,
        "status": status,
        "reason": reason,
        "warnings": warnings,
    }


def _column(histogram: list[int], values: list[Any]) -> dict[str, Any]:
    return {
        "type": "character varying",
        "inferred_type": "integer" if histogram else "unknown",
        "null_count": 3,
        "null_percent": 12.5,
        "empty_count": 1_234_567,
        "distinct_count": 98_765_432,
        "unique_percent": 99.99,
        "min": LONG,
        "max": NASTY,
        "top_values": [
            {"value": value, "count": 10 ** (9 - place)} for place, value in enumerate(values[:9])
        ],
        "formats": [
            {"pattern": "A" * 70, "count": 5, "example": LONG},
            {"pattern": " 9", "count": 1, "example": NASTY},
        ],
        "histogram": [
            {"low": f"-123456789.{place}", "high": f"9999999999.{place + 1}", "count": count}
            for place, count in enumerate(histogram)
        ],
        "issues": [_issue(NASTY)],
    }


ANALYZE: dict[str, Any] = {
    "table": NASTY,
    "database": "legacy",
    "row_count": 123_456_789,
    "column_count": 42,
    "quality_score": 61.25,
    "score_breakdown": {
        "completeness": 10.0,
        "validity": 21.25,
        "consistency": 10.0,
        "uniqueness": 10.0,
        "encoding": 10.0,
    },
    "type_distribution": {"character varying": 40, "timestamp without time zone": 2},
    "columns": {
        NASTY: _column([1, 50, 25, 100, 0, 75], VALUES),
        LONG: _column([1000], [LONG]),
        "empty": _column([], []),
        "values": _column([3] * 20, [None, "items"]),
        **{f"column {number}": _column([1, 2, 3], VALUES) for number in range(38)},
    },
    "issues": [_issue(NASTY), _issue(None), _issue(LONG)],
}
ROW = {NASTY: NASTY, LONG: LONG, "values": None, "items": "", "0": [1, {"a": None}], "note": "\x1b]0;x\x07"}
DUPLICATES: dict[str, Any] = {
    "table": NASTY,
    "database": "legacy",
    "columns": [NASTY, "values"],
    "group_count": 12_345,
    "duplicate_count": 123_456,
    "surplus_count": 111_111,
    "null_rows": 7,
    "groups": [
        {
            "values": {NASTY: LONG, "values": None},
            "count": 1_000_000,
            "rows": [ROW, ROW],
            "rows_left_out": 999_998,
        },
        {"values": {NASTY: NASTY, "items": 1}, "count": 2, "rows": [ROW, ROW], "match_weight": 17.25},
    ],
}
PREVIEW: dict[str, Any] = {
    "table": NASTY,
    "database": "legacy",
    "columns": [*ROW],
    "rows": [
        _row(ROW, [NASTY, "items"], "ok", None, [NASTY, LONG]),
        _row({}, [], "rejected", NASTY, []),
        _row({"x": LONG}, ["x"], "skipped", LONG, []),
    ],
    "suggestions": {NASTY: [{"verb": f"null_if({NASTY!r})", "why": LONG, "share": 0.0001}], "items": []},
    "transformer": None,
}
ESTIMATE: dict[str, Any] = {
    "table": NASTY,
    "database": "legacy",
    "transformer": "patients",
    "row_count": 1_000_000_000,
    "batch_size": 1,
    "batches": 1_000_000_000,
    "sample_rows": 20_000,
    "rows_per_second": 12_345.6,
    "estimated_seconds": 81_000.5,
    "estimated_seconds_low": 72_000.0,
    "estimated_seconds_high": 95_000.0,
    "memory_bytes": 512_000_000,
    "recommended_batch_size": 10_000,
    "suggestions": [LONG, NASTY],
}


def _check(name: str, *, passed: bool, severity: str, values: list[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "passed": passed,
        "severity": severity,
        "blocking": True,
        "description": f"1 row has {NASTY} and {LONG}",
        "figures": {"offenders": 1234567, "rejected_percent": 0.0001, LONG: NASTY},
        "samples": [{NASTY: value, "items": value} for value in values],
    }


CHECKS: dict[str, Any] = {
    "run_id": NASTY,
    "status": "failed",
    "started_at": "2024-01-15T14:30:12.000001+00:00",
    "finished_at": None,
    "passed": 1234567,
    "warnings": 1,
    "errors": 1,
    "transformers": {
        "items": {
            "status": "success",
            "error": None,
            "checks": [
                _check("rule_" + "x" * 80, passed=False, severity="warning", values=VALUES),
                _check("rows_accounted_for", passed=True, severity="error", values=[]),
            ],
        },
        NASTY: {"status": "failed", "error": f"{LONG} {NASTY}", "checks": []},
        "patients": {
            "status": "interrupted",
            "error": None,
            "checks": [_check("no_orphans", passed=False, severity="error", values=VALUES[:2])],
        },
    },
}

RESULTS = {
    "analyze": ANALYZE,
    "duplicates": DUPLICATES,
    "preview": PREVIEW,
    "estimate": ESTIMATE,
    "checks": CHECKS,
}
