"""What one process costs: seconds, CPU and memory, its own and the database server's. Reads Linux's /proc."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.1
"""Seconds between two looks at the memory."""

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measurement:
    """A process from its start to its end, with all that it started."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    """The highest memory of each of its processes, added up."""
    database_cpu_seconds: float
    """All processes of the server, its writers and vacuum workers too."""
    database_peak_mb: float
    """Memory of the server's processes apart from the shared buffers, at its highest."""
    status: int
    output: str
    errors: str


def measure(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, server: int | None, limit: float
) -> Measurement:
    """Run a command to its end.

    Args:
        server: process id of the PostgreSQL server; None where none takes part.
        limit: seconds after which the command is ended.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        database_before, before = server_cpu(server), os.times()
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        with Watch(process.pid, server, limit) as watch:
            process.wait()
            seconds = time.perf_counter() - started
        after = os.times()
        _wait_for_backends(server)
        for file in (output, errors):
            file.seek(0)
        return Measurement(
            seconds=round(seconds, 3),
            cpu_seconds=round(_children(after) - _children(before), 2),
            peak_mb=round(watch.peak_kb / 1024, 1),
            database_cpu_seconds=round(server_cpu(server) - database_before, 2),
            database_peak_mb=round(watch.server_peak_kb / 1024, 1),
            status=process.returncode,
            output=output.read(),
            errors=errors.read(),
        )


def _children(times: os.times_result) -> float:
    return times.children_user + times.children_system


class Watch:
    """Looks at the memory in a thread of its own, and ends a process that takes too long.

    The kernel remembers a process's own peak, so that none between two looks is missed.
    """

    def __init__(self, pid: int, server: int | None, limit: float) -> None:
        self._pid = pid
        self._server = server
        self._deadline = time.monotonic() + limit
        self._peaks: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True)
        self.server_peak_kb = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def peak_kb(self) -> int:
        return sum(self._peaks.values())

    def _keep_looking(self) -> None:
        while not self._over.wait(EVERY):
            self._look()
            if time.monotonic() > self._deadline:
                os.killpg(self._pid, signal.SIGKILL)
                return

    def _look(self) -> None:
        for pid in (self._pid, *descendants(self._pid)):
            self._peaks[pid] = max(self._peaks.get(pid, 0), status_kb(pid, "VmHWM"))
        if self._server is not None:
            now = sum(status_kb(pid, "RssAnon") for pid in (self._server, *descendants(self._server)))
            self.server_peak_kb = max(self.server_peak_kb, now)


def descendants(pid: int) -> list[int]:
    """Process ids of the children, their children, and so on."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for thread in threads for child in (thread / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [below for child in map(int, children) for below in (child, *descendants(child))]


def status_kb(pid: int, name: str) -> int:
    """A memory figure from a process's status; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def server_cpu(pid: int | None) -> float:
    """CPU seconds of a server's processes so far, of those that have ended too."""
    if pid is None:
        return 0.0
    while True:
        own, ended = _cpu(pid)
        alive = sum(_cpu(child)[0] for child in descendants(pid))
        if _cpu(pid)[1] == ended:  # else one has ended meanwhile, and is missing in both
            return own + ended + alive


def _cpu(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that have ended."""
    try:
        # Behind the name, which may hold spaces: state, parent and so on.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    user, system, children_user, children_system = map(int, fields[11:15])
    return (user + system) / TICKS, (children_user + children_system) / TICKS


def _wait_for_backends(server: int | None) -> None:
    """Give a backend the moment it needs to end after its client, so that its time is counted."""
    for _ in range(20 if server is not None else 0):
        if not any("127.0.0.1(" in _title(pid) for pid in descendants(server or 0)):
            return
        time.sleep(0.05)


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
