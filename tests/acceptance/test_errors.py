"""Each error is one sentence on stderr, compared whole; the exit status is 1 and nothing is written."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from etl_assets.models import Run
from tests.commands import Result, migrate
from tests.databases import Database, Databases, Pair

STRIPPED = "col('code').strip()"
KNOWN = "appointments, departments, patients"


def refused(hospital: Pair, *arguments: str | Path) -> str:
    """Run the command, see that it fails without a trace, and return its stderr."""
    before = Path(hospital.target.name).read_bytes()
    ended = migrate(*arguments)
    assert ended.status == 1
    assert Path(hospital.target.name).read_bytes() == before
    return ended.stderr


def test_an_unknown_name(hospital: Pair, tmp_path: Path):
    output = tmp_path / "report.json"
    sentence = f"No transformer is named 'patient'. Did you mean 'patients'? Known transformers: {KNOWN}."
    assert (
        refused(hospital, "--only", "departments,patient", "--output", output)
        == f"CommandError: {sentence}\n"
    )
    report = json.loads(output.read_text())
    assert report.pop("duration_seconds") >= 0
    assert report == {
        "run_id": "",
        "dry_run": False,
        "status": "failed",
        "total_records": 0,
        "transformers": {},
        "error": sentence,
    }


@pytest.mark.parametrize("names", ["", " , "])
def test_no_name(hospital: Pair, names: str):
    assert refused(hospital, "--only", names) == (
        f"CommandError: --only names no transformer: name one or more of {KNOWN}.\n"
    )


def test_no_transformers(hospital: Pair):
    assert refused(hospital, "--transformer-paths", "etl_assets.columns") == (
        "CommandError: No transformers discovered in etl_assets.columns: write them in transformers.py of an "
        "installed app, or name their modules with --transformer-paths.\n"
    )


def test_no_module_named(hospital: Pair):
    assert refused(hospital, "--transformer-paths", "") == (
        "CommandError: --transformer-paths names no module: write for example myapp.transformers.\n"
    )


def test_a_module_that_is_not_there(hospital: Pair):
    assert refused(hospital, "--transformer-paths", "myapp.transformers") == (
        "CommandError: Transformer module 'myapp.transformers' does not exist: check the spelling and "
        "PYTHONPATH.\n"
    )


def test_a_module_that_does_not_import(hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "broken_one.py").write_text("import etl_assets\n\nimport no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refused(hospital, "--transformer-paths", "broken_one") == (
        "CommandError: Transformer module 'broken_one' does not import: ModuleNotFoundError at "
        f"{tmp_path}/broken_one.py, line 3: No module named 'no_such_package'\n"
    )


def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, meta: str, body: str = "") -> str:
    """Write a module with one transformer of departments, and return its name."""
    (tmp_path / f"{name}.py").write_text(
        "from etl_assets import Transformer, col, const, key\n\n\n"
        "class Departments(Transformer):\n"
        "    class Meta:\n"
        "        model = 'hospital.Department'\n"
        f"        {meta}\n\n"
        "    legacy_id = key('dept_id')\n"
        f"    code = {body or STRIPPED}\n"
        "    name = col('name')\n"
        "    is_active = const(True)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def run_module(hospital: Pair, path: str, *arguments: str) -> Result:
    ended = migrate("--transformer-paths", path, *arguments)
    assert ended.status == 1
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM hospital_department")
        assert cursor.fetchone() == (0,)
    return ended


def test_a_missing_table(hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ended = run_module(hospital, module(tmp_path, monkeypatch, "no_table", "source = 'legacy_department'"))
    assert ended.stderr == (
        "CommandError: 'departments' failed: Database 'legacy' has no table or view 'legacy_department'. "
        "Did you mean 'legacy_departments'? Check Meta.source and Meta.database.\n"
    )
    assert "Running 'departments' transformer" in ended.stdout
    assert "Enhanced ETL migration complete in " in ended.stdout
    assert ": 0 successful, 1 failed\n" in ended.stdout


def test_a_missing_column(hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = module(tmp_path, monkeypatch, "no_column", "source = 'legacy_departments'", "col('cod')")
    ended = run_module(hospital, path)
    assert ended.stderr == (
        "CommandError: 'departments' failed: no_column.Departments reads column 'cod', which "
        "legacy_departments does not have. Did you mean 'code'? Its columns are dept_id, code, name, "
        "building, phone, email, opened, active.\n"
    )


def test_several_failures_are_a_sentence_each(databases: Databases, small_legacy: Database):
    legacy = databases.fresh("legacy", "sqlite")
    Pair(legacy, databases.fresh("default", "sqlite", migrated=True))
    ended = migrate("--only", "departments,patients")
    assert ended.status == 1
    assert ended.stderr == (
        "CommandError: 'departments' failed: Database 'legacy' has no table or view 'legacy_departments'. "
        "Check Meta.source and Meta.database.\n"
    )
    assert "Skipped 'patients': 'departments' has not been loaded, and 'patients' needs it.\n" in ended.stdout
    assert ": 0 successful, 1 failed, 1 skipped\n" in ended.stdout
    assert list(Run.objects.values_list("transformer", "status")) == [("departments", "failed")]


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_traceback_shows_where(
    hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: list[str]
):
    path = module(tmp_path, monkeypatch, "no_table_either", "source = 'nothing'")
    with pytest.raises(Exception, match=r"^'departments' failed: ") as caught:
        migrate("--transformer-paths", path, "--traceback", *dry)
    assert type(caught.value.__cause__).__name__ == "SourceError"


def test_a_legacy_database_that_is_not_configured(
    hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = module(tmp_path, monkeypatch, "no_alias", "source = 'legacy_departments'; database = 'old'")
    assert refused(hospital, "--transformer-paths", path) == (
        "CommandError: no_alias.Departments needs the database 'old', which is not configured: add it to "
        "DATABASES, or use one of default, legacy.\n"
    )


def test_a_transformer_that_does_not_fit_its_model(
    hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = module(tmp_path, monkeypatch, "no_field", "source = 'x'", "col('code')\n    colour = col('x')")
    stderr = refused(hospital, "--transformer-paths", path)
    assert stderr.startswith(
        "CommandError: no_field.Departments.colour is no field of hospital.Department. Its fields are id, "
    )
    assert stderr.count("\n") == 1


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """ETL_CONFIG, to be changed."""
    changed: dict[str, object] = copy.deepcopy(dict(settings.ETL_CONFIG))
    monkeypatch.setattr(settings, "ETL_CONFIG", changed)
    return changed


def test_a_required_database_that_is_not_configured(hospital: Pair, config: dict[str, object]):
    config["REQUIRED_DATABASES"] = ["legacy", "archive"]
    assert refused(hospital) == (
        "CommandError: ETL_CONFIG['REQUIRED_DATABASES'] needs the database 'archive', which is not "
        "configured: add it to DATABASES, or use one of default, legacy.\n"
    )


def test_wrong_settings_are_in_the_log_file_too(hospital: Pair, config: dict[str, object], tmp_path: Path):
    config["TRANSFORMATION"] = {"BATCH_SIZ": 5}
    sentence = "ETL_CONFIG['TRANSFORMATION'] has no key 'BATCH_SIZ'. Did you mean 'BATCH_SIZE'?"
    assert refused(hospital, "--log-file", tmp_path / "m.log") == f"CommandError: {sentence}\n"
    error, last = (tmp_path / "m.log").read_text().splitlines()
    assert error.endswith(f" - migration - ERROR - {sentence}")
    assert " - migration - INFO - Total time: " in last


@pytest.mark.parametrize(
    ("option", "what"), [("--log-file", "Log file"), ("--output", "Report"), ("--rejects", "Reject file")]
)
def test_files_that_cannot_be_written(hospital: Pair, tmp_path: Path, option: str, what: str):
    others = {"--log-file": "m.log", "--output": "report.json", "--rejects": "rejects.csv"}
    del others[option]
    folder = tmp_path / "files"
    folder.mkdir()
    given = [part for name, file in others.items() for part in (name, folder / file)]
    assert refused(hospital, option, folder, *given) == (
        f"CommandError: {what} {folder} cannot be written: it is a folder. "
        f"Choose another place with {option}.\n"
    )
    # Those that can be written tell why nothing was done.
    assert sorted(path.name for path in folder.iterdir()) == sorted(others.values())


def test_the_settings_log_file_cannot_be_written(hospital: Pair, config: dict[str, object]):
    config["LOGGING"] = {"FILE_PATH": "/no-such-folder-here/m.log"}
    assert refused(hospital) == (
        "CommandError: Log file /no-such-folder-here/m.log cannot be written: the folder "
        "/no-such-folder-here does not exist. Choose another place with --log-file.\n"
    )


@pytest.mark.parametrize("size", ["0", "-5"])
def test_a_batch_without_rows(hospital: Pair, size: str):
    assert refused(hospital, "--batch-size", size) == (
        f"CommandError: The batch size is {size}, and a batch needs a row: give a number from 1 up.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-size", "many"], "Argument --batch-size: invalid int value: 'many'"),
        (["--log-level", "LOUD"], "Argument --log-level: invalid choice: 'LOUD'"),
        (["--dryrun"], "Unrecognized arguments: --dryrun"),
    ],
)
def test_arguments_that_cannot_be_read(hospital: Pair, arguments: list[str], message: str):
    ended = migrate(*arguments)
    assert ended.status == 1
    assert ended.stderr.startswith(f"CommandError: {message}")
    assert ended.stderr.endswith(": see --help.\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_database_that_was_not_migrated(databases: Databases, small_legacy: Database, dry: list[str]):
    databases.connect("legacy", small_legacy)
    empty = databases.fresh("default", "sqlite")
    assert refused(Pair(small_legacy, empty), *dry) == (
        "CommandError: Database 'default' has no tables for runs and rejects: run manage.py migrate.\n"
    )


def test_a_target_table_that_is_missing(databases: Databases, small_legacy: Database):
    databases.connect("legacy", small_legacy)
    pair = Pair(small_legacy, databases.fresh("default", "sqlite"))
    call_command("migrate", "etl_assets", verbosity=0)
    assert refused(pair, "--only", "departments") == (
        "CommandError: Database 'default' has no table 'hospital_department' for hospital.Department: "
        "run manage.py migrate --database default.\n"
    )


def test_a_database_that_is_down(databases: Databases, small_legacy: Database, tmp_path: Path):
    databases.connect("legacy", small_legacy)
    databases.connect("default", Database("postgresql", "postgresql://nobody:x@127.0.0.1:1/nothing"))
    ended = migrate("--output", tmp_path / "report.json")
    assert ended.status == 1
    assert ended.stderr == (
        "CommandError: Database 'default' cannot be reached (connection failed: connection to server at "
        '"127.0.0.1", port 1 failed: Connection refused): see that it is up and that DATABASES is right.\n'
    )
    assert json.loads((tmp_path / "report.json").read_text())["status"] == "failed"
