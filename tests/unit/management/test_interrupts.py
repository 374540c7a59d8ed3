"""Real signals, sent to this very process."""

from __future__ import annotations

import signal
import threading

import pytest

from etl_assets.exceptions import Interrupted
from etl_assets.management.interrupts import SIGNALS, interruptible


@pytest.fixture(autouse=True)
def _handlers_are_restored():
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize(("number", "exit_status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_raises_and_carries_the_exit_status(number, exit_status):
    with pytest.raises(Interrupted) as caught, interruptible():
        signal.raise_signal(number)
    assert caught.value.exit_status == exit_status


def test_a_second_signal_leaves_the_rollback_alone():
    rolled_back = False
    with interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        except Interrupted:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            rolled_back = True
    assert rolled_back


def test_once_disarmed_it_lets_all_pass():
    with interruptible() as stopper:
        stopper.disarm()
        signal.raise_signal(signal.SIGTERM)


def test_who_ignores_ctrl_c_goes_on_to():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_are_left_alone():
    seen: list[object] = []

    def work() -> None:
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
