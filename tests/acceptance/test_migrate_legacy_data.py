"""The command lines of the customer's own description, word for word, one after another.

Those that differ most run whole in a real shell. A process that imports Dagster takes seconds, so of the
others a shell only expands the words, which then go through the same door as in manage.py.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import ROOT, migrate
from tests.databases import Database, Databases, Pair

LOGS = Path("/var/log/etl")

SOME = "python manage.py migrate_legacy_data"

FIRST_LANE = [
    f"{SOME} --dry-run",
    f'{SOME} --only "departments,patients,appointments"',
    f"{SOME} --log-file /var/log/etl/migration.log",
    f'{SOME} --transformer-paths "myapp.transformers"',
]
SECOND_LANE = [
    f'{SOME} --transformer-paths "myapp.transformers,otherapp.etl.transformers"',
    f'{SOME} --transformer-paths "myapp.transformers,myapp.etl"',
    f"{SOME} \\\n    --enable-rollback \\\n    --enable-validation \\\n    --log-level INFO \\\n"
    '    --log-file "/var/log/etl/full_migration_$(date +%Y%m%d_%H%M%S).log" \\\n    --batch-size 1000',
    f"{SOME} --log-file migration.log && \\\n"
    "curl -X POST http://monitoring.company.com/metrics \\\n"
    "  -d \"migration_status=success&duration=$(tail -1 migration.log | grep -o '[0-9.]*s')\"",
]
OTHERS = [
    f'{SOME} --dry-run --only "patients,departments"',
    f"{SOME} --only patients",
    f"{SOME} --enable-rollback",
    f"{SOME} --no-enable-rollback",
    f'{SOME} --log-file "migration_$(date +%Y%m%d_%H%M%S).log"',
    f"{SOME} --log-level DEBUG",
    f"{SOME} --log-level INFO",
    f"{SOME} --log-level WARNING",
    f"{SOME} --log-level ERROR",
    f"{SOME} --batch-size 500",
    f"{SOME} --batch-size 5000",
    f'{SOME} \\\n    --dry-run \\\n    --log-level DEBUG \\\n    --log-file "test_migration.log"',
    f'{SOME} \\\n    --only "departments,patients" \\\n    --enable-rollback \\\n'
    '    --log-file "/var/log/etl/production_migration.log" \\\n'
    "    --log-level INFO \\\n    --batch-size 2000",
    f"{SOME} \\\n    --batch-size 10000 \\\n    --log-level WARNING \\\n"
    '    --log-file "/var/log/etl/fast_migration.log"',
    f'{SOME} --log-file "/var/log/etl/daily_$(date +%Y%m%d).log" --log-level INFO',
    f'{SOME} --log-file "production_migration.log" --batch-size 2000',
    f"{SOME} --dry-run --log-level INFO",
    f"{SOME} --batch-size 100 --log-level DEBUG",
    f'{SOME} --log-file "./migration.log"',
    f"{SOME} --dry-run --log-level DEBUG --log-file debug.log",
    f"{SOME} --dry-run --only patients --log-level DEBUG",
]

TRANSFORMER = """
from django_project.hospital import transformers


class {name}Of{where}(transformers.{name}Transformer):
    class Meta(transformers.{name}Transformer.Meta):
        pass
"""


@dataclass(frozen=True)
class Ended:
    line: str
    status: int
    stdout: str
    stderr: str


class Shell:
    """A project folder with manage.py, and on its path `python` and a `curl` that writes down its words."""

    def __init__(self, folder: Path, pair: Pair) -> None:
        self.folder = folder
        self.environment = pair.environment(
            PATH=f"{folder / 'bin'}:{os.environ['PATH']}", PYTHONPATH=f"{ROOT}:{folder}"
        )
        folder.mkdir()
        (folder / "manage.py").write_text((ROOT / "manage.py").read_text())
        self._script("python", f'exec "{sys.executable}" "$@"')
        self._script("curl", f'printf "%s\\n" "$@" > "{folder / "curl.txt"}"')
        self._module("myapp/transformers.py", "Department", "MyApp")
        self._module("myapp/etl.py", "Patient", "MyEtl")
        self._module("otherapp/etl/transformers.py", "Patient", "OtherApp")

    def run(self, line: str) -> Ended:
        if not writable(LOGS):
            line = line.replace(str(LOGS), str(self.folder / "log"))
        ended = subprocess.run(
            line,
            shell=True,
            executable="/bin/bash",
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Ended(line, ended.returncode, ended.stdout, ended.stderr)

    def run_here(self, line: str) -> Ended:
        """Let the shell expand the words, and run them in this process."""
        self._script("python", 'printf "%s\\n" "$@"')
        program, command, *words = self.run(line).stdout.splitlines()
        assert (program, command) == ("manage.py", "migrate_legacy_data")
        ended = migrate(*words)
        return Ended(line, ended.status, ended.stdout, ended.stderr)

    def run_all(self, lines: list[str]) -> list[Ended]:
        return [self.run(line) for line in lines]

    def _script(self, name: str, command: str) -> None:
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)

    def _module(self, path: str, name: str, where: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TRANSFORMER.format(name=name, where=where))


def writable(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK)


@pytest.fixture
def log_folder():
    """Removes what the lines leave in the system's log folder, where they may write there at all."""
    was_there, before = LOGS.exists(), set(LOGS.glob("*"))
    yield
    for path in set(LOGS.glob("*")) - before:
        path.unlink()
    if LOGS.exists() and not was_there:
        LOGS.rmdir()


