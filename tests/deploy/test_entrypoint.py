"""The container's first process, run as it is: whose files it writes, what it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become somebody else"
)
ETL = 10001
WRITE = 'umask 022; id -u; id -g; echo more >> "$LOG_FOLDER/migration.log"'


def enter(logs: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", logs.parent / "entrypoint.sh", *arguments],
        cwd="/",
        env={"PATH": os.environ["PATH"], "LOG_FOLDER": str(logs), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def logs() -> Iterator[Path]:
    """The mounted folder, beside a copy of the script.

    Not everybody may get to the checkout, nor to pytest's folders, which each new pytest closes again.
    """
    with tempfile.TemporaryDirectory() as name:
        ground = Path(name)
        ground.chmod(0o711)
        shutil.copyfile(DEPLOY / "entrypoint.sh", ground / "entrypoint.sh")
        (ground / "entrypoint.sh").chmod(0o755)
        folder = ground / "logs"
        folder.mkdir()
        yield folder


def owner(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid


@as_root
def test_files_belong_to_whom_the_mounted_folder_belongs(logs: Path) -> None:
    os.chown(logs, 1234, 2345)

    done = enter(logs, "sh", "-c", WRITE)

    assert (done.stdout, done.stderr) == ("1234\n2345\n", "")
    assert owner(logs / "migration.log") == owner(logs) == (1234, 2345)


@as_root
def test_a_folder_that_docker_made_is_handed_over(logs: Path) -> None:
    done = enter(logs, "sh", "-c", WRITE)

    assert (done.stdout, done.stderr) == (f"{ETL}\n{ETL}\n", "")
    assert owner(logs / "migration.log") == owner(logs) == (ETL, ETL)


@as_root
def test_what_an_older_image_wrote_as_root_can_be_written_on(logs: Path) -> None:
    os.chown(logs, 1234, 2345)
    (logs / "migration.log").write_text("before\n")
    secret = logs.parent / "secret"
    secret.touch()
    (logs / "link").symlink_to(secret)
    (logs / "second_name").hardlink_to(secret)

    done = enter(logs, "sh", "-c", WRITE)

    assert done.stderr == ""
    assert (logs / "migration.log").read_text() == "before\nmore\n"
    assert owner(logs / "migration.log") == (1234, 2345)
    assert owner(secret) == (0, 0), "what lives elsewhere stays root's"


@as_root
def test_it_never_comes_back_to_root(logs: Path) -> None:
    done = enter(logs, "sh", "-c", "id -G; grep -E 'CapPrm|CapEff|NoNewPrivs' /proc/self/status")

    assert done.stdout.split() == [
        str(ETL), "CapPrm:", "0" * 16, "CapEff:", "0" * 16, "NoNewPrivs:", "1",
    ]  # fmt: skip


def as_somebody(logs: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As with `docker run --user`: not as root, whoever runs the tests."""
    command = ["sh", str(logs.parent / "entrypoint.sh"), *arguments]
    if os.geteuid() == 0:
        os.chown(logs, 1234, 1234)
        command = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", *command]
    return subprocess.run(
        command,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LOG_FOLDER": str(logs), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_user_of_ones_own_is_kept(logs: Path) -> None:
    done = as_somebody(logs, "sh", "-c", WRITE + "; echo $HOME")

    me = "1234" if os.geteuid() == 0 else str(os.geteuid())
    assert done.stderr == ""
    assert done.stdout.split()[0] == me
    assert done.stdout.split()[-1] == "/tmp"


@pytest.fixture
def python(logs: Path) -> str:
    """A PATH on which `python` says what it was asked to run."""
    folder = logs.parent / "bin"
    folder.mkdir(mode=0o755)
    program = folder / "python"
    program.write_text('#!/bin/sh\necho "$@"\necho "${SECRET_KEY-none}" >&2\n')
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


DATABASES = {"DATABASE_URL": "sqlite://", "LEGACY_DATABASE_URL": "sqlite://"}
THE_COMMAND = "manage.py migrate_legacy_data"


@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        ([], THE_COMMAND),
        (
            ["--log-file", "/app/logs/migration.log", "--batch-size", "1000"],
            f"{THE_COMMAND} --log-file /app/logs/migration.log --batch-size 1000",
        ),
        (["python", "manage.py", "etl", "analyze"], "manage.py etl analyze"),
        (["python", "manage.py", "migrate_legacy_data", "--dry-run"], f"{THE_COMMAND} --dry-run"),
    ],
)
def test_what_runs(logs: Path, python: str, arguments: list[str], runs: str) -> None:
    done = enter(logs, *arguments, PATH=python, **DATABASES)

    assert (done.returncode, done.stdout) == (0, runs + "\n")


@pytest.mark.parametrize("missing", DATABASES)
def test_data_does_not_vanish_with_the_container(logs: Path, python: str, missing: str) -> None:
    given = {name: url for name, url in DATABASES.items() if name != missing}

    done = enter(logs, "--batch-size", "1000", PATH=python, **given)

    assert done.returncode != 0
    assert f"{missing}: is not set. It names the" in done.stderr
    assert done.stdout == ""


def test_help_needs_no_database(logs: Path, python: str) -> None:
    assert enter(logs, "--help", PATH=python).stdout == f"{THE_COMMAND} --help\n"


def test_a_key_of_ones_own_is_kept_and_another_is_new_each_time(logs: Path, python: str) -> None:
    assert enter(logs, PATH=python, SECRET_KEY="mine", **DATABASES).stderr == "mine\n"
    keys = {enter(logs, PATH=python, **DATABASES).stderr.strip() for _ in range(2)}
    assert [len(key) for key in keys] == [64, 64]
    assert enter(logs, "python", "other.py", PATH=python).stderr == "none\n", (
        "a server does not make up a key"
    )
