"""Ctrl-C and SIGTERM: one exception, once, so that a rollback that they cause is left in peace."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..exceptions import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopper:
    """Handler that raises `Interrupted` at the first signal and lets later ones pass."""

    def __init__(self) -> None:
        self._is_armed = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._is_armed:
            self._is_armed = False
            raise Interrupted(128 + number)

    def disarm(self) -> None:
        """Raise no more: the work has ended, and what remains is to tell of it."""
        self._is_armed = False


@contextmanager
def interruptible() -> Iterator[Stopper]:
    """Raise `Interrupted(130)` at Ctrl-C and `Interrupted(143)` at SIGTERM, within the block.

    Only the main thread may handle signals; in others nothing changes.
    """
    stopper = Stopper()
    if threading.current_thread() is not threading.main_thread():
        yield stopper
        return
    # Who started us under nohup, or in the background of a script, wants Ctrl-C to be ignored.
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stopper) for number in heeded}
    try:
        yield stopper
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def ignore() -> None:
    """Ignore signals from here on, in a process that was interrupted and is about to end for it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
