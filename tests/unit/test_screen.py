"""A real pseudo-terminal, a pipe whose reader goes away, and streams of other encodings."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from etl_assets.engine.pace import Pace
from etl_assets.screen import LINE_LENGTH, Screen


class Terminal:
    """Both ends of a pseudo-terminal: `out` for the screen, `text()` for what a person would get."""

    def __init__(self) -> None:
        self._reader, writer = pty.openpty()
        self.out: TextIO = os.fdopen(writer, "w", encoding="utf-8")

    def text(self) -> str:
        self.out.flush()
        os.set_blocking(self._reader, False)
        found = b""
        try:
            while piece := os.read(self._reader, 65536):
                found += piece
        except BlockingIOError:
            pass
        return found.decode()

    def close(self) -> None:
        self.out.close()
        os.close(self._reader)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for variable in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    yield terminal
    terminal.close()


COLOR = re.compile(r"\x1b\[(?:\d+;)*(?:3|4|9)\d")


def test_lines_come_above_a_bar_that_goes_in_the_end(terminal):
    with Screen(terminal.out) as screen:
        screen.start_bar("patients", 15000)
        screen.advance_bar(3000)
        screen.line("Processing batch 3")
    text = terminal.text()

    assert "patients" in text
    assert "3,000 of 15,000 rows" in text
    assert " 20%" in text
    assert "left" in text
    before, line, after = text.partition("Processing batch 3\r\n")
    assert line
    assert "patients" in before
    assert "patients" in after  # drawn again below the line
    assert after.endswith("\x1b[2K")  # and erased


def test_a_bar_tells_speed_and_time_left_as_the_load_reckons_them(terminal):
    now = [0.0]
    pace = Pace(15_000, 30.0, clock=lambda: now[0])
    now[0] = 2.0
    pace.advance(5_000, 0)
    with Screen(terminal.out) as screen:
        screen.start_bar("patients", 15_000, pace)
        screen.advance_bar(5_000)
        screen.line("line")
    text = re.sub(r"\x1b\[[\d;?]*\w", "", terminal.text())

    assert "2,500 rows/s" in text
    assert " 33%" in text
    assert "0:34 left" in text  # 4 seconds for the rows, and 30 for what comes after them


def test_a_terminal_gets_colours(terminal):
    Screen(terminal.out).line("careful", "yellow")
    assert COLOR.search(terminal.text())


@pytest.mark.parametrize("variable", ["NO_COLOR", None])
def test_no_colour_where_none_is_wanted(terminal, monkeypatch, variable):
    if variable:
        monkeypatch.setenv(variable, "1")
    screen = Screen(terminal.out, color=None if variable else False)
    screen.line("careful", "yellow")
    screen.start_bar("patients", 10)
    screen.advance_bar(5)
    screen.end_bar()
    assert not COLOR.search(terminal.text())


def test_long_lines_and_brackets_are_left_alone(terminal):
    line = "[bold]" + "x" * 300 + " :smile: 'a' 12"
    Screen(terminal.out).line(line)
    assert terminal.text() == f"{line}\r\n"


def test_a_dumb_terminal_gets_no_bar(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with Screen(terminal.out) as screen:
        screen.start_bar("patients", 10)
        screen.line("text")
    assert terminal.text() == "text\r\n"


def test_what_is_no_terminal_gets_plain_lines():
    out = io.StringIO()
    with Screen(out) as screen:
        screen.start_bar("patients", 10)
        screen.advance_bar(5)
        screen.line("text", "bold red")
        screen.line()
    assert out.getvalue() == "text\n\n"
    assert screen.width == LINE_LENGTH


def test_colours_can_be_forced_where_there_is_no_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    out = io.StringIO()
    with Screen(out, color=True) as screen:
        screen.start_bar("patients", 10)
        screen.line("text", "red")
    assert out.getvalue() == "\x1b[31mtext\x1b[0m\n"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", rb"\xe4 \u2603"), ("latin-1", b"\xe4 \\u2603"), ("utf-8", "ä ☃".encode())],
)
def test_what_an_encoding_lacks_is_escaped(encoding, expected):
    raw = io.BytesIO()
    screen = Screen(io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    screen.line("ä ☃")
    assert raw.getvalue() == expected + b"\n"
    assert screen.can_write("☃") is (encoding == "utf-8")


def test_a_reader_that_goes_away_ends_nothing():
    script = (
        "import sys\n"
        "from etl_assets.screen import Screen\n"
        "screen = Screen(sys.stdout)\n"
        "for number in range(20000): screen.line(f'line {number}')\n"
        "sys.stderr.write('done')\n"
    )
    found = subprocess.run(
        f'"{sys.executable}" -c "$SCRIPT" | head -1; echo "status ${{PIPESTATUS[0]}}"',
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        env={**os.environ, "SCRIPT": script},
    )
    assert found.stdout == "line 0\nstatus 0\n"
    assert found.stderr == "done"
