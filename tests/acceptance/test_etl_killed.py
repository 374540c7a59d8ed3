"""`etl estimate`, ended hard while its sample stands in the target: nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connections

from tests.commands import ROOT, look, migrate
from tests.databases import Pair
from tests.legacy import checksums

SECONDS = 60


def is_writing() -> bool:
    """Tell whether somebody has patients in the target that are not committed."""
    connection = connections["default"]
    if connection.vendor == "sqlite":
        journal = Path(f"{connection.settings_dict['NAME']}-journal")
        return journal.exists() and journal.stat().st_size > 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted "
            "AND relation = 'hospital_patient'::regclass AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone() is not None


@pytest.mark.parametrize("large_hospital", ["sqlite", "postgresql"], indirect=True)
def test_a_killed_estimate_leaves_no_trace(large_hospital: Pair) -> None:
    assert migrate("--only", "departments").status == 0
    before = checksums()
    command = ["etl", "estimate", "--table", "legacy_patients", "--batch-size", "25"]
    with subprocess.Popen(
        [sys.executable, "manage.py", *command],
        env=large_hospital.environment(),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            end = time.monotonic() + SECONDS
            while not is_writing():
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < end
                time.sleep(0.02)
            time.sleep(0.3)
            assert process.poll() is None
        finally:
            process.kill()
    connections.close_all()
    assert checksums() == before
    assert look(*command[1:], "--format", "json").status == 0  # nor does it keep a lock
    assert checksums() == before
