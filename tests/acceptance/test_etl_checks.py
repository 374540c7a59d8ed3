"""`etl checks` and what checks make of `migrate_legacy_data`: exit status, lines, files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.utils import timezone

from django_project.hospital.models import Department, Patient
from etl_assets.models import CheckResult, Run
from tests.commands import ROOT, look, migrate
from tests.databases import Pair
from tests.integration.checked import behind_the_back

SCHEMA = json.loads((ROOT / "docs" / "etl.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))


def report(*arguments: str | Path) -> dict[str, Any]:
    """The JSON that the command prints, held against the schema."""
    ended = look("checks", *arguments)
    assert (ended.status, ended.stderr) == (0, "")
    found = json.loads(ended.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def refused(*arguments: str | Path) -> str:
    ended = look("checks", *arguments)
    assert (ended.status, ended.stdout) == (1, "")
    return ended.stderr.removeprefix("CommandError: ").removesuffix("\n")


def make_run(run_id: str, **values: Any) -> Run:
    """A record as a run leaves it."""
    given = {"transformer": "patients", "status": "success", "started_at": timezone.now(), **values}
    return Run.objects.create(run_id=run_id, **given)


# What checks make of a migration


def orphans(hospital: Pair) -> int:
    """Load the hospital, then lose a department; return how many patients it had."""
    assert migrate("--log-level", "ERROR").status == 0
    busiest = max(Department.objects.all(), key=lambda one: Patient.objects.filter(department=one).count())
    lost = Patient.objects.filter(department=busiest).count()
    behind_the_back(f"DELETE FROM {Department._meta.db_table} WHERE id = {busiest.pk}")
    return lost


def test_an_error_makes_the_command_exit_1_and_skips_what_depends_on_it(
    hospital: Pair, tmp_path: Path
) -> None:
    lost = orphans(hospital)
    before = Patient.objects.count()
    output = tmp_path / "report.json"

    ended = migrate("--only", "patients,appointments", "--output", output)

    sentence = (
        f"Check 'no_orphans' failed: {lost} rows of 'patients' refer to a row that is not there "
        f"(department: {lost}): mend that, then run again."
    )
    assert ended.status == 1
    assert ended.stderr == f"CommandError: 'patients' failed: {sentence}\n"
    assert f"  error    no_orphans: {lost} rows of 'patients' refer" in ended.stdout
    written = json.loads(output.read_text(encoding="utf-8"))
    assert written["status"] == "failed"
    assert written["transformers"]["patients"]["status"] == "failed"
    assert written["transformers"]["patients"]["error"] == sentence
    assert written["transformers"]["appointments"]["status"] == "skipped"
    assert Patient.objects.count() == before
    told = report()
    assert told["status"] == "failed"
    (found,) = [one for one in told["transformers"]["patients"]["checks"] if one["name"] == "no_orphans"]
    assert (found["passed"], found["severity"], found["figures"]) == (False, "error", {"department": lost})
    assert len(found["samples"]) == min(lost, 5)


def test_a_dry_run_says_so_beforehand_and_keeps_nothing(hospital: Pair) -> None:
    orphans(hospital)
    kept = CheckResult.objects.count()

    dry = migrate("--dry-run", "--only", "patients")
    real = migrate("--only", "patients")

    assert (dry.status, dry.stderr) == (1, real.stderr)
    checks = [line for line in dry.stdout.splitlines() if re.match(r"Checks:|  (error|warning)  ", line)]
    assert checks == [
        line for line in real.stdout.splitlines() if re.match(r"Checks:|  (error|warning)  ", line)
    ]
    assert CheckResult.objects.filter(run__run_id=Run.objects.latest("pk").run_id).count() == len(
        report()["transformers"]["patients"]["checks"]
    )
    assert CheckResult.objects.exclude(run=Run.objects.latest("pk")).count() == kept


def test_a_warning_is_told_in_one_line_and_exits_0(hospital: Pair, tmp_path: Path) -> None:
    log = tmp_path / "migration.log"

    ended = migrate("--only", "departments,patients", "--log-file", log)

    run = Run.objects.get(transformer="patients")
    share = f"{run.rejected} of {run.read} rows were rejected ({100 * run.rejected / run.read:.2f}%)"
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stdout.count(f"  warning  rejected_share: {share}\n") == 1
    assert f"WARNING - warning  rejected_share: {share}\n" in log.read_text(encoding="utf-8")
    assert "Checks: 5 of 5 passed\n" in ended.stdout


# The report


def test_the_last_run_is_reported_with_all_of_its_checks(hospital: Pair) -> None:
    make_run("an-earlier-one")
    assert migrate().status == 0

    found = report()

    runs = Run.objects.exclude(run_id="an-earlier-one")
    assert found["run_id"] == runs[0].run_id
    assert list(found["transformers"]) == ["departments", "patients", "appointments"]
    kept = CheckResult.objects.filter(run__in=runs)
    assert found["passed"] == kept.filter(passed=True).count()
    assert found["warnings"] == kept.filter(passed=False, severity="warning").count() > 0
    assert (found["errors"], found["status"]) == (0, "warning")
    rules = [one for one in found["transformers"]["patients"]["checks"] if one["name"].startswith("rule_")]
    assert [one["name"] for one in rules] == ["rule_registered_after_birth", "rule_nhs_number_adds_up"]
    reasons = runs.get(transformer="patients").reject_reasons
    assert rules[0]["figures"]["offenders"] == reasons.get(":registered_after_birth", 0)


def test_a_run_is_found_by_its_id_or_the_beginning_of_it(hospital: Pair) -> None:
    make_run("aaaa-1")
    make_run("aabb-2")
    make_run("cccc-3")

    assert report("--run", "aaaa-1")["run_id"] == "aaaa-1"
    assert report("--run", "aab")["run_id"] == "aabb-2"
    assert refused("--run", "aa") == "--run 'aa' fits 2 runs: give one of aaaa-1, aabb-2 in full."


def test_an_unknown_run_is_refused_and_the_latest_are_named(hospital: Pair) -> None:
    for number in range(7):
        make_run(f"run-{number}")

    assert refused("--run", "nope") == (
        "No run is recorded as 'nope': give --run one of the latest, run-6, run-5, run-4, run-3, run-2, "
        "or leave it out."
    )


def test_without_a_run_it_says_what_to_do(hospital: Pair) -> None:
    assert refused() == "No run is recorded yet: run manage.py migrate_legacy_data first."
    assert refused("--run", "x") == (
        "No run is recorded as 'x': none is, so run manage.py migrate_legacy_data first."
    )


@pytest.mark.parametrize(
    ("status", "checks", "expected"),
    [
        ("success", [], "passed"),
        ("success", [(True, "error")], "passed"),
        ("success", [(True, "error"), (False, "warning")], "warning"),
        ("failed", [(False, "warning"), (False, "error")], "failed"),
        ("failed", [], "failed"),
        ("abandoned", [(True, "error")], "failed"),
        ("running", [(True, "error")], "passed"),
    ],
)
def test_the_status_is_the_worst_that_was_found(
    hospital: Pair, status: str, checks: list[tuple[bool, str]], expected: str
) -> None:
    run = make_run("one", status=status, error="It broke." if status == "failed" else "")
    for number, (passed, severity) in enumerate(checks):
        CheckResult.objects.create(
            run=run, name=f"check_{number}", passed=passed, severity=severity, blocking=True, description="x"
        )

    assert report()["status"] == expected


def test_it_is_written_as_json_as_a_page_and_as_a_table(hospital: Pair, tmp_path: Path) -> None:
    assert migrate("--only", "departments,patients").status == 0
    run = make_run("zzz", transformer="visits <b>", status="failed", error="No <i>luck</i>.")
    CheckResult.objects.create(
        run=run,
        name="rule_x",
        passed=False,
        severity="error",
        blocking=True,
        description="1 row: is <b>bad</b>",
        figures={"offenders": 1},
        samples=[{"legacy_key": "<script>alert(1)</script>\x1b[31m"}],
    )
    page, json_file = tmp_path / "checks.html", tmp_path / "checks.json"

    assert look("checks", "--output", page).stdout == f"Wrote {page}\n"
    assert look("checks", "--output", json_file).status == 0
    table = look("checks", "--format", "table").stdout

    assert json.loads(json_file.read_text(encoding="utf-8")) == report()
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert not re.search(r"https?:|src=|<script|<link|@import|url\(", text)
    assert "Run zzz" in text
    assert "&lt;b&gt;bad&lt;/b&gt;" in text
    assert "\x1b" not in text + table
    assert table.startswith("Run zzz")
    assert "error  rule_x  1 row: is <b>bad</b>" in table
    assert "No <i>luck</i>." in table


def test_its_errors_are_one_sentence(hospital: Pair, tmp_path: Path) -> None:
    make_run("one")
    known = "analyze, duplicates, preview and estimate"
    assert refused("--table", "t") == (f"--table is for {known}, and checks does not know it: leave it out.")
    assert refused("--columns", "a") == (
        "--columns is for analyze, duplicates and preview, and checks does not know it: leave it out."
    )
    assert refused("--fuzzy") == "--fuzzy is for duplicates, and checks does not know it: leave it out."
    assert refused("--output", tmp_path / "c.xlsx") == (
        f"Output file {tmp_path / 'c.xlsx'} is of no known kind: let its name end in .json or .html."
    )
    nowhere = tmp_path / "no" / "such" / "c.json"
    assert refused("--output", nowhere) == (
        f"Output file {nowhere} cannot be written: the folder {nowhere.parent} does not exist. "
        "Choose another place with --output."
    )
    ended = look("analyze", "--table", "legacy_patients", "--run", "one")
    assert ended.stderr == (
        "CommandError: --run is for checks, and analyze does not know it: leave it out.\n"
    )


def test_it_imports_neither_dagster_nor_arrow(hospital: Pair) -> None:
    make_run("one")
    program = (
        "import sys\nfrom django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'etl', 'checks'])\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=hospital.environment(DJANGO_SETTINGS_MODULE="django_project.settings"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(ended.stderr.split())
    assert "etl_assets.analysis.checks" in loaded
    assert not loaded & {"dagster", "pandas", "sqlalchemy", "pyarrow"}
