"""The README is followed to the letter, on a machine that has nothing but Python.

Its shell blocks are run by a shell, its Python blocks are written to the files that their first lines name.
Two things are not as on such a machine. The libraries are not downloaded again: both virtual environments
look for them where these tests find them, and pip gets no index. And `make test` is only asked what it would
do, since it would run this test too.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.documents import ROOT, Code, blocks, code

README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"


@dataclass(frozen=True)
class Machine:
    """A folder with a copy of this repository, and an empty home."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "etl_assets"

    @property
    def site(self) -> Path:
        return self.folder / "mysite"

    def run(self, script: str, where: Path) -> str:
        """Run shell commands in a folder with a virtual environment, and return what they print."""
        environment = {
            "HOME": str(self.folder / "home"),
            "PATH": f"{where / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say "no isolation" in the environment
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        done = subprocess.run(
            ["sh", "-eu", "-c", script], cwd=where, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    (machine.folder / "home").mkdir()
    leftovers = shutil.ignore_patterns(".*", "__pycache__", "*.sqlite3*", "build", "dist", "rejects.csv")
    shutil.copytree(ROOT, machine.repository, ignore=leftovers)
    make_environment(machine.repository)
    pins = machine.repository / "requirements.txt"
    checksum = subprocess.run(["cksum"], stdin=pins.open(), capture_output=True, check=True)
    (machine.repository / ".venv" / ".installed-requirements.txt").write_bytes(checksum.stdout)
    machine.site.mkdir()
    make_environment(machine.site)
    machine.run("python -m django startproject mysite . && python manage.py startapp clinic", machine.site)
    make_old_system(machine.site / "old_system.sqlite3")
    return machine


def make_environment(folder: Path) -> None:
    """Make a virtual environment without this package that finds the libraries of the one we run in."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv").glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")


def shell_blocks(first_word: str) -> list[str]:
    return [block.text for block in code(README, "shell") if block.text.startswith(first_word)]


# Try it


def test_its_blocks_are_of_the_kinds_that_are_run_here() -> None:
    kinds = {block.language for block in code(README)}

    assert kinds == {"python", "shell"}
    assert len(shell_blocks("make")) + len(shell_blocks("python")) == len(code(README, "shell"))
    assert all(re.match(r"# [\w/]+\.py\n", block.text) for block in code(README, "python"))


@pytest.fixture(scope="module")
def demo(machine: Machine) -> str:
    block = next(block for block in shell_blocks("make") if "demo" in block)
    return machine.run(block, machine.repository)


def test_make_demo_moves_10000_patients_and_says_where_to_look_next(demo: str, machine: Machine) -> None:
    assert "3 successful, 0 failed" in demo
    assert "Where to look next:" in demo
    database = sqlite3.connect(machine.repository / "db.sqlite3")
    legacy = sqlite3.connect(machine.repository / "legacy.sqlite3")
    (read,) = legacy.execute("SELECT count(*) FROM legacy_patients").fetchone()
    (loaded,) = database.execute("SELECT count(*) FROM hospital_patient").fetchone()
    assert read == 10_000
    assert 9_000 < loaded < read


def test_the_output_that_is_documented_is_that_of_make_demo(demo: str) -> None:
    printed = steady(demo)
    for block in code(COMMANDS, "text"):
        assert steady(block.text) in printed


def steady(text: str) -> str:
    """Replace what differs from run to run, and leave out lines that depend on how fast the machine is."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - ", "TIME - ", text)
    text = re.sub(r"\d+\.\d+s", "SECONDS", text)
    text = re.sub(r"[\d,]+ rows/s", "ROWS/S", text)
    return "".join(line for line in text.splitlines(keepends=True) if "Processing batch" not in line)


def test_make_test_is_there(machine: Machine) -> None:
    (block,) = [block for block in shell_blocks("make") if "test" in block]

    would_do = machine.run(block.replace("make", "make --dry-run"), machine.repository)

    for check in ("ruff check", "lint-imports", "mypy", "pytest"):
        assert check in would_do


# Use it in your project

OLD_PATIENTS: list[tuple[Any, ...]] = [
    (1, " ab000001", "ann  WRIGHT", "01/04/1987", "f"),
    (2, "AB000002", "bob cole ", "1990-12-31", "M"),
    (3, "ab000003", "cy nobody", "31/02/1990", "M"),
    (4, "ZZ999999", "test test", "01/01/2000", "F"),
    (5, "AB000005", "dee o'shea", None, "X"),
    (6, "AB 00006", "eve king", "02/03/1950", "F"),
    (7, "ab000001 ", "ann wright", "01/04/1987", "F"),
]
NEW_PATIENTS = [
    (1, "AB000001", "Ann Wright", dt.date(1987, 4, 1), "female"),
    (2, "AB000002", "Bob Cole", dt.date(1990, 12, 31), "male"),
    (5, "AB000005", "Dee O'Shea", None, "unknown"),
]
REJECTED = {("3", "date_of_birth", "date"), ("6", "number", "matches"), ("7", "number", "unique")}


def make_old_system(path: Path) -> None:
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE legacy_patients"
            " (patient_id INTEGER PRIMARY KEY, hosp_no TEXT, name TEXT, dob TEXT, gender TEXT)"
        )
        old.executemany("INSERT INTO legacy_patients VALUES (?, ?, ?, ?, ?)", OLD_PATIENTS)


