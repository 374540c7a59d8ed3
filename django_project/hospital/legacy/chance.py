"""Chance that can be repeated, and numbers that look as if it had made them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
Row = dict[str, Any]


class Chance(Random):
    """One table's source of chance, and the good rows written lately, which a later one may copy.

    The same text gives the same rows on every machine and in every version of Python.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.good_rows: deque[Row] = deque(maxlen=500)

    def of(self, choices: Sequence[T]) -> T:
        """Pick one; several times faster than `choice`, which matters ten times a row."""
        return choices[int(self.random() * len(choices))]

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def one_in(self, number: int) -> bool:
        return self.random() * number < 1

    def earlier(self) -> Row:
        return self.good_rows[self.below(len(self.good_rows))]


STRIDE = 52_401_618_037
"""Less whole rounds it is about 0.62 of each size it is used with, which puts neighbours far apart."""


def scattered(index: int, size: int) -> int:
    """Return the `index`-th number below `size`, each exactly once, in an order that looks like none.

    Unique numbers for millions of rows, without remembering any of them; `size` and the stride must have
    no common factor.
    """
    return (index * STRIDE + 271_828_183) % size
