"""What a run leaves on its materializations, and a dry run on its step: counts, speed, tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from ..engine.report import COUNT_NAMES, RunReport, TransformerReport

REJECTS_SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn("field", description="Target field; empty for rules over rows and for keys."),
        dg.TableColumn("code", description="The verb, rule or constraint that the rows did not pass."),
        dg.TableColumn("rows", "int"),
    ]
)


def run_metadata(report: TransformerReport) -> Mapping[str, Any]:
    """What a run says of itself: counts under their names, speed, stage times, rejects by reason."""
    metadata: dict[str, Any] = {
        **report.counts.as_dict(),
        "duration_seconds": round(report.duration_seconds, 3),
        "rows_per_second": round(report.rows_per_second, 1),
        **{f"{stage}_seconds": times["seconds"] for stage, times in report.stages.as_dict().items()},
    }
    if report.target_rows is not None:
        metadata["dagster/row_count"] = report.target_rows
    if report.reject_reasons:
        metadata["reject_reasons"] = dg.TableMetadataValue(
            [dg.TableRecord(reason) for reason in _reasons(report)], REJECTS_SCHEMA
        )
    return metadata


def _reasons(report: TransformerReport) -> Iterable[dict[str, Any]]:
    for reason, rows in report.reject_reasons.most_common():
        field, _, code = reason.partition(":")
        yield {"field": field, "code": code, "rows": rows}


def dry_run_metadata(report: RunReport) -> Mapping[str, Any]:
    """What a dry run found: a row for each transformer, and the rejects of all."""
    rejects = [
        dg.TableRecord({"transformer": name, **reason})
        for name, one in report.transformers.items()
        for reason in _reasons(one)
    ]
    metadata: dict[str, Any] = {
        "total_records": report.total_records,
        "duration_seconds": round(report.duration_seconds, 3),
        "transformers": dg.TableMetadataValue(
            [_summary(one) for one in report.transformers.values()], DRY_RUN_SCHEMA
        ),
    }
    if rejects:
        schema = dg.TableSchema(columns=[dg.TableColumn("transformer"), *REJECTS_SCHEMA.columns])
        metadata["reject_reasons"] = dg.TableMetadataValue(rejects, schema)
    return metadata


DRY_RUN_SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn("transformer"),
        dg.TableColumn("status"),
        *(dg.TableColumn(name, "int") for name in COUNT_NAMES),
        dg.TableColumn("duration_seconds", "float"),
        dg.TableColumn("error"),
    ]
)


def _summary(report: TransformerReport) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "transformer": report.name,
            "status": report.status,
            **report.counts.as_dict(),
            "duration_seconds": round(report.duration_seconds, 3),
            "error": report.error,
        }
    )
