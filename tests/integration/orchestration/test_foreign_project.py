"""The built wheel, installed in an environment and a project that know nothing of this repository."""

from __future__ import annotations

import site
import sqlite3
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.integration.orchestration import foreign

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that has the wheel, and everything else from this one."""
    folder = tmp_path_factory.mktemp("foreign")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, capture_output=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet", wheel],
        check=True,
        capture_output=True,
    )
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    # A line of a .pth file is a path and no more: an editable install over there does not come along.
    ours = dict.fromkeys([sysconfig.get_path("purelib"), *site.getsitepackages()])
    (packages / "dependencies.pth").write_text("".join(f"{path}\n" for path in ours))
    return python


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return foreign.make_project(tmp_path / "clinic_project")


SETTINGS = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}


def output(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_wheel_is_what_is_imported(python: Path, project: Path) -> None:
    where = output(foreign.run(python, project, "-c", "import etl_assets; print(etl_assets.__file__)"))

    assert Path(where.strip()).is_relative_to(python.parents[1])


def test_the_code_location_needs_the_settings_alone(python: Path, project: Path) -> None:
    done = foreign.run(
        python,
        project,
        "-m",
        "dagster",
        "definitions",
        "validate",
        "-m",
        "etl_assets.definitions",
        **SETTINGS,
    )

    assert "Validation successful for code location etl_assets.definitions." in output(done)


def test_without_settings_it_says_what_is_missing(python: Path, project: Path) -> None:
    done = foreign.run(
        python, project, "-m", "dagster", "definitions", "validate", "-m", "etl_assets.definitions"
    )

    assert done.returncode == 1
    assert "DJANGO_SETTINGS_MODULE" in done.stdout + done.stderr


def test_the_command_runs_there_and_dagster_knows_of_it(python: Path, project: Path) -> None:
    output(foreign.run(python, project, "manage.py", "migrate", "--run-syncdb", "--verbosity", "0"))

    said = output(foreign.run(python, project, "manage.py", "migrate_legacy_data"))

    assert "2 successful, 0 failed" in said
    with sqlite3.connect(project / "new.sqlite3") as new:
        loaded = new.execute(
            "SELECT b.legacy_id, w.name FROM clinic_bed b JOIN clinic_ward w ON w.id = b.ward_id ORDER BY 1"
        ).fetchall()
    new.close()
    assert loaded == [(10, "Surgery"), (11, "X-Ray"), (12, "X-Ray")]
    listed = foreign.run(python, project, "-m", "dagster", "run", "list", **SETTINGS)
    assert "migrate_legacy_data" in output(listed)


def test_the_analysis_has_its_templates(python: Path, project: Path) -> None:
    output(foreign.run(python, project, "manage.py", "etl", "analyze", "--table", "old_wards",
                       "--output", "wards.html"))  # fmt: skip

    assert "old_wards" in (project / "wards.html").read_text()


def test_the_migrations_are_complete(python: Path, project: Path) -> None:
    output(foreign.run(python, project, "manage.py", "makemigrations", "--check", "--dry-run", "etl_assets"))


def test_the_component_is_registered(python: Path, project: Path) -> None:
    program = (
        "from dagster.components.core.package_entry import discover_entry_point_package_objects as found\n"
        "print([key.to_typename() for key in found() if key.namespace.startswith('etl_assets')])"
    )

    listed = output(foreign.run(python, project, "-W", "ignore", "-c", program))

    assert listed.strip() == "['etl_assets.DjangoTransformersComponent']"
