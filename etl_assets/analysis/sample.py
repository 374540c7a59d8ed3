"""Which rows of a table are tried: stretches of batches, spread over it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from itertools import count
from typing import NamedTuple

import pyarrow as pa

from ..engine.sources import Reader

SHARE = 8
"""One row in so many is tried,"""
FEWEST, MOST = 20_000, 120_000
"""but no fewer rows than this where there are as many, and no more,"""
FEWEST_BATCHES = 8
"""unless batches are so large that too few of them would be timed."""
MOST_BYTES = 256 * 2**20
SPOTS = 5
"""Stretches, where each of them has"""
SPOT_BATCHES = 4
PARTS = 20
"""One batch is cut into so many, which tells what a batch costs however small it is."""
QUICK, SLOW = 0.1, 1.0
"""Seconds until the first rows come. A quick order has an index; what is slow is not asked more than once."""


class Piece(NamedTuple):
    """One batch of the sample."""

    raw: pa.RecordBatch
    is_steady: bool
    """Does it follow one of its kind, which was read right before it?"""
    is_part: bool = False
    """Is it one of the parts of the batch that is cut?"""


class Opening(NamedTuple):
    """How reading a source in its order begins."""

    seconds: float
    """Until the first batch was there: a source that has no index for its order is sorted first."""
    row_bytes: float = 0.0

    @classmethod
    def of(cls, reader: Reader, batch_size: int) -> Opening:
        """Try it; the reader is good for nothing else afterwards."""
        started = time.perf_counter()
        with closing(reader.batches(batch_size)) as batches:  # type: ignore[type-var]
            first = next(batches, None)
            seconds = time.perf_counter() - started
        return cls(seconds, first.nbytes / first.num_rows if first is not None else 0.0)


class Sample:
    """Chooses stretches at equal distances; of a small table, everything."""

    def __init__(self, rows: int, batch_size: int, opening: Opening) -> None:
        self.batch_size = batch_size
        self.in_order = opening.seconds <= QUICK
        wanted = min(max(FEWEST, rows // SHARE), MOST)
        fitting = int(MOST_BYTES / (batch_size * max(opening.row_bytes, 1.0)))
        batches = max(math.ceil(wanted / batch_size), FEWEST_BATCHES)
        batches = max(min(batches, fitting), SPOT_BATCHES)
        all_batches = math.ceil(rows / batch_size)
        self.spots = [range(rows)] if rows else []
        self.is_everything = batches >= all_batches
        if not self.is_everything:
            self.spots = _spread(batches, all_batches, batch_size)

    @property
    def rows(self) -> int:
        return sum(map(len, self.spots))

    def settle(self, reader: Reader) -> None:
        """Keep to the beginning of a source that is slow to give rows from its middle, as some views are."""
        if self.is_everything:
            return
        started = time.perf_counter()
        list(self._read(reader, range(self.spots[-1].start, self.spots[-1].start + 1)))
        if time.perf_counter() - started > SLOW:
            self.spots = [range(self.rows)]

    def pieces(
        self, reader: Reader, reading: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Iterator[Piece]:
        """Read the sample; one of its batches comes piece by piece.

        Args:
            reading: is around the reading of each batch that follows another one.
        """
        for spot in self.spots:
            is_cut = spot is self.spots[-1] and len(spot) >= SPOT_BATCHES * self.batch_size
            batches, was_part = self._read(reader, spot), None
            for number in count():
                with reading() if number else nullcontext():
                    raw = next(batches, None)
                if raw is None:
                    break
                is_part = is_cut and not number
                for part in _parts(raw) if is_part else (raw,):
                    yield Piece(part, was_part is is_part, is_part)
                    was_part = is_part

    def _read(self, reader: Reader, spot: range) -> Iterator[pa.RecordBatch]:
        if self.is_everything:
            batches = reader.batches(self.batch_size)
        else:
            batches = reader.batches(
                self.batch_size, ordered=self.in_order, limit=len(spot), offset=spot.start
            )
        return map(reader.visible, batches)


def _spread(batches: int, all_batches: int, batch_size: int) -> list[range]:
    """Put stretches of whole batches into the middle of equal parts of a table."""
    spots = max(min(SPOTS, batches // SPOT_BATCHES), 1)
    in_each, part = batches // spots, all_batches / spots
    starts = [int(number * part + (part - in_each) / 2) for number in range(spots)]
    return [range(start * batch_size, (start + in_each) * batch_size) for start in starts]


def _parts(raw: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    size = math.ceil(raw.num_rows / PARTS)
    return (raw.slice(first, size) for first in range(0, raw.num_rows, size))
