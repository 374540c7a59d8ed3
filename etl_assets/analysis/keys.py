"""Columns that identify rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from .column import ColumnFacts
from .issues import ALMOST_UNIQUE, Issue
from .paste import chain
from .store import Store

MOST_PAIRS = 6


def candidate_keys(store: Store, columns: list[ColumnFacts]) -> Iterator[Issue]:
    """Find the columns, or else the pairs of columns, that identify a row."""
    rows, primary = store.rows, store.table.primary_key
    if not rows:
        return
    singles = [one for one in columns if one.distinct_count == rows and one.stored not in ("DOUBLE", "BLOB")]
    for one in singles:
        message = (
            "It identifies each row, and is the primary key."
            if primary == (one.name,)
            else ("It identifies each row: no value is null or there twice.")
        )
        yield Issue("candidate_key", one.name, rows, message, f"{chain(one.name, [], start='key')}")
    pairs = [primary] if len(primary) > 1 and set(primary) <= set(store.columns) else []
    if not singles and not pairs and not any(one.distinct_count >= ALMOST_UNIQUE * rows for one in columns):
        full = [one for one in columns if not one.null_count and one.stored not in ("DOUBLE", "BLOB")]
        both = [(a, b) for a, b in combinations(full, 2) if a.distinct_count * b.distinct_count >= rows]
        both.sort(key=lambda pair: pair[0].distinct_count * pair[1].distinct_count)
        pairs = [(a.name, b.name) for a, b in both[:MOST_PAIRS]]
    for names in pairs:
        if store.count_distinct(*names) == rows:
            listed = " and ".join(map(repr, names))
            mapped = "; ".join(f"... = {chain(name, [])}" for name in names)
            yield Issue(
                "candidate_key", None, rows, f"{listed} identify each row together.", f"key = (...); {mapped}"
            )
