"""In which order new rows of a batch are written: neighbours in an index go to the same page of it.

A text that is unique, in a table that is read by number, would otherwise touch an index all over with each
row. Keys are given out before, in reading order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Field, ForeignKey, Index
from django.db.models.base import Model
from django.db.models.options import Options

from ..kinds import column_of, is_text

WORTH_SORTING = 1_000
"""Rows of a batch; of fewer, the order in which they were read is worth more to people."""


def leading_fields(meta: Options[Model], among: Sequence[Field[Any, Any]]) -> list[Field[Any, Any]]:
    """Return fields that indexes begin with, those of most indexes first.

    Without links: there are few parents, so their pages are at hand.
    """
    first = [fields[0] for fields in meta.unique_together if fields]
    plain = [index for index in meta.indexes if type(index) is Index]  # others are no trees of values
    first += [index.fields[0].removeprefix("-") for index in plain if index.fields]
    first += [one.fields[0] for one in meta.total_unique_constraints if one.fields]
    count = Counter(first)
    for field in among:
        if field.unique or getattr(field, "db_index", False):
            count[field.name] += 2 if is_text(field) else 1  # text has one for LIKE too, on PostgreSQL
    found = [field for field in among if count[field.name] and not isinstance(field, ForeignKey)]
    return sorted(found, key=lambda field: -count[field.name])


def together(rows: pa.Table, fields: Sequence[Field[Any, Any]]) -> pa.Table:
    """Sort rows by the first of these fields that they are not in the order of already."""
    for field in fields if rows.num_rows >= WORTH_SORTING else ():
        values = rows.column(column_of(field))
        if pa.types.is_nested(values.type):
            continue
        order = pc.sort_indices(values)
        if not _is_sorted(order):
            return rows.take(order)
    return rows


def _is_sorted(order: pa.Array) -> bool:
    """Tell whether nearly all rows stay where they are beside each other."""
    places = order.to_numpy()
    return bool((places[1:] - places[:-1] == 1).mean() > 0.5)
