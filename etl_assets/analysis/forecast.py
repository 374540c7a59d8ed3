"""From what a sample took to what the whole will take."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from ..engine.stages import LOAD, StageTimes
from .sample import Piece

Progress = Callable[[int, int], None]
"""Is told how many of how many rows have been dealt with."""

GROWTH = 0.08
"""By how much writing a new row gets dearer each time the rows double: indexes grow, and leave the caches.

`benchmarks/estimate.py` prints by how much a row of a real load took longer than one of its first eighth: of
a million patients 1.06 to 1.24 times as long, or 0.02 to 0.08 more for each doubling. With 0.08 the estimates
of loads into an empty target lay nearest to the truth, between -7 and +7 percent from it.
"""
REJECT_SECONDS = 25e-6
"""What it takes to keep one reject at the end of a run; a sample keeps none. Printed there too: 18 to 30."""
MARGIN = 0.145
"""How far the truth may lie from the estimate, as a share of it; it lay up to 0.09 away."""
OVERHEAD_ALLOWED = 0.05
"""Share of a batch's time that may go into what does not depend on its rows."""
BATCH_SIZES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
BATCH_BYTES = 16 * 2**20
"""Raw rows in one batch; on their way they take several times as much."""


class Timed(NamedTuple):
    """One batch of the sample."""

    rows: int
    seconds: float
    """By which it put off the next one. Others were at work on the batches before and after it."""
    is_steady: bool = True
    is_part: bool = False


class Mean(NamedTuple):
    """Some batches in one."""

    rows: float
    seconds: float

    @classmethod
    def of(cls, some: Sequence[Timed]) -> Mean:
        return cls(sum(one.rows for one in some) / len(some), sum(one.seconds for one in some) / len(some))


@dataclass
class Forecast:
    """Times of a sample, and what follows from them."""

    rows: int
    """All that there are to load."""
    batch_size: int
    start_seconds: float = 0.0
    """Until the source is being read."""
    opening_seconds: float = 0.0
    """Until its first rows are there."""
    drain_seconds: float = 0.0
    """From the last batch that was cleaned to the last that was written."""
    checking_seconds: float = 0.0
    """What looking at the target took afterwards,"""
    checked_rows: int = 0
    """which had so many rows then."""
    timed: list[Timed] = field(default_factory=list)
    sample_rows: int = 0
    sample_bytes: int = 0
    created: int = 0
    rejected: int = 0
    reject_reasons: Counter[str] = field(default_factory=Counter)
    missing_parents: set[str] = field(default_factory=set)
    stages: StageTimes = field(default_factory=StageTimes)
    """Of the sample."""
    rebuilding_seconds: float = 0.0
    """What it took to make indexes anew that were set aside."""
    advice: str | None = None
    """What would make it faster."""
    asked_last: float = 0.0
    """When a batch was asked for and there was none; as `time.perf_counter` tells it."""

    def clock(
        self, pieces: Iterable[Piece], expected: int, progress: Progress | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Hand out a sample's batches, and note how long it takes until the next one is asked for.

        Where batches pass from thread to thread, that is what the slowest of these takes for one.
        """
        self.asked_last = time.perf_counter()
        for piece in pieces:
            began = self.asked_last if piece.is_steady else time.perf_counter()
            yield piece.raw
            self.asked_last = time.perf_counter()
            self.add(piece, self.asked_last - began)
            if progress is not None:
                progress(self.sample_rows, expected)

    def add(self, piece: Piece, seconds: float) -> None:
        """Note how long one batch took."""
        self.timed.append(Timed(piece.raw.num_rows, seconds, piece.is_steady, piece.is_part))
        self.sample_rows += piece.raw.num_rows
        self.sample_bytes += piece.raw.nbytes

    @property
    def seconds(self) -> float:
        """How long the whole will take."""
        fixed = self.start_seconds + self.opening_seconds + self.drain_seconds
        if not self.timed:
            return fixed + self.checking_seconds
        first = self.timed[0]
        rejects = self.times * self.rejected * REJECT_SECONDS
        rows = first.seconds + (self.rows - first.rows) * self._per_row * self._growth
        return fixed + rows + rejects + self.rebuilding + self.checking

    @property
    def times(self) -> float:
        """How many samples the whole is."""
        return self.rows / self.sample_rows if self.sample_rows else 1.0

    @property
    def _batch(self) -> Mean:
        """A batch that had others before and after it, or whatever there is."""
        whole = [one for one in self.timed if one.is_steady and not one.is_part]
        return Mean.of(whole or self.timed)

    @property
    def _per_row(self) -> float:
        return self._batch.seconds / self._batch.rows if self.timed else 0.0

    @property
    def _growth(self) -> float:
        """How many times as long as a row of the sample one of the whole takes on average."""
        created = self.created / max(self.sample_rows, 1)
        return self.stages.slowdown(LOAD, 1 + GROWTH * math.log2(max(self.times, 1.0)) * created)

    @property
    def rebuilding(self) -> float:
        """What it takes to make indexes anew for all rows."""
        return self.rebuilding_seconds * self.times

    @property
    def checking(self) -> float:
        """What it takes to look at the target when all rows are in it."""
        if not self.checked_rows:
            return self.checking_seconds
        before = self.checked_rows - self.created
        return self.checking_seconds * (before + self.times * self.created) / self.checked_rows

    # Batch size

    @property
    def _per_batch(self) -> float:
        """Seconds that a batch takes however few rows it has: what cutting one up cost."""
        parts = [one for one in self.timed if one.is_steady and one.is_part]
        if not parts:
            return 0.0
        part, whole = Mean.of(parts), self._batch
        per_row = max(whole.seconds - part.seconds, 0.0) / max(whole.rows - part.rows, 1.0)
        return min(max(part.seconds - part.rows * per_row, 0.0), whole.seconds)

    @property
    def overhead_share(self) -> float:
        """Share of a batch's time that does not depend on its rows."""
        return self._per_batch / self._batch.seconds if self.timed and self._batch.seconds else 0.0

    @property
    def recommended_batch_size(self) -> int:
        """The smallest that spends little on the batch itself, as far as memory allows."""
        per_row = (1 - self.overhead_share) * self._per_row
        bytes_per_row = self.sample_bytes / max(self.sample_rows, 1)
        fitting = [size for size in BATCH_SIZES if size * bytes_per_row <= BATCH_BYTES] or [BATCH_SIZES[0]]
        if not per_row:
            return min(self.batch_size, fitting[-1])
        enough = [
            size
            for size in fitting
            if self._per_batch <= OVERHEAD_ALLOWED * (self._per_batch + size * per_row)
        ]
        best = enough[0] if enough else fitting[-1]
        # A larger one that was asked for is as good, where it fits.
        return self.batch_size if best < self.batch_size <= fitting[-1] else best


def memory_now() -> int:
    """Return the most memory that this process has had, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
