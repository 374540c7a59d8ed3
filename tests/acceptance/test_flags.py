"""Each flag does what it says, seen from outside: databases, files and stdout."""

from __future__ import annotations

import copy
import csv
import io
import json
import logging
import re
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from django_project.hospital.models import Appointment, Department, Patient
from etl_assets.models import Reject, Run
from tests.commands import manage, migrate
from tests.databases import Pair

COUNTS = ("read", "created", "updated", "unchanged", "rejected", "skipped", "warnings")


def legacy_rows(hospital: Pair, table: str) -> int:
    with sqlite3.connect(hospital.source.name) as legacy:
        return legacy.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def test_a_dry_run_changes_no_byte_and_tells_what_the_real_run_does(hospital: Pair, tmp_path: Path):
    before = Path(hospital.target.name).read_bytes()
    files = [tmp_path / name for name in ("dry.json", "dry.csv", "real.json", "real.csv")]
    dry = migrate("--dry-run", "--output", files[0], "--rejects", files[1])
    assert dry.status == 0
    assert Path(hospital.target.name).read_bytes() == before
    real = migrate("--output", files[2], "--rejects", files[3])
    assert (real.status, real.stderr, dry.stderr) == (0, "", "")

    of_dry, of_real = json.loads(files[0].read_text()), json.loads(files[2].read_text())
    assert (of_dry["dry_run"], of_real["dry_run"]) == (True, False)
    for name, one in of_real["transformers"].items():
        other = of_dry["transformers"][name]
        assert {key: one[key] for key in COUNTS} == {key: other[key] for key in COUNTS}
        assert one["reject_reasons"] == other["reject_reasons"]
    assert files[1].read_text() == files[3].read_text()
    assert dry.stdout.startswith("Dry run: ")
    assert "Dry run: nothing was written.\n" in dry.stdout
    assert "Dry run" not in real.stdout


def test_the_report_and_the_rejects_are_those_in_the_databases(hospital: Pair, tmp_path: Path):
    output, rejects = tmp_path / "report.json", tmp_path / "rejects.csv"
    assert migrate("--output", output, "--rejects", rejects).status == 0

    report = json.loads(output.read_text())
    assert set(report) >= {"run_id", "dry_run", "status", "duration_seconds", "total_records", "transformers"}
    assert report["status"] == "success"
    assert report["run_id"] == Run.objects.values_list("run_id", flat=True).distinct().get()
    assert list(report["transformers"]) == ["departments", "patients", "appointments"]
    models: dict[str, Any] = {"departments": Department, "patients": Patient, "appointments": Appointment}
    for name, one in report["transformers"].items():
        assert {*COUNTS, "status", "duration_seconds", "rows_per_second", "stages", "error"} < set(one)
        assert set(one["stages"]) == {
            "data_extraction", "data_transformation", "data_validation", "bulk_create",
        }  # fmt: skip
        assert one["read"] == legacy_rows(hospital, f"legacy_{name}")
        assert one["created"] == models[name].objects.count()
        assert one["read"] == one["created"] + one["rejected"] + one["skipped"]
        assert sum(one["reject_reasons"].values()) == one["rejected"]
    assert report["total_records"] == sum(one["read"] for one in report["transformers"].values())

    with rejects.open(newline="", encoding="utf-8") as file:
        written = [
            (row["transformer"], row["legacy_key"], row["field"], row["code"]) for row in csv.DictReader(file)
        ]
    kept = Reject.objects.values_list("transformer", "legacy_key", "field", "code")
    assert sorted(written) == sorted(kept)
    assert written


def test_rejects_are_a_header_alone_where_there_are_none(hospital: Pair, tmp_path: Path):
    path = tmp_path / "rejects.csv"
    path.write_text("an older file\n" * 9)
    assert migrate("--only", "departments", "--rejects", path).status == 0
    assert path.read_text() == "transformer,legacy_key,field,code,reason,raw\n"


def test_only_runs_these_in_their_order(hospital: Pair):
    ended = migrate("--only", "patients, departments")
    assert re.findall(r"^Running '(\w+)'", ended.stdout, re.MULTILINE) == ["departments", "patients"]
    assert not Appointment.objects.exists()
    assert ": 2 successful, 0 failed\n" in ended.stdout

    again = migrate("--only", "appointments")
    assert re.findall(r"^Running '(\w+)'", again.stdout, re.MULTILINE) == ["appointments"]
    assert Appointment.objects.exists()


