"""A few of the rows that a load has written, spread over all of its batches."""

from __future__ import annotations

import math

import pyarrow as pa

from ..batch import Batch
from .matching import Wanted


class LoadedSample:
    """Takes the first rows of each batch, as many as its share of all rows asks for."""

    def __init__(self, wanted: int, expected: int) -> None:
        self._wanted = wanted
        self._expected = max(expected, 1)
        self._offered = self._count = 0
        self._taken: list[Wanted] = []

    def offer(self, batch: Batch) -> None:
        """Take rows from a batch that was written."""
        self._offered += batch.raw.num_rows
        due = math.ceil(self._wanted * min(self._offered, self._expected) / self._expected) - self._count
        if due > 0 and len(batch):
            rows = Wanted.loaded(batch, due)
            self._taken.append(rows)
            self._count += len(rows)

    @property
    def rows(self) -> Wanted | None:
        """What was taken, all in one."""
        if not self._taken:
            return None
        names = self._taken[0].columns
        columns = {name: pa.concat_arrays([one.columns[name] for one in self._taken]) for name in names}
        return Wanted(columns, [key for one in self._taken for key in one.keys])
