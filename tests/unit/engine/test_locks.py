"""One run of a transformer at a time, with real processes that hold its lock, end and are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections

from etl_assets.engine.locks import exclusive
from etl_assets.exceptions import TransformerBusy
from tests.databases import Databases, Vendor

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, django
django.setup()
from django.db import connections
from etl_assets.engine.locks import exclusive
with exclusive(connections["default"], "patients"):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    sys.stdin.readline()
"""
BUSY = "'patients' is being run by another process: wait until it has finished, then run it again."


@contextmanager
def holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of `patients` on this database until it is told to go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=ROOT,
        env={
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": str(ROOT),
            "ETL_TEST_DEFAULT_URL": url,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def take(name: str = "patients") -> None:
    with exclusive(connections["default"], name):
        pass


def refused() -> str:
    with pytest.raises(TransformerBusy) as caught:
        take()
    return str(caught.value)


def test_a_second_process_is_refused_until_the_first_has_ended(vendor: Vendor, databases: Databases):
    database = databases.fresh("default", vendor)

    with holder(database.url) as process:
        assert refused() == BUSY
        take("departments")
        process.communicate("go on\n")
        take()


def test_a_process_that_is_killed_leaves_no_lock_behind(vendor: Vendor, databases: Databases):
    database = databases.fresh("default", vendor)

    with holder(database.url) as process:
        assert refused() == BUSY
        process.kill()
        process.wait()
        for _ in range(100):  # the server needs a moment to see that its client is gone
            try:
                take()
                return
            except TransformerBusy:
                connections["default"].ensure_connection()
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT 1" if vendor == "sqlite" else "SELECT pg_sleep(0.05)")
    raise AssertionError("the lock outlived its holder")


def test_the_lock_goes_when_the_work_fails(vendor: Vendor, databases: Databases):
    database = databases.fresh("default", vendor)

    def fail() -> None:
        with exclusive(connections["default"], "patients"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with holder(database.url):
        assert refused() == BUSY


def test_the_lock_is_that_of_one_database(vendor: Vendor, databases: Databases):
    elsewhere = databases.fresh("elsewhere", vendor)
    databases.fresh("default", vendor)

    with holder(elsewhere.url):
        take()


def test_a_database_in_memory_needs_no_lock_file(databases: Databases, tmp_path: Path, monkeypatch):
    databases.fresh("default", "sqlite")
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", ":memory:")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())

    take()

    assert sorted(tmp_path.iterdir()) == before
