"""Each error of `etl` is one sentence on stderr, compared whole; the exit status is 1."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connections

from tests.commands import look
from tests.databases import Database, Databases, Pair, Vendor

ACTIONS = "analyze, duplicates, preview, estimate and checks"
COLUMNS = "dept_id, code, name, building, phone, email, opened, active"
HOSTILE = 'x"; drop table y; --'


def refused(*arguments: str | Path) -> str:
    """Run the command, see that it fails and prints nothing, and return its stderr."""
    ended = look(*arguments)
    assert (ended.status, ended.stdout) == (1, "")
    prefix, _, sentence = ended.stderr.partition(": ")
    assert prefix == "CommandError"
    return sentence.removesuffix("\n")


def test_no_action() -> None:
    assert refused("--table", "t") == f"No action was given: the actions are {ACTIONS}."


def test_an_unknown_action() -> None:
    assert refused("analyse", "--table", "t") == (
        f"There is no action 'analyse'. Did you mean 'analyze'? The actions are {ACTIONS}."
    )


@pytest.mark.parametrize("arguments", [(), ("--table", "")])
def test_no_table(arguments: tuple[str, ...]) -> None:
    assert refused("analyze", *arguments) == (
        "--table is missing: name the table or view to look at, such as --table legacy_patients."
    )


@pytest.mark.parametrize("option", ["--limit", "--batch-size"])
@pytest.mark.parametrize("value", ["0", "-3", "ten", "1.5", ""])
def test_a_number_below_1(option: str, value: str) -> None:
    assert refused("preview", "--table", "t", f"{option}={value}") == (
        f"{option} is {value!r}: give a whole number from 1 up."
    )


def test_an_unknown_format() -> None:
    assert refused("preview", "--table", "t", "--format", "xml") == "--format is 'xml': give table or json."


@pytest.mark.parametrize("flag", ["--fuzzy", "--ignore-case"])
def test_a_flag_of_another_action(flag: str) -> None:
    assert refused("analyze", "--table", "t", flag) == (
        f"{flag} is for duplicates, and analyze does not know it: leave it out."
    )


def test_columns_of_an_estimate() -> None:
    assert refused("estimate", "--table", "t", "--columns", "a") == (
        "estimate is about whole rows, and does not know --columns: leave it out."
    )


def test_an_unknown_suffix(tmp_path: Path) -> None:
    path = tmp_path / "found.xlsx"
    assert refused("analyze", "--table", "t", "--output", path) == (
        f"Output file {path} is of no known kind: let its name end in .json or .html."
    )


def test_a_file_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    path = tmp_path / "no" / "such" / "found.json"
    assert refused("analyze", "--table", "no_such_table", "--output", path) == (
        f"Output file {path} cannot be written: the folder {path.parent} does not exist. "
        "Choose another place with --output."
    )


def test_a_table_that_does_not_exist(hospital: Pair) -> None:
    assert refused("analyze", "--table", "legacy_patient") == (
        "None of 'default' and 'legacy' has a table or view 'legacy_patient'. "
        "Did you mean 'legacy_patients' in 'legacy'? Check --table and --database."
    )


def test_names_are_near_whatever_their_case(hospital: Pair) -> None:
    sentence = refused("analyze", "--table", "LEGACY_DEPARTMENT")
    assert "Did you mean 'legacy_departments' in 'legacy'?" in sentence
    line = ("analyze", "--table", "legacy_departments", "--columns", "EMIAL")
    assert "Did you mean 'email'?" in look(*line).stderr


def test_a_table_that_the_named_database_lacks(hospital: Pair) -> None:
    assert refused("analyze", "--table", "legacy_patient", "--database", "legacy") == (
        "Database 'legacy' has no table or view 'legacy_patient'. Did you mean 'legacy_patients'? "
        "Check --table and --database."
    )


def test_a_table_that_two_databases_have(hospital: Pair, databases: Databases) -> None:
    databases.connect("attic", hospital.source)
    assert refused("analyze", "--table", "legacy_patients") == (
        "Table 'legacy_patients' is in the databases 'legacy' and 'attic': "
        "say with --database which is meant."
    )


@pytest.mark.parametrize("action", ["analyze", "duplicates", "preview"])
def test_a_column_that_does_not_exist(hospital: Pair, action: str) -> None:
    line = [action, "--table", "legacy_departments", "--database", "legacy", "--columns", "name,emial"]
    assert refused(*line) == (
        "Table 'legacy_departments' in database 'legacy' has no column 'emial'. Did you mean 'email'? "
        f"Its columns are {COLUMNS}."
    )


def test_no_columns_where_they_are_needed(hospital: Pair) -> None:
    assert refused("duplicates", "--table", "legacy_departments", "--database", "legacy") == (
        "duplicates needs --columns: name those that make two rows the same, with commas between them. "
        f"The columns of 'legacy_departments' are {COLUMNS}."
    )


def test_columns_without_a_name() -> None:
    assert refused("duplicates", "--table", "t", "--columns", " , ") == (
        "--columns names no column: name one or more, with commas between them."
    )


def test_a_database_that_is_not_configured(hospital: Pair) -> None:
    assert refused("analyze", "--table", "legacy_patients", "--database", "legcy") == (
        "--database needs the database 'legcy', which is not configured: add it to DATABASES, or use one of "
        f"{', '.join(sorted(connections))}."
    )


def test_a_file_that_is_no_database(hospital: Pair, databases: Databases, tmp_path: Path) -> None:
    databases.connect("broken", Database.at(tmp_path / "gone.sqlite3"))
    assert refused("analyze", "--table", "t", "--database", "broken") == (
        f"Database 'broken' is the file {tmp_path}/gone.sqlite3, which does not exist: "
        "check its NAME in DATABASES."
    )


@pytest.fixture
def down(databases: Databases) -> str:
    """An alias of a server that is not there."""
    database = Database("postgresql", "postgresql://somebody:secret@127.0.0.1:1/old")
    databases.connect("down", database)
    return "down"


def test_a_server_that_is_down(down: str) -> None:
    sentence = refused("analyze", "--table", "t", "--database", down)
    assert sentence.startswith("Database 'down' cannot be reached (")
    assert sentence.endswith("): see that it is up and that DATABASES is right.")
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_a_server_that_is_down_does_not_keep_others_from_being_read(hospital: Pair, down: str) -> None:
    assert look("preview", "--table", "legacy_departments").status == 0
    assert look("preview", "--table", "auth_user").status == 0
    sentence = refused("preview", "--table", "nowhere")
    assert sentence.startswith("None of 'default' and 'legacy' has a table or view 'nowhere'.")
    assert "Database 'down' cannot be reached (" in sentence


def test_default_may_be_down(hospital: Pair, databases: Databases) -> None:
    databases.connect("default", Database("postgresql", "postgresql://somebody@127.0.0.1:1/new"))
    ended = look("duplicates", "--table", "legacy_departments", "--columns", "email")
    assert ended.status == 0
    assert ended.stderr == (
        "Reading 'legacy_departments' from 'legacy', the only database found to have it: "
        "--database names another.\n"
    )


@pytest.mark.parametrize("where", ["table", "columns", "there"])
def test_a_hostile_name_is_never_executed(databases: Databases, vendor: Vendor, where: str) -> None:
    databases.fresh("default", "sqlite", migrated=True)
    databases.fresh("legacy", vendor)
    quote = connections["legacy"].ops.quote_name
    hostile = '"' + HOSTILE.replace('"', '""') + '"'
    with connections["legacy"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE {quote('y')} (a integer)")
        cursor.execute("INSERT INTO y VALUES (1), (1)")
        if where == "there":
            cursor.execute(f"CREATE TABLE {hostile} ({hostile} integer)")
            cursor.execute(f"INSERT INTO {hostile} VALUES (7), (7), (8)")

    for action in ("analyze", "duplicates", "preview", "estimate"):
        columns = [] if action == "estimate" else ["--columns", "a" if where == "table" else HOSTILE]
        table = "y" if where == "columns" else HOSTILE
        if where == "columns" and action == "estimate":
            continue
        ended = look(action, "--table", table, "--database", "legacy", *columns)
        assert ended.status == (0 if where == "there" else 1), ended.stderr
        if where == "there" and action == "duplicates":
            assert '"group_count": 1' in ended.stdout
        if where != "there":
            assert HOSTILE in ended.stderr

    with connections["legacy"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM y")
        assert cursor.fetchone() == (2,)


def test_an_output_file_stays_whole_when_the_work_fails(hospital: Pair, tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    output.write_text("before")
    refused("analyze", "--table", "nowhere", "--output", output)
    assert output.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json"] == ["found.json"]
