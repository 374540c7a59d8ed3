"""The code location in processes of its own, as Dagster's programs load it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from django.core.management import call_command

from etl_assets.engine.options import RunOptions
from etl_assets.models import Run
from etl_assets.orchestration.in_process import materialize
from etl_assets.registry import discover
from tests.databases import Databases, Pair
from tests.servers import BIN, ROOT, ask, wait_for, web_server


def validate(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [BIN / "dagster", "definitions", "validate", "-m", "etl_assets.definitions"],
        cwd=ROOT,
        env={**os.environ, "DAGSTER_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hospital_is_valid_with_its_settings_alone(home: Path) -> None:
    done = validate(home, DJANGO_SETTINGS_MODULE="django_project.settings")

    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location etl_assets.definitions." in done.stdout + done.stderr


TOWN = """\
from etl_assets import Transformer, col, key


class PlaceTransformer(Transformer):
    class Meta:
        source = "old_places"
        model = "targets.Place"
        {option}

    legacy_id = key("id")
    code = col("code"){verb}
"""
BROKEN = {
    "a syntax error": (
        "import etl_assets\n\nclass Open(\n",
        "Transformer module 'broken_town' does not import: SyntaxError at {file}, line 3: "
        "'(' was never closed",
    ),
    "an import error": (
        "import etl_assets\nimport no_such_module\n",
        "Transformer module 'broken_town' does not import: ModuleNotFoundError at {file}, line 2: "
        "No module named 'no_such_module'",
    ),
    "a name that is not there": (
        "import etl_assets\n\netl_assets.Transformr\n",
        "Transformer module 'broken_town' does not import: AttributeError at {file}, line 3: "
        "module 'etl_assets' has no attribute 'Transformr'",
    ),
    "an option that Meta does not have": (
        TOWN.format(option="owner = 'me'", verb=""),
        "Transformer module 'broken_town' does not import: ConfigurationError at {file}, line 4: "
        "Meta of PlaceTransformer has no option 'owner'. Did you mean 'owners'?",
    ),
    "a wrong argument": (
        TOWN.format(option="", verb=".matches('[')"),
        "Transformer module 'broken_town' does not import: ConfigurationError at {file}, line 11: "
        "matches('[') is no regular expression: unterminated character set at position 0.",
    ),
    "an owner that Dagster does not take": (
        TOWN.format(option="owners = ('Bob',)", verb=""),
        "Meta of PlaceTransformer has owner 'Bob', which Dagster does not take: "
        "write an e-mail address or 'team:name'. See {file}, line 4.",
    ),
    "a model that nobody has": (
        TOWN.format(option="", verb="").replace("targets.Place", "targets.Plaice"),
        "Meta of PlaceTransformer has model 'targets.Plaice', which no installed app has: "
        "write 'app_label.Model'. See {file}, line 4.",
    ),
    "a field that the model does not have": (
        TOWN.format(option="", verb="").replace("code =", "cod ="),
        "broken_town.PlaceTransformer.cod is no field of targets.Place. Did you mean 'code'? "
        "Its fields are id, legacy_id, code, name. See {file}, line 4.",
    ),
    "two transformers of one name": (
        TOWN.format(option="", verb="")
        + "\n\nclass OtherTransformer(PlaceTransformer):\n    class Meta(PlaceTransformer.Meta): ...\n",
        "broken_town.PlaceTransformer and broken_town.OtherTransformer are both named 'places': "
        "give one of them another Meta.name. See {file}, line 14.",
    ),
}


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_transformer_is_one_sentence_with_file_and_line(
    source: str, message: str, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken_town.py").write_text(source)
    (tmp_path / "broken_settings.py").write_text(
        "from tests.settings import *\n"
        "ETL_CONFIG = {**ETL_CONFIG, 'TRANSFORMER_DISCOVERY_PATHS': ['broken_town']}\n"
    )

    done = validate(home, DJANGO_SETTINGS_MODULE="broken_settings", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert done.returncode == 1
    said = done.stdout + done.stderr
    # It is what is said first, before any stack trace.
    told = said[said.index("Validation failed for code location") :].splitlines()[2]
    assert told.partition(": ")[2] == message.format(file=tmp_path / "broken_town.py")


REEXECUTE = """
mutation Again($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@pytest.fixture
def hospital(databases: Databases) -> Pair:
    both = Pair(databases.fresh("legacy", "sqlite"), databases.fresh("default", "sqlite", migrated=True))
    call_command("make_legacy_hospital", patients=30, seed=1, verbosity=0)
    return both


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


@pytest.fixture
def address(home: Path, hospital: Pair, log: Path) -> Iterator[str]:
    """A web server on this home that launches runs at once, without a daemon."""
    home.mkdir()
    (home / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        "nux: {enabled: false}\n"
        "run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}\n"
    )
    with web_server(hospital.environment(DAGSTER_HOME=str(home)), log) as address:
        yield address


def test_the_ui_can_repeat_a_run_of_this_process(address: str, home: Path, log: Path) -> None:
    registry = discover()
    first = materialize(registry.choose(["departments"]), registry, RunOptions(batch_size=7, rollback=False))
    assert first.succeeded

    answer = ask(address, REEXECUTE, params={"parentRunId": first.run_id, "strategy": "ALL_STEPS"})

    launched = answer["data"]["launchRunReexecution"]
    assert launched["__typename"] == "LaunchRunSuccess", answer
    with dg.DagsterInstance.from_config(str(home)) as instance:
        again = launched["run"]["runId"]
        wait_for(lambda: (found := instance.get_run_by_id(again)) is not None and found.is_finished, log)
        record = instance.get_run_by_id(again)
        assert record is not None
        assert record.status is dg.DagsterRunStatus.SUCCESS
        assert record.asset_selection == {dg.AssetKey("departments")}
    repeated = Run.objects.get(run_id=again)
    assert repeated.transformer == "departments"
    assert repeated.options["batch_size"] == 7
    assert repeated.options["rollback"] is False
    assert repeated.unchanged == first.transformers["departments"].counts.created > 0
