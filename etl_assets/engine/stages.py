"""Where the time of a load goes, though its stages are at work at once.

Each stage is measured in the thread that does it, and only while it works: not while it waits for another
one. What a stage takes of the whole load then depends on the others beside it, and `StageTimes.gain` says it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

EXTRACT = "data_extraction"
TRANSFORM = "data_transformation"
VALIDATE = "data_validation"
LOAD = "bulk_create"
STAGES = (EXTRACT, TRANSFORM, VALIDATE, LOAD)

PACKING = "packing"
"""The part of `LOAD` that brings rows into the database's form; done beside the cleaning."""
CHECKING = "checking"
"""Looking at the target when all rows are in it. No stage of the summary, which counts in batches."""


@dataclass(slots=True)
class StageTimes:
    """Seconds of work in each stage, and in how many batches."""

    seconds: Counter[str] = field(default_factory=Counter)
    batches: Counter[str] = field(default_factory=Counter)
    closing: Counter[str] = field(default_factory=Counter)
    """Seconds after the last batch, when nothing else is at work; those of `LOAD` are in `seconds` too."""
    hooks: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Stage -> hook -> seconds."""
    _lanes: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Thread -> part of the work -> seconds; without what closes the load."""
    _waited: Counter[int] = field(default_factory=Counter)
    """Thread -> seconds."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @contextmanager
    def measure(self, stage: str, *, batches: int = 1, part: str = "") -> Iterator[None]:
        """Add the time of the block to a stage; `part` sets it apart from the rest of the stage."""
        thread, started = threading.get_ident(), self._clock()
        try:
            yield
        finally:
            took = self._clock() - started
            with self._lock:  # two threads may be at the same stage
                self.seconds[stage] += took  # type: ignore[assignment]
                self.batches[stage] += batches
                self._lanes[thread][part or stage] += took  # type: ignore[assignment]

    @contextmanager
    def measure_closing(self, stage: str) -> Iterator[None]:
        """Add the time of the block, which no batch is part of any more."""
        started = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - started
            self.closing[stage] += took  # type: ignore[assignment]
            if stage in STAGES:
                self.seconds[stage] += took  # type: ignore[assignment]

    @contextmanager
    def measure_hook(self, stage: str, name: str) -> Iterator[None]:
        """Note what an author's hook takes of a stage that is being measured."""
        started = self._clock()
        try:
            yield
        finally:
            self.hooks[stage][name] += self._clock() - started  # type: ignore[assignment]

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Leave the block's time out of whatever this thread is measuring: another one is at work."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._waited[threading.get_ident()] += time.perf_counter() - started  # type: ignore[assignment]

    def gain(self, part: str) -> float:
        """Return how many seconds sooner the load would end if this part of its work took no time."""
        closing = self.closing[part]
        return self._elapsed() - self._elapsed(part, 0.0) + closing

    def slowdown(self, part: str, factor: float) -> float:
        """Return by how much the load gets slower where this part of its work takes `factor` times as long.

        A thread that is slower still hides some of it.
        """
        elapsed = self._elapsed()
        return self._elapsed(part, factor) / elapsed if elapsed else 1.0

    def parts(self) -> Mapping[str, float]:
        """Return the seconds of each part, what closes the load included."""
        found = Counter(self.closing)
        for lane in self._measured_lanes():
            found.update(lane)
        return found

    def elapsed(self) -> float:
        """Return what a load takes whose batches pass from thread to thread, as far as it was measured."""
        return self._elapsed() + self.closing.total()

    def share_before_writing(self) -> float:
        """Return which share of the work on a batch is done when it is about to be written."""
        parts = self.parts()
        total = sum(parts.values())
        return 1 - parts.get(LOAD, 0.0) / total if total else 0.0

    def times(self, factor: float) -> StageTimes:
        """Return what it would be for so many times the rows; what closes the load stays as it is."""

        def more(seconds: Counter[str]) -> Counter[str]:
            return Counter({name: factor * some for name, some in seconds.items()})

        return StageTimes(
            more(self.seconds),
            Counter({stage: round(factor * count) for stage, count in self.batches.items()}),
            Counter(self.closing),
            defaultdict(Counter, {stage: more(hooks) for stage, hooks in self.hooks.items()}),
            defaultdict(Counter, {thread: more(lane) for thread, lane in self._lanes.items()}),
        )

    def as_dict(self) -> dict[str, dict[str, float]]:
        return {
            stage: {"seconds": round(self.seconds[stage], 6), "count": self.batches[stage]}
            for stage in STAGES
        }

    def _elapsed(self, changed: str = "", factor: float = 1.0) -> float:
        """The first batch goes through all threads; after that one comes out whenever the slowest is done.

        One part of the work may take `factor` times what was measured.
        """
        count = max(self.batches.total() and max(self.batches.values()), 1)
        each = [
            sum(factor * seconds if part == changed else seconds for part, seconds in lane.items()) / count
            for lane in self._measured_lanes()
        ]
        return sum(each) + (count - 1) * max(each, default=0.0)

    def _measured_lanes(self) -> list[Mapping[str, float]]:
        """Times that nobody measured here are taken for those of one thread."""
        with self._lock:  # the other threads go on
            return [dict(lane) for lane in self._lanes.values()] or [dict(self.seconds)]

    def _clock(self) -> float:
        """Tell the time, which stands still while this thread waits."""
        return time.perf_counter() - self._waited[threading.get_ident()]
