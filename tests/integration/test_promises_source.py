"""Promise 6 and memory: the legacy database is only read, a few batches at a time."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from etl_assets import col
from tests.databases import Databases, Pair
from tests.integration.promised import (
    ONE_PAIR,
    ROOT,
    TO_EACH,
    Plains,
    failing_in_batch,
    old_plain,
)
from tests.legacy import (
    attempt,
    checksums,
    counts,
    dry_run,
    execute,
    insert,
    load,
)


@pytest.mark.parametrize("pair", [("postgresql", "sqlite"), ("postgresql", "postgresql")], indirect=True)
def test_postgresql_itself_would_refuse_a_write_to_the_source(pair: Pair):
    old_plain()
    execute(
        "CREATE FUNCTION write_along() RETURNS integer LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO old_plain VALUES ('z', 'z', '1', 99); RETURN 1; END $$"
    )
    execute("CREATE VIEW old_trap AS SELECT *, write_along() AS trap FROM old_plain")

    class Trapped(Plains):
        class Meta(Plains.Meta):
            source = "old_trap"

        value = col("trap")

    report = attempt(Trapped)

    assert report.status == "failed"
    assert report.error is not None
    assert "read-only transaction" in report.error
    with connections["legacy"].cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM old_plain")
        assert cursor.fetchone() == (8,)


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that this process cannot write to: for root, permissions count only as somebody else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield folder
        os.seteuid(os.getuid())
        folder.chmod(0o755)


@pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_sqlite_source_is_read_from_a_read_only_folder_and_stays_as_it_was(
    pair: Pair, read_only_folder: Path, journal: str
):
    old_plain()
    execute(f"PRAGMA journal_mode = {journal}")
    connections["legacy"].close()
    file = read_only_folder / "old data?#%41.sqlite3"
    shutil.copyfile(pair.source.name, file)
    before = hashlib.sha256(file.read_bytes()).digest()
    file.chmod(0o444)
    read_only_folder.chmod(0o555)
    connections["legacy"].settings_dict["NAME"] = str(file)
    if os.getuid() == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    with pytest.raises(PermissionError):
        (read_only_folder / "new").touch()

    assert counts(load(Plains, batch_size=2)) == (8, 3, 0, 0, 4, 1)
    attempt(failing_in_batch(2), batch_size=2)
    dry_run(Plains)
    load(Plains, rollback=False, batch_size=2)

    assert hashlib.sha256(file.read_bytes()).digest() == before
    assert [one.name for one in read_only_folder.iterdir()] == [file.name]


@TO_EACH
def test_a_sqlite_source_that_could_be_written_is_the_same_to_the_byte(pair: Pair):
    old_plain()
    connections["legacy"].close()
    file = Path(pair.source.name)
    before = file.read_bytes()

    load(Plains, batch_size=2)
    attempt(failing_in_batch(2), batch_size=2)
    dry_run(Plains)
    load(Plains, rollback=False, batch_size=2)

    assert file.read_bytes() == before


# Memory is bounded by a few batches


MEASURE = """
import resource, sys
import django
django.setup()
from tests.integration.promised import Plains
from tests.legacy import counts, load

report = load(Plains, batch_size=250)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, *counts(report))
"""


def peak(pair: Pair, rows: int) -> int:
    """Kilobytes that a process has at most, which loads rows of which sixty in a hundred are rejected.

    With DEBUG on, where Django remembers statements: people try things out with it.
    """
    padding = "p" * 2000
    old_plain([])
    execute("ALTER TABLE old_plain ADD COLUMN padding varchar(2000)")
    insert("old_plain", [(f"k{n}", "n", str(n) if n % 5 < 2 else "x", n, padding) for n in range(rows)])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        env=pair.environment(PYTHONPATH=str(ROOT), DEBUG="1"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    used, read, created, _, unchanged, refused, _ = map(int, done.stdout.split())
    assert (read, created + unchanged, refused) == (rows, rows * 2 // 5, rows * 3 // 5)
    return used


@TO_EACH
def test_twenty_times_the_rows_take_no_more_memory(pair: Pair):
    few = peak(pair, 1_000)
    many = peak(pair, 20_000)

    assert many < 1.3 * few, f"{few} kB for 1000 rows, {many} kB for 20000"


@ONE_PAIR
def test_a_database_alias_that_nobody_named_is_not_touched(pair: Pair, databases: Databases):
    databases.fresh("other", "sqlite", migrated=True)
    old_plain()
    before = checksums("other")

    load(Plains)

    assert checksums("other") == before
