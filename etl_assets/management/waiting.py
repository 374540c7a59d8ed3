"""A bar with the time left, for work that takes longer than people like to wait without a sign."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 2.0
"""Seconds until the bar comes."""

Tell = Callable[[int, int], None]
"""Takes how many rows of how many are done."""


@contextmanager
def waiting(what: str, out: TextIO) -> Iterator[Tell]:
    """Show a bar on a terminal once the work has taken long enough, and take it away at the end."""
    if not out.isatty():
        yield lambda done, of: None
        return
    bar = Bar(what, out)
    timer = threading.Timer(PATIENCE, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.tell
    finally:
        timer.cancel()
        bar.hide()


class Bar:
    """A bar that is told how far the work is before and after it shows."""

    def __init__(self, what: str, out: TextIO) -> None:
        self.what = what
        self.out = out
        self._done, self._of = 0, 0
        self._shown: tuple[Progress, TaskID] | None = None
        self._is_over = False
        self._lock = threading.Lock()

    def tell(self, done: int, of: int) -> None:
        """Take note of how many rows have been read; a second reading begins anew."""
        self._done, self._of = done, of
        with self._lock:
            if self._shown is not None:
                progress, task = self._shown
                progress.update(task, completed=done, total=of or None)

    def show(self) -> None:
        """Show the bar; called from a thread of its own, since a database may be silent for long."""
        from rich.console import Console
        from rich.markup import escape

        from ..analysis.render.wording import shown
        from ..screen import row_progress

        with self._lock:
            if self._is_over:
                return
            progress = row_progress(Console(file=self.out))
            task = progress.add_task(escape(shown(self.what)), total=self._of or None, completed=self._done)
            progress.start()
            self._shown = progress, task

    def hide(self) -> None:
        """Take the bar away for good."""
        with self._lock:
            self._is_over = True
            if self._shown is not None:
                self._shown[0].stop()
