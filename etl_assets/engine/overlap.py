"""Two things at once: the next batch is read and cleaned while the last one is being written.

Reading has a connection of its own and needs none of Django's. Writing uses those of the run, in a thread
of its own: whoever else wants to say something on one of them meanwhile waits until it is free.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar

from django.db import connections

Item = TypeVar("Item")

STEPPING = threading.Lock()
"""Held while Python's sqlite3 goes through many rows.

It gives way to other threads at each of them: two that do so spend more time on taking turns than on rows.
"""

GRACE_SECONDS = 1.0
"""How long whoever stops a run waits for the batch that is being written, before it is cut short."""


class Background:
    """A thread that works on this thread's connections, one piece of work after the other.

    Hooks and links may go on asking the database: what they send waits for the work to be done, since a
    connection does one thing at a time.
    """

    def __init__(
        self,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        overlaps: bool = True,
    ) -> None:
        """Begin with nothing to do.

        Args:
            waiting: is around each wait of another thread for the work.
            overlaps: whether `submit` returns before the work is done.
        """
        self._waiting = waiting
        self._overlaps = overlaps
        self._wrappers = {alias: connections[alias] for alias in connections}
        self._thread = ThreadPoolExecutor(1, "etl-load", initializer=self._adopt)
        self._working: Future[None] | None = None
        self._thread_id: int | None = None

    def submit(self, work: Callable[[], None]) -> None:
        """Begin a piece of work, once the one before is done.

        Raises:
            Exception: whatever ended the one before.
        """
        self.wait()
        self._working = self._thread.submit(work)
        if not self._overlaps:
            self.wait()

    def wait(self) -> None:
        """Wait until nothing is under way, and raise what ended the last piece of work."""
        working, self._working = self._working, None
        if working is not None:
            try:
                working.result()
            except KeyboardInterrupt:
                self._working = working  # this thread was told to stop, and the work goes on
                raise

    def __enter__(self) -> Background:
        self._stack = ExitStack()
        for wrapper in self._wrappers.values():
            wrapper.inc_thread_sharing()
            self._stack.callback(wrapper.dec_thread_sharing)
            self._stack.enter_context(wrapper.execute_wrapper(self._in_turn))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        working, self._working = self._working, None
        if working is not None:
            if isinstance(error, KeyboardInterrupt) and not wait([working], timeout=GRACE_SECONDS).done:
                for wrapper in self._wrappers.values():
                    cancel(wrapper.connection)
            wait([working])
        self._thread.shutdown()
        self._stack.close()
        cause = working.exception() if working is not None else None
        if cause is not None and isinstance(error, Exception):
            raise cause from error  # what came after it may well have come of it

    def _adopt(self) -> None:
        self._thread_id = threading.get_ident()
        for alias, wrapper in self._wrappers.items():
            connections[alias] = wrapper

    def _in_turn(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Let the work that is under way end first, unless this is it. Its errors are told by `wait`."""
        working = self._working
        if working is not None and threading.get_ident() != self._thread_id:
            with self._waiting():
                wait([working])
        return execute(*statement)


def cancel(database: Any) -> None:
    """Make a connection's database give up what another thread has asked of it, where the driver can."""
    stop = getattr(database, "cancel_safe", None) or getattr(database, "interrupt", None)
    if stop is not None:
        stop()


@contextmanager
def ahead(items: Iterator[Item], give_up: Callable[[], None]) -> Iterator[Iterator[Item]]:
    """Let another thread fetch the next item while the last one is used.

    Args:
        items: come from a source that no other thread uses meanwhile.
        give_up: makes a fetch that is under way end early; called where the items are no longer wanted.
    """
    with ThreadPoolExecutor(1, "etl-read") as thread:
        coming = thread.submit(next, items, None)

        def in_order() -> Iterator[Item]:
            nonlocal coming
            while (item := coming.result()) is not None:
                coming = thread.submit(next, items, None)
                yield item

        try:
            yield in_order()
        finally:
            if not coming.done():
                give_up()
