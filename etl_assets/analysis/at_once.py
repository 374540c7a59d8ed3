"""Several columns at once: DuckDB counts one, while Python judges another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .column import ColumnFacts, look_at_column
from .store import Store

AT_ONCE = 2
"""DuckDB leaves Python alone while it counts, so that two threads keep two processors busy."""
DESKS = 4
"""Columns whose values are kept, those that wait for an earlier one too."""

Verdict = TypeVar("Verdict")


def look_at_columns(
    store: Store, names: Sequence[str], judge: Callable[[Store, ColumnFacts], Verdict]
) -> Generator[tuple[Store, ColumnFacts, Verdict], None, None]:
    """Yield what is counted of each column, with the desk at which its distinct values lie.

    They lie there until the caller asks for the next column.

    Args:
        judge: is called in another thread when a column is counted, and must not ask Django's databases.
    """

    def look(desk: Store, name: str) -> tuple[ColumnFacts, Verdict]:
        facts = look_at_column(desk, name)
        return facts, judge(desk, facts)

    desks = [store.desk(f"desk{number}") for number in range(min(DESKS, len(names)))]
    free = deque(desks)
    pending: deque[tuple[Store, Future[tuple[ColumnFacts, Verdict]]]] = deque()
    workers = ThreadPoolExecutor(AT_ONCE, "etl-analysis")
    try:
        for name in names:
            if not free:
                desk, found = pending.popleft()
                yield desk, *found.result()
                free.append(desk)
            desk = free.popleft()
            pending.append((desk, workers.submit(look, desk, name)))
        while pending:
            desk, found = pending.popleft()
            yield desk, *found.result()
    finally:
        for desk in desks:  # whoever stops does not want to wait
            desk.connection.interrupt()
        workers.shutdown(cancel_futures=True)
        for desk in desks:
            desk.connection.close()
