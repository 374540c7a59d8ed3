"""How many rows of a source are in memory at once: as many as a batch has, and fewer where they are wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row")

PORTION_BYTES = 4 * 2**20
"""About how much a batch may weigh: it is in memory several times over, and the next one beside it."""
AT_ONCE = 16
"""Rows that are fetched before they are weighed, at first."""


def portions(
    fetch: Callable[[int], Sequence[Row]], size: int, weigh: Callable[[Sequence[Row]], int]
) -> Iterator[list[Row]]:
    """Yield rows in portions of `size`, or of fewer where these weigh `PORTION_BYTES`.

    Args:
        fetch: returns so many rows, fewer at the end, and then none.
        weigh: returns about how many bytes some rows have.
    """
    portion: list[Row] = []
    weight = 0
    while some := fetch(_how_many(len(portion), weight, size)):
        portion += some
        weight += weigh(some)
        if len(portion) == size or weight >= PORTION_BYTES:
            yield portion
            portion, weight = [], 0
    if portion:
        yield portion


def _how_many(there: int, weight: int, size: int) -> int:
    """Say how many rows to fetch: as many again as are there, and no more than seem to have room."""
    wanted = min(max(AT_ONCE, there), size - there)
    return min(wanted, 1 + (PORTION_BYTES - weight) * there // weight) if weight else wanted


def weight_of_values(rows: Sequence[Sequence[object]]) -> int:
    """Return about how many bytes the texts in some rows have, by the first of the rows."""
    return len(rows) * sum(len(value) for value in rows[0] if isinstance(value, (str, bytes)))
