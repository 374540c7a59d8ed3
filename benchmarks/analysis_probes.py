"""One measurement of `benchmarks.analysis`, as `python -m benchmarks.analysis_probes read`.

Prints one line of JSON: the seconds without the imports, and what was found, so that two ways of finding it
can be compared. The legacy database is that of LEGACY_DATABASE_URL.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import chain
from typing import Any

import django

TABLE = "legacy_patients"
ALIKE = ("last_name", "date_of_birth")
"""What makes two rows the same."""
PERSON = ("first_name", "last_name", "date_of_birth", "email")
ROWS_AT_ONCE = 50_000


def read(table: Any) -> dict[str, Any]:
    """Read everything once, batch by batch, and drop it: what all others are held against."""
    batches = table.reader.batches(ROWS_AT_ONCE, ordered=False)
    return {"rows": sum(batch.num_rows for batch in batches)}


def analyze(table: Any) -> dict[str, Any]:
    from etl_assets.analysis.profile import analyze

    found = analyze(table)
    return {
        "rows": found["row_count"],
        "columns": found["column_count"],
        "issues": len(found["issues"]),
        "score": found["quality_score"],
    }


def summarize(table: Any) -> dict[str, Any]:
    """DuckDB's SUMMARIZE of the same batches; its distinct counts and quartiles are approximate."""
    import duckdb
    import pyarrow as pa

    batches = table.batches(size=ROWS_AT_ONCE)
    first = next(batches)
    connection = duckdb.connect()

    alike = (batch.cast(first.schema) for batch in chain([first], batches))
    source = pa.RecordBatchReader.from_batches(first.schema, alike)
    connection.register("legacy", source)
    found = connection.execute("SUMMARIZE legacy").fetchall()
    return {"columns": len(found)}


def group_by(table: Any) -> dict[str, Any]:
    """The database's own GROUP BY, of which `duplicates` must make more."""
    names = ", ".join(map(table.reader.quote, ALIKE))
    there = " AND ".join(f"{table.reader.quote(name)} IS NOT NULL" for name in ALIKE)
    source = table.reader.relation.sql
    found = table.reader.fetch(
        f"SELECT {names}, COUNT(*) FROM {source} WHERE {there} GROUP BY {names} HAVING COUNT(*) > 1"
    )
    return {"groups": len(found)}


def duplicates(table: Any) -> dict[str, Any]:
    return _duplicates(table, ALIKE)


def ignore_case(table: Any) -> dict[str, Any]:
    return _duplicates(table, ALIKE, ignore_case=True)


def fuzzy(table: Any) -> dict[str, Any]:
    return _duplicates(table, PERSON, fuzzy=True)


def _duplicates(table: Any, columns: tuple[str, ...], **how: Any) -> dict[str, Any]:
    from etl_assets.analysis.duplicates import duplicates

    found = duplicates(table, columns, **how)
    return {"groups": found["group_count"], "surplus": found["surplus_count"]}


PROBES: dict[str, Callable[[Any], dict[str, Any]]] = {
    one.__name__: one for one in (read, analyze, summarize, group_by, duplicates, ignore_case, fuzzy)
}


def main(name: str) -> None:
    django.setup()
    from etl_assets.analysis.light import do_without_pandas
    from etl_assets.analysis.table import open_table

    do_without_pandas()
    import etl_assets.analysis.duplicates
    import etl_assets.analysis.profile  # noqa: F401 - imports are not what is measured

    started = time.perf_counter()
    with open_table(TABLE, "legacy") as table:
        found = PROBES[name](table)
    sys.stdout.write(json.dumps({"seconds": round(time.perf_counter() - started, 3), **found}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