@pytest.fixture
def shells(databases: Databases, small_legacy: Database, tmp_path: Path) -> list[Shell]:
    """Two projects, so that both processors of a small machine are used."""
    databases.connect("legacy", small_legacy)
    targets = [databases.fresh(alias, "sqlite", migrated=True) for alias in ("default", "second")]
    return [
        Shell(tmp_path / f"project{number}", Pair(small_legacy, target))
        for number, target in enumerate(targets)
    ]


@pytest.mark.usefixtures("log_folder")
def test_the_customers_command_lines(shells: list[Shell]):
    with ThreadPoolExecutor(2) as both:
        ended = [one for lane in both.map(Shell.run_all, shells, [FIRST_LANE, SECOND_LANE]) for one in lane]

    for one in ended:
        assert (one.status, one.stderr) == (0, ""), one
        check_output(one)
    requested = (shells[1].folder / "curl.txt").read_text().splitlines()
    assert requested[:3] == ["-X", "POST", "http://monitoring.company.com/metrics"]
    assert re.fullmatch(r"migration_status=success&duration=\d+\.\d\ds", requested[4])


@pytest.mark.usefixtures("log_folder")
def test_the_customers_other_command_lines(shells: list[Shell], monkeypatch: pytest.MonkeyPatch):
    shell = shells[0]
    monkeypatch.chdir(shell.folder)
    for line in OTHERS:
        ended = shell.run_here(line)
        assert (ended.status, ended.stderr) == (0, ""), ended
        check_output(ended)
    written = {re.sub(r"\d", "9", path.name) for path in shell.folder.glob("*.log")}
    assert written == {
        "debug.log", "migration.log", "migration_99999999_999999.log", "production_migration.log",
        "test_migration.log",
    }  # fmt: skip


def check_output(ended: Ended) -> None:
    """See that a run printed what every run prints, and the log lines that its level lets through."""
    names = re.findall(
        r"^Running '(\w+)' transformer with enhanced features\.\.\.$", ended.stdout, re.MULTILINE
    )
    assert names == expected_names(ended.line), ended.line
    stages = "".join(
        rf"  {stage}: \d+\.\d{{3}}s avg \(\d+ times\)\n"
        for stage in ("data_extraction", "data_transformation", "data_validation", "bulk_create")
    )
    assert len(re.findall(rf"^Performance Summary:\n{stages}", ended.stdout, re.MULTILINE)) == len(names)
    summary = re.search(
        rf"^Enhanced ETL migration complete in \d+\.\d\ds: {len(names)} successful, 0 failed\n"
        r"Total records processed: (\d+)$",
        ended.stdout,
        re.MULTILINE,
    )
    assert summary, ended.stdout
    read = re.findall(r"^Records: (\d+) read = ", ended.stdout, re.MULTILINE)
    assert int(summary[1]) == sum(map(int, read)) > 0
    assert re.search(rf"^(\S+ )?Recommendations for '{names[0]}':$", ended.stdout, re.MULTILINE)
    quiet = "WARNING" in ended.line or "ERROR" in ended.line
    first_lines = (
        rf"Running '{names[0]}'.*\n"
        r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - migration\.\w+ - INFO - )Extracting data from legacy_\w+\n"
        r".* - INFO - Found \d+ records to process\n"
        r".* - INFO - Processing batch 1 \(\d+ records\)\n"
    )
    assert bool(re.search(first_lines, ended.stdout)) is not quiet


def expected_names(line: str) -> list[str]:
    in_order = ["departments", "patients", "appointments"]
    if paths := re.search(r'--transformer-paths "([^"]+)"', line):
        return in_order[: len(paths[1].split(","))]
    only = re.search(r'--only "?([\w,]+)', line)
    return [name for name in in_order if not only or name in only[1].split(",")]
