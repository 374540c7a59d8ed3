"""The bar comes to those who wait, and only on a terminal."""

from __future__ import annotations

import io
import time
from contextlib import suppress

import pytest

from etl_assets.management import waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_quick_work_shows_nothing() -> None:
    out = Terminal()
    with waiting.waiting("patients", out) as tell:
        tell(1, 2)

    assert out.getvalue() == ""


def test_slow_work_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    out = Terminal()
    with waiting.waiting("patients", out) as tell:
        tell(1_000, 4_000)
        time.sleep(0.3)
        tell(2_000, 4_000)
        time.sleep(0.3)

    assert "patients" in out.getvalue()
    assert "1,000 of 4,000 rows" in out.getvalue()
    assert "2,000 of 4,000 rows" in out.getvalue()
    assert "50%" in out.getvalue()


def test_work_that_cannot_say_how_far_it_is_shows_a_bar_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    out = Terminal()
    with waiting.waiting("[/patients]\x1b[2J", out):
        time.sleep(0.3)

    assert "[/patients]\\x1b[2J" in out.getvalue()


def test_what_is_no_terminal_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    out = io.StringIO()
    with waiting.waiting("patients", out) as tell:
        tell(1, 2)
        time.sleep(0.1)

    assert out.getvalue() == ""


def test_the_bar_is_gone_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    out = Terminal()
    with suppress(KeyError), waiting.waiting("patients", out):
        time.sleep(0.2)
        raise KeyError
    shown = out.getvalue()
    time.sleep(0.3)

    assert "patients" in shown
    assert out.getvalue() == shown