def test_batch_size_is_the_batches_size(hospital: Pair):
    ended = migrate(
        "--dry-run", "--only", "departments,patients", "--batch-size", "70", "--log-level", "DEBUG"
    )
    rows = legacy_rows(hospital, "legacy_patients")
    found = re.findall(r"PatientTransformer - DEBUG - Processing batch \d+ \((\d+) records\)", ended.stdout)
    assert [int(size) for size in found] == [70] * (rows // 70 - 1) + ([rows % 70] if rows % 70 else [])
    assert f" avg ({-(-rows // 70)} times)\n" in ended.stdout


def test_without_validation_rules_warn_and_what_cannot_be_stored_is_rejected(hospital: Pair, tmp_path: Path):
    counts = {}
    for flag in ("--enable-validation", "--no-enable-validation"):
        migrate("--dry-run", flag, "--output", tmp_path / "report.json")
        report = json.loads((tmp_path / "report.json").read_text())
        counts[flag] = report["transformers"]["patients"]
    strict, loose = counts["--enable-validation"], counts["--no-enable-validation"]
    assert 0 < loose["rejected"] < strict["rejected"]
    assert loose["warnings"] > strict["warnings"]


def test_validation_can_be_turned_on_where_the_settings_turn_it_off(
    hospital: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    config: dict[str, Any] = copy.deepcopy(dict(settings.ETL_CONFIG))
    config["TRANSFORMATION"]["ENABLE_VALIDATION"] = False
    monkeypatch.setattr(settings, "ETL_CONFIG", config)
    rejected = []
    for flags in ([], ["--no-enable-validation"], ["--enable-validation"]):
        migrate("--dry-run", *flags, "--output", tmp_path / "report.json")
        report = json.loads((tmp_path / "report.json").read_text())
        rejected.append(report["transformers"]["patients"]["rejected"])
    assert rejected[0] == rejected[1] < rejected[2]


def test_options_are_recorded_with_the_run(hospital: Pair):
    migrate("--only", "departments")
    migrate(
        "--only",
        "departments",
        "--no-enable-rollback",
        "--batch-size",
        "7",
        "--full",
        "--no-enable-validation",
    )
    first, second = Run.objects.order_by("pk").values_list("options", flat=True)
    assert (first["rollback"], first["batch_size"], first["full"], first["validation"]) == (
        True,
        None,
        False,
        None,
    )
    assert (second["rollback"], second["batch_size"], second["full"], second["validation"]) == (
        False, 7, True, False,
    )  # fmt: skip


def test_paths_replace_discovery(hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "of_my_own.py").write_text(
        "from django_project.hospital import transformers\n\n\n"
        "class Departments(transformers.DepartmentTransformer):\n"
        "    class Meta(transformers.DepartmentTransformer.Meta):\n"
        "        name = 'my_departments'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    ended = migrate("--transformer-paths", "of_my_own")
    assert ended.status == 0
    assert re.findall(r"^Running '(\w+)'", ended.stdout, re.MULTILINE) == ["my_departments"]
    assert "the Dagster UI cannot re-execute it" in ended.stdout


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_the_log_file_ends_in_the_duration_at_every_level(hospital: Pair, tmp_path: Path, level: str):
    log = tmp_path / "m.log"
    log.write_text("what was there before\n")
    ended = migrate("--log-level", level.lower(), "--log-file", log, "--only", "departments,patients")

    duration = re.search(r"^Enhanced ETL migration complete in ([\d.]+s): 2 ", ended.stdout, re.MULTILINE)
    assert duration
    found = subprocess.run(f"tail -1 {log} | grep -o '[0-9.]*s'", shell=True, capture_output=True, text=True)
    assert found.stdout == f"{duration[1]}\n"
    text = log.read_text()
    assert text.startswith("what was there before\n")
    expected = {"DEBUG": "IWED", "INFO": "IWE", "WARNING": "WE", "ERROR": "E"}[level]
    levels = set(re.findall(r" - migration[.\w]* - ([A-Z])[A-Z]+ - (?!Total time)", text))
    assert levels <= set(expected)
    assert (len(text.splitlines()) > 3) == (level in ("DEBUG", "INFO", "WARNING"))
    assert text.count("Extracting data from legacy_patients") == (level in ("DEBUG", "INFO"))


def test_log_settings_hold_where_no_flag_does(
    hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = {
        "LEVEL": "WARNING",
        "FILE_PATH": str(tmp_path / "s.log"),
        "MAX_FILE_SIZE_MB": 0.001,
        "BACKUP_COUNT": 3,
    }
    monkeypatch.setattr(settings, "ETL_CONFIG", {**settings.ETL_CONFIG, "LOGGING": log})
    ended = migrate("--dry-run", "--only", "departments")
    assert " - INFO - " not in ended.stdout
    assert (tmp_path / "s.log").read_text().count("\n") == 1

    migrate("--dry-run", "--log-level", "DEBUG", "--batch-size", "20")
    assert sorted(path.name for path in tmp_path.glob("s.log*")) == ["s.log", "s.log.1", "s.log.2", "s.log.3"]
    assert " - Total time: " in (tmp_path / "s.log").read_text()


def test_call_command_catches_everything_and_leaves_no_handlers(
    hospital: Pair, capsys: pytest.CaptureFixture[str]
):
    root = list(logging.getLogger().handlers)
    for _ in range(2):
        out = io.StringIO()
        call_command("migrate_legacy_data", only="departments", enable_rollback=False, stdout=out)
        for line in ("Extracting data from legacy_departments", "Running 'departments'", "Total records"):
            assert out.getvalue().count(line) == 1
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("migration").handlers == []
    assert logging.getLogger().handlers == root


def test_a_failure_skips_what_depends_on_it_and_exits_with_1(
    hospital: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config: dict[str, Any] = dict(settings.ETL_CONFIG)
    run = {**config["TRANSFORMATION"], "MAX_REJECTED": 0}
    monkeypatch.setattr(settings, "ETL_CONFIG", {**config, "TRANSFORMATION": run})
    ended = migrate("--output", tmp_path / "report.json", "--rejects", tmp_path / "rejects.csv")

    assert ended.status == 1
    assert re.fullmatch(
        r"CommandError: 'patients' failed: \d+ of 300 rows were rejected and MAX_REJECTED is 0: "
        r"mend the source or the transformer, then run again\.\n",
        ended.stderr,
    )
    report = json.loads((tmp_path / "report.json").read_text())
    states = {name: one["status"] for name, one in report["transformers"].items()}
    assert states == {"departments": "success", "patients": "failed", "appointments": "skipped"}
    assert report["status"] == "failed"
    assert Department.objects.exists()
    assert not Patient.objects.exists()
    rejected = report["transformers"]["patients"]["rejected"]
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == rejected + 1
    assert "; nothing of it was kept\n" in ended.stdout


def test_an_encoding_without_all_letters_ends_nothing(hospital: Pair):
    ended = manage(
        hospital, "migrate_legacy_data", "--dry-run", LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii"
    )
    assert (ended.status, ended.stderr) == (0, "")
    assert "\nRecommendations for 'patients':\n" in ended.stdout


def test_what_is_not_needed_is_not_imported(hospital: Pair):
    script = (
        "import sys\n"
        "from django.core.management import execute_from_command_line as run\n"
        "def run_and_look(names, *arguments):\n"
        "    try: run(['manage.py', *arguments])\n"
        "    except SystemExit as end: assert not end.code, end.code\n"
        "    found = [name for name in names.split() if name in sys.modules]\n"
        "    assert not found, (arguments, found)\n"
        "run_and_look('pandas dagster rich', 'help')\n"
        "run_and_look('pandas dagster rich pyarrow', 'help', 'migrate_legacy_data')\n"
        "run_and_look('pandas dagster', 'check')\n"
        "run_and_look('dagster rich', 'migrate_legacy_data', '--dry-run', '--only', 'departments')\n"
    )
    ended = manage(hospital, "shell", "--no-startup", "--no-imports", "-c", script)
    assert (ended.status, ended.stderr) == (0, "")
    assert "Dry run: nothing was written.\n" in ended.stdout
