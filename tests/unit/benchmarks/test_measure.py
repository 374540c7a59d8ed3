"""A process of known cost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.measure import Measurement, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads Linux's /proc")


def measured(program: str, limit: float = 60) -> Measurement:
    return measure([sys.executable, "-c", program], os.environ, Path.cwd(), None, limit)


def test_time_and_memory_are_those_of_the_process() -> None:
    small = measured("import time; time.sleep(0.5); print('done')")
    large = measured("import time; kept = b'x' * (200 << 20); time.sleep(0.3)")

    assert (small.status, small.output) == (0, "done\n")
    assert 0.5 <= small.seconds < 5
    assert small.cpu_seconds < 0.4
    assert 195 < large.peak_mb - small.peak_mb < 210


def test_children_count() -> None:
    child = "import time; kept = b'x' * (100 << 20); [n * n for n in range(4_000_000)]; time.sleep(0.3)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"

    both = measured(program)

    assert both.cpu_seconds > 0.1
    assert both.peak_mb > 105


def test_a_process_that_takes_too_long_is_ended() -> None:
    ended = measured("import time; time.sleep(60)", limit=0.5)

    assert ended.status == -9
    assert ended.seconds < 10


def test_what_went_wrong_is_kept() -> None:
    failed = measured("import sys; sys.exit('no such luck')")

    assert (failed.status, failed.errors) == (1, "no such luck\n")
