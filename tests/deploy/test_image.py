"""The Dockerfile's steps in a clean virtual environment, and the image's own example from end to end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.dockerfile import Stage, context, stages
from tests.deploy.files import ROOT

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv on this machine"),
]

IMAGE = ("app", "opt", "src")
"""Folders of the image that steps name; each becomes a folder of the test."""


class Image:
    """A folder that takes the place of the image's root. Steps that make users are left out."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        self.python = python
        self.stages = stages()
        self.environment = {
            "PATH": os.pathsep.join([str(python.parent), "/usr/bin", "/bin"]),
            "HOME": str(root),
            # What the machine has cached and where it gets packages from is its own affair.
            **{name: value for name, value in os.environ.items() if re.match("PIP_|SSL_|HTTPS?_|UV_", name)},
        }
        (root / "app").mkdir(parents=True)

    def replay(self, name: str) -> None:
        for instruction, text in self.stages[name].steps:
            if instruction == "COPY":
                self._copy(text)
            elif instruction == "RUN" and "useradd" not in text:
                self._run(text)
            elif instruction == "ENV":
                self.environment |= self._variables(text)

    def here(self, text: str) -> str:
        return re.sub(rf"(?<![\w.])/({'|'.join(IMAGE)})\b", rf"{self.root}/\1", text)

    def _copy(self, text: str) -> None:
        if text.startswith("--from"):
            return  # from one folder of the image to the same folder of another
        *sources, target = self.here(text).split()
        folder = self.root / "app" / target
        for source in sources:
            wanted = [name for name in sorted(context()) if name == source or name.startswith(source + "/")]
            for name in wanted:
                # A folder's contents are copied, not the folder.
                inside = Path(name).relative_to(source) if name != source else Path(Path(name).name)
                (folder / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / inside)

    def _run(self, text: str) -> None:
        done = subprocess.run(
            ["sh", "-c", self.here(text)],
            cwd=self.root / "app",
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def _variables(self, text: str) -> dict[str, str]:
        pairs = dict(part.split("=", 1) for part in self.here(text).split())
        return {name: value.replace("$PATH", self.environment["PATH"]) for name, value in pairs.items()}


def python_for(stage: Stage) -> Path:
    """The version that the Dockerfile names, where this machine has it with pip; else the tests' own."""
    version = re.search(r"python:(3\.\d+)", stage.base)
    assert version is not None
    installed = [shutil.which(f"python{version[1]}")]
    installed += map(str, Path.home().glob(f".pyenv/versions/{version[1]}.*/bin/python"))
    for found in filter(None, installed):
        if (
            subprocess.run([found, "-m", "pip", "--version"], capture_output=True, check=False).returncode
            == 0
        ):
            return Path(found)
    return Path(getattr(sys, "_base_executable", sys.executable))


def is_for_everybody(python: Path) -> bool:
    """Whether it runs for others than root too: not where it was installed into root's home."""
    # By way of a shell: what setpriv itself starts, it finds with root's rights.
    somebody = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]
    command = [*somebody, "sh", "-c", '"$0" -c ""', str(python)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that others may pass through, as each pytest that starts keeps them out of its own."""
    with tempfile.TemporaryDirectory(prefix="etl-image-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with open_folder() as root:
        image = Image(root, python_for(stages()["build"]))
        for name in ("build", "runtime", "demo"):
            image.replay(name)
        yield image


@pytest.fixture
def logs() -> Iterator[Path]:
    """The mounted folder, of somebody who is not root."""
    with open_folder() as folder:
        (folder / "dagster").mkdir()
        (folder / "dagster").chmod(0o1777)
        logs = folder / "logs"
        logs.mkdir()
        if os.geteuid() == 0:
            os.chown(logs, 1234, 1234)
        yield logs


def docker_run(image: Image, logs: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """`docker run --rm -v LOGS:/app/logs IMAGE ARGUMENTS`, as far as that goes without an engine."""
    environment = {**image.environment, "LOG_FOLDER": str(logs), "DAGSTER_HOME": str(logs.parent / "dagster")}
    if os.geteuid() == 0 and not is_for_everybody(image.python):
        # Becoming somebody else is tested in test_entrypoint.py; here nobody else could run Python.
        programs = logs.parent / "bin"
        programs.mkdir(exist_ok=True)
        (programs / "id").write_text("#!/bin/sh\necho 1234\n")
        (programs / "id").chmod(0o755)
        environment["PATH"] = f"{programs}:{environment['PATH']}"
    return subprocess.run(
        ["sh", image.root / "app" / "deploy" / "entrypoint.sh", *arguments],
        cwd=image.root / "app",
        env={**environment, **given},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_examples_line_works_and_the_log_is_ones_own(image: Image, logs: Path) -> None:
    done = docker_run(image, logs, "--log-file", f"{logs}/migration.log", "--batch-size", "1000")

    assert done.returncode == 0, done.stderr
    assert "3 successful, 0 failed" in done.stdout
    assert "Found 1000 records to process" in (logs / "migration.log").read_text()
    if is_for_everybody(image.python):
        assert (logs / "migration.log").stat().st_uid == logs.stat().st_uid


def test_the_image_is_healthy_as_long_as_its_databases_answer(image: Image, logs: Path) -> None:
    check = ("python", "deploy/healthcheck.py")
    key = {"SECRET_KEY": "a key for this test alone"}

    assert docker_run(image, logs, *check, **key).returncode == 0
    gone = docker_run(image, logs, *check, **key, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert (gone.returncode, "OperationalError" in gone.stderr) == (1, True)


def test_the_package_is_installed_and_not_lying_about(image: Image) -> None:
    assert not (image.root / "app" / "etl_assets").exists()
    assert (image.root / "app" / "staticfiles" / "admin" / "css" / "base.css").is_file()
