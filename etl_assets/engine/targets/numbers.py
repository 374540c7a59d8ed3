"""Primary keys that rows are given before they reach the database, so that their order says nothing."""

from __future__ import annotations

import threading
from typing import Protocol

import numpy as np

from ..batch import Positions


class Numbers(Protocol):
    """Keys for new rows, rising; one thread may take them while another adds some."""

    def take(self, count: int) -> Positions | None:
        """Return so many keys that nobody else gets; None where there are not as many."""

    def add(self, drawn: Positions) -> None:
        """Take these too, which the database has drawn."""


class Counted:
    """From 1 on, without end, for what is rolled back: no sequence is touched."""

    def __init__(self) -> None:
        self._next = 1
        self._lock = threading.Lock()

    def take(self, count: int) -> Positions:
        with self._lock:
            first, self._next = self._next, self._next + count
            return np.arange(first, first + count)

    def add(self, drawn: Positions) -> None:
        """Do nothing: there are enough."""


class Drawn:
    """Those that the database has drawn from its sequence."""

    def __init__(self) -> None:
        self._there = np.zeros(0, np.int64)
        self._lock = threading.Lock()

    def take(self, count: int) -> Positions | None:
        with self._lock:
            if count > len(self._there):
                return None
            taken, self._there = self._there[:count], self._there[count:]
            return taken

    def add(self, drawn: Positions) -> None:
        with self._lock:
            self._there = np.concatenate([self._there, drawn])
