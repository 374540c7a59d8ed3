"""A few rows as they were read and as they were loaded, for whoever shows what a run did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .batch import Batch, legacy_key_text

ROWS = 3
LOOKED_AT = 100
"""Source rows that are kept so that a reader can tell by their content what a column holds."""


@dataclass(frozen=True, slots=True)
class Examples:
    """The first rows that were loaded. Nothing is masked yet."""

    keys: tuple[str, ...]
    """Legacy keys."""
    before: dict[str, list[Any]]
    """Source column -> its value in each of the rows."""
    after: dict[str, list[Any]]
    """Target field -> its value in each of the rows; a link's is what refers to the parent."""
    first_read: dict[str, list[Any]]
    """Source column -> its values in the first rows read, whatever became of them."""


def examples_of(batch: Batch) -> Examples | None:
    """Take them from a batch that is loaded; None where none of its rows was."""
    rows = batch.rows[:ROWS].tolist()
    if not rows:
        return None
    return Examples(
        keys=tuple(legacy_key_text([one[row].as_py() for one in batch.legacy_keys]) for row in rows),
        before=_values(batch.raw.take(rows)),
        after=_values(pa.RecordBatch.from_pydict(batch.columns).slice(0, len(rows))),
        first_read=_values(batch.raw.slice(0, LOOKED_AT)),
    )


def _values(batch: pa.RecordBatch) -> dict[str, list[Any]]:
    return dict(zip(batch.schema.names, map(_as_python, batch.columns), strict=True))


def _as_python(column: pa.Array) -> list[Any]:
    try:
        return column.to_pylist()
    except (ValueError, OverflowError):  # a time that Python's own types do not reach
        return column.cast(pa.string()).to_pylist()
