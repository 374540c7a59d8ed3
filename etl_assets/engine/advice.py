"""What to do about a load, as far as it was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .stages import CHECKING, EXTRACT, LOAD, PACKING, TRANSFORM, VALIDATE, StageTimes

WORTH_A_WORD = 1.0
"""Seconds below which no stage is worth an author's time."""
WORTH_A_MENTION = 0.05
"""Share of the time that a part must cost by itself to be what holds a load up."""
SMALL_BATCH, TINY_BATCH = 2_000, 500
"""Rows in a batch. What a batch costs whatever its rows begins to show, and may be most of it."""
BATCH_COSTS = 0.1
"""Seconds that a batch takes at most for what does not depend on its rows."""
MOST = 0.5
"""Share of a stage from which on one hook is what makes it slow."""

ADVICE = {
    EXTRACT: "Reading costs most: index its reading order, copy a slow view into a table, or move closer",
    TRANSFORM: "Cleaning costs most, though every verb is vectorised: map only the columns that you need",
    VALIDATE: "Validation costs most: write @rule methods without a loop over rows",
    LOAD: "Writing costs most: drop indexes and triggers that the load does not need",
    PACKING: "Bringing rows into the target's form costs most: map only the columns that you need",
    CHECKING: "Checking the target at the end costs most: index its key and its links, or run less often",
}
HOOK_ADVICE = {
    TRANSFORM: "Cleaning costs most, and most of it is {}(): avoid loops over rows",
    VALIDATE: "Validation costs most, and most of it is {}(): write it without a loop over rows",
}
"""Where one hook takes most of its stage."""
STAGE_OF = {PACKING: LOAD, CHECKING: "checks"}
"""What a part is called in a run's summary, where that is something else."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence; the lowest rank comes first."""

    text: str
    rank: int


def about_speed(stages: StageTimes, duration: float, slow_steps: Sequence[str]) -> Advice | None:
    """Say which part of the work to mend: the one without which the load would end soonest."""
    total = duration or stages.elapsed()
    if total < WORTH_A_WORD:
        return Advice(f"Nothing to change for speed: all stages together took {total:.2f}s", 1)
    parts = stages.parts()
    dearest = max(parts, key=lambda part: (stages.gain(part), parts[part]))
    if stages.gain(dearest) < WORTH_A_MENTION * total:  # threads that are equally busy hide each other
        dearest = max(parts, key=lambda part: parts[part])
    share = 100 * min(parts[dearest] / total, 1.0)
    text = advice_about(dearest, slow_steps, _slow_hook(stages, dearest))
    return Advice(f"{text} ({STAGE_OF.get(dearest, dearest)}: {share:.0f} percent of the time)", 1)


def advice_about(stage: str, slow_steps: Sequence[str], hook: str | None = None) -> str:
    """Say what helps where a stage costs most; `hook` is what takes most of it."""
    if hook is not None:
        return HOOK_ADVICE[stage].format(hook)
    if stage == TRANSFORM and slow_steps:
        return f"Cleaning costs most: {', '.join(slow_steps)} run in Python, value by value"
    return ADVICE[stage]


def about_batches(stages: StageTimes, rows: int) -> Advice | None:
    """Say that larger batches are faster; first of all where the batches' number is what costs."""
    count = stages.batches[EXTRACT]
    in_one = rows / max(count, 1)
    if count < 2 or in_one >= SMALL_BATCH:
        return None
    costly = in_one < TINY_BATCH and stages.elapsed() < BATCH_COSTS * count
    return Advice(f"Use larger batches: these had {in_one:.0f} rows, and 10000 is faster", 0 if costly else 2)


def about_rejects(reasons: Counter[str]) -> Advice | None:
    """Point out the commonest reject."""
    if not reasons:
        return None
    (reason, rows), *_ = reasons.most_common(1)
    reason = reason.removeprefix(":")
    return Advice(f"{rows} rows were rejected as {reason!r}: see --rejects, then mend that first", 3)


def _slow_hook(stages: StageTimes, stage: str) -> str | None:
    """Return the hook that takes most of a stage, if one does."""
    hook, seconds = max(stages.hooks[stage].items(), key=lambda one: one[1], default=("", 0.0))
    return hook if seconds > MOST * stages.seconds[stage] else None
