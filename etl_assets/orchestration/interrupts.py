"""Ctrl-C and SIGTERM during a run that Dagster executes in this process.

Dagster takes both signals over. Between steps it holds them back; within a step it raises an exception of its
own, of which the engine, and drivers that wait in C, know nothing; and when it is done it leaves SIGTERM with
the handler of SIGINT. So the process's own handlers are put back for the work itself, and again afterwards.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Handlers = Mapping[signal.Signals, Any]

RAISE_KEYBOARD_INTERRUPT: Handlers = dict.fromkeys(SIGNALS, signal.default_int_handler)
"""For runs that the UI launched, whose process has no handlers of its own."""


@contextmanager
def in_force(handlers: Handlers) -> Iterator[None]:
    """Let these handlers answer to signals; outside the main thread there are none to set.

    After an interruption they stay: those of Dagster's step would raise at a second signal, in the midst of
    what the first one has to clean up. Dagster sets its own again where it is done with the step.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    _install(handlers)
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        if not interrupted:
            _install(before)


@contextmanager
def cancels(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, handlers: Handlers = RAISE_KEYBOARD_INTERRUPT
) -> Iterator[None]:
    """Within a step, answer to signals with these handlers; the run that they end is canceled."""
    try:
        with in_force(handlers):
            yield
    except KeyboardInterrupt:
        context.instance.report_run_canceling(context.run)
        raise


@contextmanager
def given_back() -> Iterator[tuple[Handlers, Callable[[], None]]]:
    """Run Dagster within; yield the process's own handlers, and what hands them a signal held back."""
    own = {number: signal.getsignal(number) for number in SIGNALS}
    if threading.current_thread() is not threading.main_thread():
        yield own, lambda: None
        return
    held, writer = socket.socketpair()
    held.setblocking(False)
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def deliver() -> None:
        try:
            first = held.recv(1)[0]
        except BlockingIOError:
            return
        _install(own)
        signal.raise_signal(signal.Signals(first))

    try:
        yield own, deliver
    finally:
        signal.set_wakeup_fd(before)
        _install(own)
        held.close()
        writer.close()


def _install(handlers: Handlers) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # one that was not set from Python cannot be set again
            signal.signal(number, handler)
