"""A few of the rows that a load has written, spread over all of its batches."""

from __future__ import annotations

import math

import pyarrow as pa

from ..batch import Batch
from .matching import Wanted


class LoadedSample:
    """Takes the first rows of each batch, or of every so many batches where these are small."""

    def __init__(self, wanted: int, batches: int) -> None:
        batches = max(batches, 1)
        self._from_each = math.ceil(wanted / batches)
        self._every = max(batches // wanted, 1)
        self._offered = 0
        self._taken: list[Wanted] = []

    def offer(self, batch: Batch) -> None:
        """Take rows from a batch that was written."""
        if self._offered % self._every == 0 and len(batch):
            self._taken.append(Wanted.loaded(batch, self._from_each))
        self._offered += 1

    @property
    def rows(self) -> Wanted | None:
        """What was taken, all in one."""
        if not self._taken:
            return None
        names = self._taken[0].columns
        columns = {name: pa.concat_arrays([one.columns[name] for one in self._taken]) for name in names}
        return Wanted(columns, [key for one in self._taken for key in one.keys])
