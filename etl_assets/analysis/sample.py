"""Batches spread over a table, as many as can be kept in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pyarrow as pa

SHARE = 5
"""One row in so many is looked at,"""
FEWEST, MOST = 20_000, 100_000
"""but no fewer rows than this where there are as many, and no more."""
FEWEST_BATCHES = 8
MOST_BYTES = 128 * 2**20
PARTS = 10
"""A few batches are cut into so many, which tells what a batch costs however small it is."""


class Sample:
    """Chooses whole batches at equal distances while a table is read to its end."""

    def __init__(self, rows: int, batch_size: int) -> None:
        wanted = min(max(FEWEST, rows // SHARE), MOST)
        all_batches = math.ceil(rows / batch_size)
        batches = min(max(FEWEST_BATCHES, math.ceil(wanted / batch_size)), all_batches)
        self._every = all_batches / batches if batches else 1.0
        self._next = 0.0
        self._seen = 0
        self._bytes = 0
        self.offered = 0
        """Rows."""
        self.batches: list[pa.RecordBatch] = []

    def offer(self, raw: pa.RecordBatch) -> None:
        """Take the table's next batch, or leave it."""
        self.offered += raw.num_rows
        if self._seen >= self._next:
            self.batches.append(raw)
            self._bytes += raw.nbytes
            self._next += self._every
        self._seen += 1
        if self._bytes > MOST_BYTES and len(self.batches) > 1:
            self.batches = self.batches[::2]  # still spread evenly
            self._every *= 2
            self._bytes = sum(one.nbytes for one in self.batches)

    def in_parts(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches; two of them, in the middle, piece by piece."""
        middle = len(self.batches) // 2
        cut = {middle, middle + 1} if len(self.batches) >= FEWEST_BATCHES // 2 else set()
        for number, raw in enumerate(self.batches):
            size = math.ceil(raw.num_rows / PARTS) if number in cut else raw.num_rows
            for first in range(0, raw.num_rows, size):
                yield raw.slice(first, size)
