"""Running `migrate_legacy_data` and `etl` as manage.py would: in this process, or in one of its own."""

from __future__ import annotations

import io
import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import BaseCommand

from etl_assets.management.commands import etl, migrate_legacy_data
from tests.databases import Pair

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Result:
    """What a shell would see."""

    status: int
    stdout: str
    stderr: str


def migrate(*arguments: str | Path) -> Result:
    """Run `migrate_legacy_data` in this process, through the same door as manage.py."""
    return _run(migrate_legacy_data.Command, *arguments)


def look(*arguments: str | Path) -> Result:
    """Run `etl` in this process, through the same door as manage.py."""
    return _run(etl.Command, *arguments)


def _run(kind: type[BaseCommand], *arguments: str | Path) -> Result:
    out, err = io.StringIO(), io.StringIO()
    command = kind(stdout=out, stderr=err)
    name = kind.__module__.rpartition(".")[2]
    status = 0
    try:
        command.run_from_argv(["manage.py", name, *map(str, arguments)])
    except SystemExit as end:
        status = int(end.code or 0)
    return Result(status, out.getvalue(), err.getvalue())


def manage(pair: Pair, *arguments: str, **environment: str) -> Result:
    """Run manage.py in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=pair.environment(**environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Result(ended.returncode, ended.stdout, ended.stderr)


class Running:
    """The command in a process of its own, while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: str, timeout: float = 60) -> None:
        """Wait until a line on stdout has this text."""
        with self._news:
            found = self._news.wait_for(lambda: self._ended or self._has(text), timeout)
        assert found, f"{text!r} did not come within {timeout} s"
        assert self._has(text), f"{text!r} never came: {''.join(self._lines)}"

    def send(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            self.process.send_signal(number)

    def end(self, timeout: float = 60) -> Result:
        """Wait for its end."""
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        assert self.process.stderr is not None
        return Result(status, "".join(self._lines), self.process.stderr.read())

    def end_under_fire(self, *numbers: signal.Signals) -> Result:
        """Wait for its end, and keep sending signals until then."""
        for number in itertools.cycle(numbers):
            time.sleep(0.03)
            if self.process.poll() is not None:
                return self.end()
            self.send(number)
        raise AssertionError("a cycle has no end")

    def _has(self, text: str) -> bool:
        return any(text in line for line in self._lines)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


@contextmanager
def running(pair: Pair, *arguments: str | Path) -> Iterator[Running]:
    """Start the command; whatever happens, nothing of it is left running."""
    command = [sys.executable, "manage.py", "migrate_legacy_data", *map(str, arguments)]
    environment = {**pair.environment(), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is heeded also where the tests themselves run in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()
