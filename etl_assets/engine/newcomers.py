"""The short way into a table that was empty: rows that want what no other row wants need not be compared.

The database still has the last word, and what it refuses goes the long way.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Field

from .batch import Mask, to_numpy
from .collation import Fold, fold_of, folded
from .kinds import column_of
from .sieve import Sieve, hashes_of
from .targets.base import Target

PATIENCE = 3
"""Batches that the database may refuse before the short way is given up."""


class Newcomers:
    """Tells which rows of a batch may be written as they are, since only this run has written to the table."""

    def __init__(self, target: Target, expected: int) -> None:
        self.target = target
        self.refusals = 0
        wanted = [tuple(target.keys)]
        for unique in target.unique_sets:
            if unique.constraint is None:  # any other one the database judges
                wanted.append(tuple(target.meta.get_field(name) for name in unique.fields))  # type: ignore[misc]
        held = set(target.staged_fields)
        self._wanted = [fields for fields in wanted if held.issuperset(fields)]
        self._sieves = [Sieve(expected) for _ in self._wanted]
        self._folds: dict[Field, Fold | None] = {  # type: ignore[type-arg]
            field: fold_of(target.connection, field) for fields in self._wanted for field in fields
        }

    @property
    def are_welcome(self) -> bool:
        return self.refusals < PATIENCE

    def alone(self, rows: pa.Table) -> Mask:
        """Return which staged rows want nothing that another row wants, or wanted before."""
        doubtful = np.zeros(rows.num_rows, dtype=np.bool_)
        for fields, sieve in zip(self._wanted, self._sieves, strict=True):
            columns = list(self._columns(rows, fields))
            whole = np.ones(rows.num_rows, dtype=np.bool_)
            for column in columns:
                if column.null_count:  # null is equal to nothing
                    whole &= to_numpy(pc.is_valid(column))
            there = np.flatnonzero(whole)
            if len(there) < rows.num_rows:
                columns = [column.take(pa.array(there)) for column in columns]
            doubtful[there] |= sieve.pass_on(hashes_of(columns))
        return ~doubtful

    def _columns(self, rows: pa.Table, fields: tuple[Field, ...]) -> Iterator[pa.ChunkedArray]:  # type: ignore[type-arg]
        for field in fields:
            column = rows.column(column_of(field))
            fold = self._folds[field]
            yield column if fold is None else pa.chunked_array([folded(fold, column.to_pylist())], pa.string())
