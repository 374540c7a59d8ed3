"""The brief's own `etl` lines, word for word, on the demo hospital; and what an `etl` line leaves behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.db import connections

from tests.commands import ROOT, look, manage
from tests.databases import Pair

SCHEMA = json.loads((ROOT / "docs" / "etl.schema.json").read_text(encoding="utf-8"))
FALLBACK = (
    "Reading 'legacy_patients' from 'legacy', the only database found to have it: --database names another.\n"
)

EXAMPLES = """
python manage.py etl analyze --table legacy_patients
python manage.py etl analyze --table legacy_patients --database legacy
python manage.py etl analyze --table legacy_patients --output analysis_report.json
python manage.py etl duplicates --table legacy_patients --columns email
python manage.py etl duplicates --table legacy_patients --columns "first_name,last_name,date_of_birth"
python manage.py etl duplicates --table legacy_patients --columns email --output duplicates.json
python manage.py etl preview --table legacy_patients --columns "first_name,last_name,email"
python manage.py etl preview --table legacy_patients --columns "first_name,last_name" --limit 5
python manage.py etl preview --table legacy_patients --columns email --database legacy --limit 20
python manage.py etl estimate --table legacy_patients
python manage.py etl estimate --table legacy_patients --batch-size 2000
python manage.py etl estimate --table legacy_patients --database legacy --batch-size 500
python manage.py etl analyze --table legacy_patients --output patient_analysis.json
python manage.py etl duplicates --table legacy_patients --columns "ssn" --output patient_duplicates.json
python manage.py etl preview --table legacy_patients --columns "first_name,last_name,date_of_birth" --limit 20
python manage.py etl estimate --table legacy_patients --batch-size 1000
""".strip().splitlines()


def check(action: str, result: Any) -> None:
    """See that a result is what the schema promises."""
    schema = {"$ref": f"#/$defs/{action}", "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(result)


def patients() -> list[dict[str, Any]]:
    with connections["legacy"].cursor() as cursor:
        cursor.execute("SELECT * FROM legacy_patients")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_of_the_brief_works_word_for_word(
    hospital: Pair, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = Path(hospital.source.name).read_bytes()
    _, _, _, action, *arguments = shlex.split(line)

    ended = look(action, *arguments)

    assert ended.status == 0
    assert ended.stderr == ("" if "--database" in arguments else FALLBACK)
    if "--output" in arguments:
        output = Path(arguments[arguments.index("--output") + 1])
        assert ended.stdout == f"Wrote {output}\n"
        check(action, json.loads(output.read_text(encoding="utf-8")))
    else:
        check(action, json.loads(ended.stdout))
    assert Path(hospital.source.name).read_bytes() == before


def test_the_workflow_of_the_brief_runs_in_a_shell(hospital: Pair, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    script = f"cd {shlex.quote(str(tmp_path))}\n" + "\n".join(
        line.replace("manage.py", str(ROOT / "manage.py")) for line in EXAMPLES[-4:]
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    ended = subprocess.run(
        ["sh", "-eu", "-c", script],
        env=hospital.environment(PATH=path, DJANGO_SETTINGS_MODULE="django_project.settings"),
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert (ended.returncode, ended.stderr) == (0, 4 * FALLBACK)
    check("analyze", json.loads((tmp_path / "patient_analysis.json").read_text(encoding="utf-8")))
    check("duplicates", json.loads((tmp_path / "patient_duplicates.json").read_text(encoding="utf-8")))


def test_the_numbers_are_those_of_a_plain_count(hospital: Pair) -> None:
    rows = patients()
    emails = Counter(row["email"] for row in rows if row["email"] is not None)
    twice = {email: count for email, count in emails.items() if count > 1}

    analysis = json.loads(look("analyze", "--table", "legacy_patients").stdout)
    found = json.loads(
        look("duplicates", "--table", "legacy_patients", "--columns", "email", "--limit", "3").stdout
    )

    assert analysis["row_count"] == len(rows)
    assert analysis["columns"]["email"]["null_count"] == sum(row["email"] is None for row in rows)
    assert analysis["columns"]["email"]["distinct_count"] == len(emails)
    assert analysis["quality_score"] == pytest.approx(sum(analysis["score_breakdown"].values()))
    assert found["group_count"] == len(twice)
    assert found["duplicate_count"] == sum(twice.values())
    assert found["surplus_count"] == sum(twice.values()) - len(twice)
    assert [group["count"] for group in found["groups"]] == sorted(twice.values(), reverse=True)[:3]


def test_nothing_found_is_written_too(hospital: Pair, tmp_path: Path) -> None:
    output = tmp_path / "none.json"
    arguments = ("--table", "legacy_departments", "--columns", "dept_id", "--output", output)

    assert look("duplicates", *arguments).status == 0

    found = json.loads(output.read_text(encoding="utf-8"))
    check("duplicates", found)
    assert (found["group_count"], found["groups"]) == (0, [])


def test_a_page_holds_no_address(hospital: Pair, tmp_path: Path) -> None:
    for action, *more in (
        ["analyze"], ["duplicates", "--columns", "email"], ["preview"], ["estimate"],
    ):  # fmt: skip
        output = tmp_path / f"{action}.html"

        assert look(action, "--table", "legacy_patients", *more, "--output", output).status == 0

        text = output.read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        assert not re.search(r"https?:|src=|<script|<link|@import|url\(", text)


def test_sensitive_values_are_masked_wherever_they_are_written(hospital: Pair, tmp_path: Path) -> None:
    secrets = {row["ssn"] for row in patients() if row["ssn"] and len(row["ssn"]) > 6}
    assert len(secrets) > 100
    for action, *more in (
        ["analyze"],
        ["duplicates", "--columns", "ssn"],
        ["duplicates", "--columns", "email", "--limit", "100"],
        ["preview", "--limit", "100"],
    ):  # fmt: skip
        output = tmp_path / f"{action}.html"
        line = [action, "--table", "legacy_patients", *more]
        printed = look(*line, "--format", "table", "--output", output).stdout
        for text in (printed, output.read_text(encoding="utf-8")):
            assert not {secret for secret in secrets if secret in text}, action

    shown = look("duplicates", "--table", "legacy_patients", "--columns", "ssn", "--show-sensitive").stdout
    assert any(secret in shown for secret in secrets)


def test_format_decides_what_is_printed(hospital: Pair, tmp_path: Path) -> None:
    line = ["duplicates", "--table", "legacy_patients", "--columns", "email", "--database", "legacy"]
    output = tmp_path / "found.json"

    table = look(*line, "--format", "table").stdout
    both = look(*line, "--format", "json", "--output", output).stdout

    assert table.splitlines()[0] == "legacy_patients  in legacy"
    assert json.loads(both) == json.loads(output.read_text(encoding="utf-8"))


def test_ignoring_case_finds_more(hospital: Pair) -> None:
    line = ["duplicates", "--table", "legacy_patients", "--columns", "last_name"]

    exact, folded = (json.loads(look(*line, *more).stdout) for more in ([], ["--ignore-case"]))

    def distinct(found: dict[str, Any]) -> int:
        return len(patients()) - found["surplus_count"] - found["null_rows"]

    names = [row["last_name"] for row in patients() if row["last_name"] is not None]
    assert distinct(exact) == len(set(names))
    assert distinct(folded) == len({" ".join(name.split()).casefold() for name in names})


def test_it_imports_neither_dagster_nor_pandas(hospital: Pair) -> None:
    program = (
        "import sys\nfrom django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'etl', 'analyze', '--table', 'legacy_patients'])\n"
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

    loaded = set(ended.stderr.splitlines()[-1].split())
    assert "etl_assets.analysis.profile" in loaded
    assert not loaded & {"dagster", "pandas", "sqlalchemy", "splink"}


def test_a_terminal_gets_a_table_and_a_pipe_gets_json(hospital: Pair) -> None:
    piped = manage(hospital, "etl", "duplicates", "--table", "legacy_patients", "--columns", "email")

    check("duplicates", json.loads(piped.stdout))
    assert piped.stderr == FALLBACK
