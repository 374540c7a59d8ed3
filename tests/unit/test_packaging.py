"""What a customer installs, and what the pins promise to a fresh machine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"]

INTERPRETERS = ["3.11.0", "3.12.0", "3.13.0"]
SYSTEMS = ["linux", "darwin"]


def logical_lines(name: str) -> list[str]:
    """The file's requirements, each with its continuation lines joined."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip()]


def split_pin(line: str) -> tuple[Requirement, list[str]]:
    requirement, *options = re.split(r"\s+(?=--)", line)
    return Requirement(requirement), options


def pins(name: str) -> list[tuple[Requirement, list[str]]]:
    return [split_pin(line) for line in logical_lines(name)]


def versions(name: str) -> dict[str, str]:
    return {requirement.name: str(requirement.specifier) for requirement, _ in pins(name)}


def group(name: str) -> list[Requirement]:
    """The requirements of a dependency group, those of the groups that it includes among them."""
    found = []
    for entry in PYPROJECT["dependency-groups"][name]:
        found += group(entry["include-group"]) if isinstance(entry, dict) else [Requirement(entry)]
    return found


def wanted_by(pins_file: str) -> list[Requirement]:
    product = [Requirement(text) for text in PYPROJECT["project"]["dependencies"]]
    if pins_file == "requirements.txt":
        return product + group("demo") + group("build")
    return product + group("bench" if pins_file == "requirements-bench.txt" else "dev")


@pytest.mark.parametrize("name", PINS)
def test_pins_hold_no_address(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "://" not in text
    assert not re.search(r"(^|\s)-(i|f|e|r|c)\b|--(index|extra-index|find-links|trusted|no-index)", text)


@pytest.mark.parametrize("name", PINS)
def test_each_pin_is_one_version_with_hashes(name: str) -> None:
    for requirement, options in pins(name):
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), f"{requirement} is not pinned"
        assert requirement.url is None
        assert options, f"{requirement} has no hash"
        for option in options:
            assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", option)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("version", INTERPRETERS)
@pytest.mark.parametrize("name", PINS)
def test_pins_cover_pyproject(name: str, version: str, system: str) -> None:
    environment = {
        "python_full_version": version,
        "python_version": version.rpartition(".")[0],
        "sys_platform": system,
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    chosen = {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement, _ in pins(name)
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }

    for requirement in wanted_by(name):
        pinned = chosen.get(canonicalize_name(requirement.name))
        assert pinned is not None, f"{requirement} has no pin in {name}: run `make lock`"
        assert requirement.specifier.contains(pinned), f"{pinned} is not {requirement}: run `make lock`"


def test_the_demo_runs_on_the_versions_that_were_tested() -> None:
    run, tested, _ = map(versions, PINS)

    assert run.items() <= tested.items()


def test_the_versions_that_were_tested_are_measured() -> None:
    _, tested, measured = map(versions, PINS)

    assert {name: measured[name] for name in tested.keys() & measured.keys()}.items() <= tested.items()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("etl_assets-*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_is_the_product_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    product = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "etl_assets").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert shipped == product
    assert "etl_assets/migrations/0001_initial.py" in shipped
    assert "etl_assets/py.typed" in shipped


def test_the_wheel_asks_for_what_pyproject_says(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    asked = {
        str(Requirement(line.removeprefix("Requires-Dist: ")))
        for line in wheel.read(name).decode().splitlines()
        if line.startswith("Requires-Dist: ")
    }

    assert asked == {str(Requirement(text)) for text in PYPROJECT["project"]["dependencies"]}


DATA_FRAMES = {"pandas", "pyarrow", "numpy"}
RUNNER = {"dagster", "sqlalchemy"}


@pytest.mark.parametrize(
    ("program", "unwanted"),
    [
        ("import etl_assets", DATA_FRAMES | RUNNER),
        ("from etl_assets import *", DATA_FRAMES | RUNNER),
        ("import django; django.setup()", DATA_FRAMES | RUNNER),
        (
            "import django.core.management as m; m.execute_from_command_line(['manage.py', 'check'])",
            DATA_FRAMES | RUNNER,
        ),
    ],
    ids=["import", "import *", "setup", "check"],
)
def test_what_every_command_of_the_project_imports_stays_light(program: str, unwanted: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; sys.stdout.write('\\n' + ' '.join(sys.modules))"],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "django_project.settings", "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )

    loaded = set(done.stdout.splitlines()[-1].split())
    assert "etl_assets" in loaded
    assert not loaded & unwanted
