"""The short way into a table that was empty: rows that want what no other row wants need not be compared.

The database still has the last word, and what it refuses goes the long way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Field

from .batch import Mask, to_numpy
from .collation import Fold, fold_of, folded
from .kinds import column_of
from .sieve import Sieve, hashes_of
from .targets.base import Target, UniqueSet
from .targets.locality import WORTH_SORTING

PATIENCE = 3
"""Batches that the database may refuse before the short way is given up."""


class Newcomers:
    """Tells which rows of a batch may be written as they are: only this run has written to the table."""

    def __init__(self, target: Target, expected: int, batch_size: int) -> None:
        self.target = target
        self.refusals = 0
        self._without_key = expected if min(expected, batch_size) >= WORTH_SORTING else 0
        self.reserve(2 * batch_size)  # of one batch that is written, and of the next
        self._wanted = [
            Wanted(target, target.keys, expected),
            *(Wanted.by(target, unique, expected) for unique in target.unique_sets),
        ]

    @classmethod
    def of(cls, target: Target, expected: int, batch_size: int) -> Newcomers | None:
        """Return None where only SQL can tell what a constraint says of a row, or rows are there already."""
        judged = target.checks or any(
            unique.constraint is not None and unique.constraint.expressions for unique in target.unique_sets
        )
        filled = {field.name for field in target.filled_by_database}
        unknown = any(filled & unique.looks_at for unique in target.unique_sets)
        if judged or unknown or not target.can_append or not target.is_empty():
            return None
        return cls(target, expected, batch_size)

    @property
    def are_welcome(self) -> bool:
        return self.refusals < PATIENCE

    def reserve(self, rows: int) -> None:
        """Have primary keys ready for so many rows more, of those that are expected."""
        rows = min(rows, self._without_key)
        if rows:
            self._without_key -= rows
            self.target.reserve(rows)

    def alone(self, rows: pa.Table) -> Mask:
        """Return which staged rows want nothing that a row before them wants, in this batch or earlier."""
        doubtful = np.zeros(rows.num_rows, dtype=np.bool_)
        for wanted in self._wanted:
            doubtful |= wanted.before(rows)
        return ~doubtful


class Wanted:
    """What rows have wanted of one key or set of unique fields.

    A constraint with a condition is taken for one without: that finds a few rows too many.
    """

    def __init__(
        self,
        target: Target,
        fields: Sequence[Field[Any, Any]],
        expected: int,
        *,
        nulls_are_equal: bool = False,
    ) -> None:
        self._columns = [column_of(field) for field in fields]
        self._folds = [fold_of(target.connection, field) for field in fields]
        self._nulls_are_equal = nulls_are_equal
        self._sieve = Sieve(expected)

    @classmethod
    def by(cls, target: Target, unique: UniqueSet, expected: int) -> Wanted:
        fields: list[Field[Any, Any]] = [target.meta.get_field(name) for name in unique.fields]  # type: ignore[misc]
        constraint = unique.constraint
        nulls_are_equal = constraint is not None and constraint.nulls_distinct is False
        return cls(target, fields, expected, nulls_are_equal=nulls_are_equal)

    def before(self, rows: pa.Table) -> Mask:
        """Return which rows want what a row before them wants too."""
        columns = [
            rows.column(name) if fold is None else _folded(rows.column(name), fold)
            for name, fold in zip(self._columns, self._folds, strict=True)
        ]
        wanting = np.ones(rows.num_rows, dtype=np.bool_)
        if not self._nulls_are_equal:
            for column in columns:
                if column.null_count:
                    wanting &= to_numpy(pc.is_valid(column))
        there = np.flatnonzero(wanting)
        if len(there) < rows.num_rows:
            columns = [column.take(pa.array(there)) for column in columns]
        found = np.zeros(rows.num_rows, dtype=np.bool_)
        found[there] = self._sieve.pass_on(hashes_of(columns))
        return found


def _folded(column: pa.ChunkedArray, fold: Fold) -> pa.Array:
    return pa.array(folded(fold, column.to_pylist()), pa.string())
