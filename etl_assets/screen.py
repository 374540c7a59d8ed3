"""Standard output: plain lines, or on a terminal colours and a live bar below them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

    from .engine.pace import Pace


LINE_LENGTH = 160
"""Where a line that may be cut is cut, on what is no terminal."""


class Screen:
    """Takes lines and one progress bar. Use as a context manager, so that no bar is left behind.

    What the stream's encoding cannot write is escaped. A reader that has gone, such as `head`, does not
    end the run: it is the rows that matter.
    """

    def __init__(self, out: TextIO, *, color: bool | None = None) -> None:
        """Write to `out`; `color` True or False decides what None leaves to terminal and NO_COLOR."""
        self._out = out
        self._encoding: str = getattr(out, "encoding", None) or "utf-8"
        self._rich = _rich_console(out, color) if out.isatty() or color else None
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_bar()

    @property
    def width(self) -> int:
        """Characters that fit into a line."""
        return self._rich.width if self._rich is not None and self._out.isatty() else LINE_LENGTH

    def can_write(self, text: str) -> bool:
        """Tell whether the stream's encoding has these characters."""
        return self._writable(text) == text

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line, above the bar where there is one."""
        text = self._writable(text)
        if self._rich is not None:
            self._rich.print(text, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)
            return
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            _send_nowhere(self._out)

    def show(self, content: RenderableType) -> None:
        """Write what rich lays out, such as a table."""
        console = self._rich or _rich_console(self._out, None, LINE_LENGTH)
        with console.capture() as captured:
            console.print(content)
        self._write(self._writable(captured.get()))

    def start_bar(self, name: str, rows: int, pace: Pace | None = None) -> None:
        """Show on a terminal how far `rows` rows of work have come; `pace` knows speed and time left best."""
        self.end_bar()
        if self._rich is not None and self._out.isatty() and not self._rich.is_dumb_terminal:
            bar = row_progress(self._rich)
            self._bar = bar, bar.add_task(name, total=rows, pace=pace)
            bar.start()

    def advance_bar(self, rows: int) -> None:
        """Say how many rows are done by now."""
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=rows)

    def end_bar(self) -> None:
        """Take the bar away; what came of the work is told in lines."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def _writable(self, text: str) -> str:
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)


def _rich_console(out: TextIO, color: bool | None, width: int | None = None) -> Console:
    from rich.console import Console  # takes a while to import, and plain lines do without

    no_color = None if color is None else not color
    return Console(file=out, force_terminal=color or None, no_color=no_color, width=width)


def row_progress(console: Console) -> Progress:
    """Return a bar that counts rows and tells the time left."""
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    from .engine.pace import clock_time

    class Rate(ProgressColumn):
        def render(self, task: Any) -> Text:
            pace: Pace | None = task.fields.get("pace")
            speed = pace.standing.rows_per_second if pace else task.finished_speed or task.speed
            return Text(f"{speed:,.0f} rows/s" if speed else "", style="cyan")

    class Count(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{task.completed:,.0f} of {task.total:,.0f} rows" if task.total else "")

    class TimeLeft(TimeRemainingColumn):
        """Counts down to the end of the load, which comes after that of its rows."""

        def render(self, task: Any) -> Text:
            pace: Pace | None = task.fields.get("pace")
            if pace is None:
                return super().render(task)
            left = pace.standing.seconds_left
            return Text("--:--" if left is None else clock_time(left), style="progress.remaining")

    return Progress(
        TextColumn("{task.description}", style="bold"),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>3.0f}%"),
        Count(),
        Rate(),
        TimeLeft(compact=True),
        TextColumn("left"),
        console=console,
        transient=True,
        redirect_stdout=False,
        # Errors that go to the same terminal come above the bar; those that go elsewhere stay there.
        redirect_stderr=sys.stderr.isatty(),
    )


def _send_nowhere(out: TextIO) -> None:
    """Send a stream whose reader has gone to the null device, as Python's documentation advises."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, out.fileno())
    os.close(null)
