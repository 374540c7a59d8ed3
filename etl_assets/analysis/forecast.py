"""From what a sample took to what the whole will take."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from ..engine.report import EXTRACT, LOAD, TRANSFORM, VALIDATE

GROWTH, SQLITE_GROWTH = 0.07, 0.12
"""By how much creating a row gets dearer each time the rows double: indexes grow, and leave the caches.

Measured with 300,000 and a million patients.
"""
REJECT_SECONDS = 150e-6
"""What it takes to keep one reject at the end of a run; a sample keeps none."""
MARGIN_LEAST, MARGIN_MOST = 0.12, 0.145
"""How far the truth may lie from the estimate, as a share of it."""
OVERHEAD_ALLOWED = 0.05
"""Share of a batch's time that may go into what does not depend on its rows."""
BATCH_SIZES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
BATCH_BYTES = 16 * 2**20
"""Raw rows in one batch; on their way they take several times as much."""


@dataclass
class Timed:
    """One batch of the sample."""

    rows: int
    before: int
    """Rows that the target had taken before it."""
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


@dataclass
class Forecast:
    """Times of a sample, and what follows from them."""

    rows: int
    """All that there are to load."""
    batch_size: int
    growth: float = GROWTH
    fixed_seconds: float = 0.0
    """What a run takes besides its batches."""
    reading_seconds: float = 0.0
    """Reading all rows."""
    timed: list[Timed] = field(default_factory=list)
    sample_rows: int = 0
    sample_bytes: int = 0
    created: int = 0
    rejected: int = 0
    reject_reasons: Counter[str] = field(default_factory=Counter)
    missing_parents: set[str] = field(default_factory=set)
    slow_steps: tuple[str, ...] = ()
    """Verbs and hooks that run in Python, value by value."""

    def add(
        self, raw: pa.RecordBatch, cleaning: float = 0.0, stages: Mapping[str, float] | None = None
    ) -> None:
        """Note how long one batch took."""
        seconds = dict(stages or {TRANSFORM: cleaning})
        self.timed.append(Timed(raw.num_rows, self.sample_rows, seconds))
        self.sample_rows += raw.num_rows
        self.sample_bytes += raw.nbytes

    @property
    def _whole(self) -> list[Timed]:
        """The batches that had their full size, without the first, which warmed everything up."""
        full = [one for one in self.timed if one.rows >= self._usual]
        return full[1:] if len(full) > 1 else full

    @property
    def _usual(self) -> int:
        return max((one.rows for one in self.timed), default=0)

    def _per_row(self, stage: str) -> float:
        rows = sum(one.rows for one in self._whole)
        return sum(one.seconds.get(stage, 0.0) for one in self._whole) / rows if rows else 0.0

    def stage_seconds(self) -> dict[str, float]:
        """Return what each stage will take for all rows."""
        seconds = {stage: self.rows * self._per_row(stage) for stage in (TRANSFORM, VALIDATE, LOAD)}
        seconds[LOAD] *= 1 + self._growth
        seconds[EXTRACT] = self.reading_seconds
        return seconds

    @property
    def _growth(self) -> float:
        """By how much loading a row costs more on average than it did in the sample."""
        if not self.sample_rows or not self.created:
            return 0.0
        doublings = math.log2(max(self.rows / self.sample_rows, 1.0))
        return self.growth * doublings * self.created / self.sample_rows

    @property
    def seconds(self) -> float:
        """How long the whole will take."""
        if not self.rows:
            return self.fixed_seconds
        warm_up = 0.0
        if len(self.timed) > 1:
            first = self.timed[0]
            usual = sum(self._per_row(stage) for stage in (TRANSFORM, VALIDATE, LOAD)) * first.rows
            warm_up = max(first.total - usual, 0.0)
        rejects = self.rows * self.rejected / max(self.sample_rows, 1) * REJECT_SECONDS
        return self.fixed_seconds + warm_up + rejects + sum(self.stage_seconds().values())

    @property
    def margin(self) -> float:
        """How sure that is, by how much the batches of the sample differed."""
        per_row = [one.total / one.rows for one in self._whole if one.rows]
        if len(per_row) < 3:
            return MARGIN_MOST
        mean = sum(per_row) / len(per_row)
        spread = math.sqrt(sum((one - mean) ** 2 for one in per_row) / (len(per_row) - 1))
        error = 2 * spread / math.sqrt(len(per_row)) / mean if mean else 0.0
        return min(MARGIN_LEAST + error, MARGIN_MOST)

    def shares(self) -> dict[str, float]:
        """Return each stage's share of the time."""
        seconds = self.stage_seconds()
        total = sum(seconds.values())
        return {stage: some / total for stage, some in seconds.items()} if total else {}

    # Batch size

    @property
    def _per_batch(self) -> float:
        """Seconds that a batch takes however few rows it has: what cutting it up cost."""
        usual = self._usual
        parts = [one for one in self.timed if one.rows < usual]
        if len(parts) < 4 or not usual:
            return 0.0
        whole = sum(one.total for one in self._whole) / sum(one.rows for one in self._whole)
        extra = sum(one.total for one in parts) - whole * sum(one.rows for one in parts)
        # Each part has the cost of a batch, of which `whole` holds the share that its rows bear.
        share = sum(one.rows for one in parts) / usual
        return max(extra / (len(parts) - share), 0.0)

    @property
    def overhead_share(self) -> float:
        """Share of a batch's time that does not depend on its rows."""
        whole = sum(one.total for one in self._whole) / max(len(self._whole), 1)
        return min(self._per_batch / whole, 1.0) if whole else 0.0

    @property
    def recommended_batch_size(self) -> int:
        """The smallest that spends little on the batch itself, as far as memory allows."""
        usual = self._usual
        per_row = (1 - self.overhead_share) * sum(
            self._per_row(stage) for stage in (TRANSFORM, VALIDATE, LOAD)
        )
        bytes_per_row = self.sample_bytes / max(self.sample_rows, 1)
        fitting = [size for size in BATCH_SIZES if size * bytes_per_row <= BATCH_BYTES] or [BATCH_SIZES[0]]
        if not usual or not per_row:
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