@pytest.fixture(scope="module")
def adopted(machine: Machine) -> Machine:
    """The project after all the README's steps and commands, one after the other."""
    for block in blocks(README):
        if not isinstance(block, Code) or block.text.startswith("make"):
            continue
        if block.language == "python":
            write_file(block, machine.site)
        else:
            machine.run(block.text, machine.site)
    return machine


def write_file(block: Code, site: Path) -> None:
    """Write the block where its first line says; to the settings it is added."""
    path = site / block.text.split("\n", 1)[0].removeprefix("# ")
    with path.open("a" if path.name == "settings.py" else "w") as file:
        file.write(block.text)


def test_the_four_steps_load_the_rows(adopted: Machine) -> None:
    database = sqlite3.connect(adopted.site / "db.sqlite3")
    rows = database.execute(
        "SELECT legacy_id, number, name, date_of_birth, sex FROM clinic_patient ORDER BY legacy_id"
    )

    loaded = [(*row[:3], row[3] and dt.date.fromisoformat(row[3]), row[4]) for row in rows]
    assert loaded == NEW_PATIENTS


def test_the_dry_run_wrote_the_rejected_rows_to_a_file(adopted: Machine) -> None:
    with (adopted.site / "rejects.csv").open(newline="") as file:
        rejects = {(row["legacy_key"], row["field"], row["code"]) for row in csv.DictReader(file)}

    assert rejects == REJECTED


def test_the_real_runs_kept_the_same_rejects_once(adopted: Machine) -> None:
    database = sqlite3.connect(adopted.site / "db.sqlite3")
    kept = database.execute("SELECT legacy_key, field, code FROM etl_assets_reject").fetchall()

    assert len(kept) == len(REJECTED)
    assert set(kept) == REJECTED


def test_a_run_with_nothing_new_found_all_unchanged(adopted: Machine) -> None:
    report = json.loads((adopted.site / "report.json").read_text())

    patients = report["transformers"]["patients"]
    counts = {
        name: patients[name] for name in ("read", "created", "updated", "unchanged", "rejected", "skipped")
    }
    assert counts == {
        "read": 7, "created": 0, "updated": 0, "unchanged": len(NEW_PATIENTS), "rejected": 3, "skipped": 1
    }  # fmt: skip


def test_what_was_used_is_the_installed_package(adopted: Machine) -> None:
    found = adopted.run(
        "python -c 'import etl_assets; import sys; sys.stdout.write(etl_assets.__file__)'", adopted.site
    )

    assert Path(found).is_relative_to(adopted.site / ".venv")


def test_dagster_finds_the_code_location(adopted: Machine) -> None:
    """As for `dagster dev -m etl_assets.definitions`, which would not end by itself."""
    adopted.run(
        "export DJANGO_SETTINGS_MODULE=mysite.settings\n"
        "python -m dagster definitions validate -m etl_assets.definitions",
        adopted.site,
    )
