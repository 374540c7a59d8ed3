"""`etl_assets.DjangoTransformersComponent` in a project that is laid out with `dg`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.documents import code
from tests.integration.orchestration import foreign

ROOT = Path(__file__).parents[3]

DG_PROJECT = {
    "pyproject.toml": """
        [tool.dg]
        directory_type = "project"

        [tool.dg.project]
        root_module = "pipelines"
    """,
    "pipelines/__init__.py": "",
    "pipelines/definitions.py": """
        from pathlib import Path

        from dagster import definitions, load_from_defs_folder

        @definitions
        def defs():
            return load_from_defs_folder(path_within_project=Path(__file__).parent)
    """,
    "pipelines/defs/__init__.py": "",
    "pipelines/defs/report.py": """
        import dagster as dg

        @dg.asset(deps=[dg.AssetKey("beds")])
        def occupancy():
            pass
    """,
}

LIST = """
import json

from pipelines.definitions import defs

made = defs()
graph = made.resolve_asset_graph()
print(json.dumps({
    "assets": sorted(key.to_user_string() for key in graph.materializable_asset_keys),
    "parents": {
        node.key.to_user_string(): sorted(up.to_user_string() for up in node.parent_keys)
        for node in graph.asset_nodes
    },
    "groups": {node.key.to_user_string(): node.group_name for node in graph.asset_nodes},
    "jobs": sorted(job.name for job in made.jobs),
}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = foreign.make_project(tmp_path / "dg_project")
    foreign.write(folder, DG_PROJECT)
    return folder


def component(project: Path, text: str, name: str = "legacy") -> None:
    foreign.write(project, {f"pipelines/defs/{name}/defs.yaml": text})


def run(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return foreign.run(sys.executable, project, *arguments, PYTHONPATH=f"{project}:{ROOT}", **variables)


def listed(project: Path, **variables: str) -> dict[str, Any]:
    done = run(project, "-W", "ignore", "-c", LIST, **variables)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def documented(language: str, containing: str) -> str:
    (found,) = [one.text for one in code(ROOT / "docs/dagster.md", language) if containing in one.text]
    return found


def test_all_transformers_beside_an_asset_of_the_projects_own(project: Path) -> None:
    component(project, documented("yaml", "DjangoTransformersComponent"))

    found = listed(project)

    assert found["assets"] == ["beds", "occupancy", "wards"]
    assert found["parents"]["beds"] == ["legacy/old_beds", "wards"]
    assert found["parents"]["occupancy"] == ["beds"]
    assert {"migrate_legacy_data", "dry_run_legacy_data"} <= set(found["jobs"])


def test_dagster_validates_the_project(project: Path) -> None:
    component(project, documented("yaml", "DjangoTransformersComponent"))

    done = run(project, "-m", "dagster", "definitions", "validate", "-m", "pipelines.definitions")

    assert done.returncode == 0, done.stdout + done.stderr


def test_two_components_share_the_transformers(project: Path) -> None:
    component(
        project,
        """
        type: etl_assets.DjangoTransformersComponent
        attributes:
          settings_module: mysite.settings
          only: [wards]
        """,
    )
    component(
        project,
        """
        type: etl_assets.DjangoTransformersComponent
        attributes:
          settings_module: mysite.settings
          only: [beds]
          jobs: false
        post_processing:
          assets:
            - target: "beds"
              attributes:
                group_name: furniture
        """,
        name="more",
    )

    found = listed(project)

    assert found["assets"] == ["beds", "occupancy", "wards"]
    assert found["groups"]["beds"] == "furniture"
    assert found["groups"]["wards"] == "clinic"


def test_the_environment_wins(project: Path) -> None:
    component(
        project,
        """
        type: etl_assets.DjangoTransformersComponent
        attributes:
          settings_module: no.such.settings
        """,
    )

    assert listed(project, DJANGO_SETTINGS_MODULE="mysite.settings")["assets"] == [
        "beds",
        "occupancy",
        "wards",
    ]


def test_without_settings_one_sentence_says_so(project: Path) -> None:
    component(project, "type: etl_assets.DjangoTransformersComponent\n")

    done = run(project, "-m", "dagster", "definitions", "validate", "-m", "pipelines.definitions")

    assert done.returncode == 1
    assert (
        "Django's settings are not known: write settings_module in defs.yaml, or set DJANGO_SETTINGS_MODULE."
    ) in done.stdout + done.stderr


def test_an_unknown_name_is_answered_with_the_known_ones(project: Path) -> None:
    component(
        project,
        """
        type: etl_assets.DjangoTransformersComponent
        attributes:
          settings_module: mysite.settings
          only: [wrads]
        """,
    )

    done = run(project, "-m", "dagster", "definitions", "validate", "-m", "pipelines.definitions")

    assert done.returncode == 1
    assert (
        "No transformer is named 'wrads'. Did you mean 'wards'? Known transformers: beds, wards."
    ) in done.stdout + done.stderr


def test_definitions_of_ones_own_are_written_as_documented(project: Path) -> None:
    foreign.write(project, {"own.py": documented("python", "Definitions.merge")})

    done = run(
        project, "-m", "dagster", "definitions", "validate", "-f", "own.py",
        DJANGO_SETTINGS_MODULE="mysite.settings",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
