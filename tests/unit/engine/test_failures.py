"""What is said of an exception that ended a run, with the errors that real drivers raise."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connections, transaction

from etl_assets.engine.failures import is_lost_connection, is_row_at_fault, sentence
from etl_assets.exceptions import Interrupted, SourceError
from tests.databases import Database, Databases
from tests.legacy import execute, make_table
from tests.postgres import Server


def failure(work) -> BaseException:
    """The exception that some work raises."""
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError("nothing failed")


def test_our_own_errors_speak_for_themselves():
    assert sentence(SourceError("No table 'x'."), "default") == "No table 'x'."


def test_an_interruption_is_told_as_one():
    assert sentence(Interrupted(130), "default") == "The run was interrupted: run it again."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no\nsecond line."), "ValueError: no. Run again with --traceback to see where."),
        (MemoryError(), "MemoryError: MemoryError. Run again with --traceback to see where."),
        (ValueError(" \n "), "ValueError: ValueError. Run again with --traceback to see where."),
    ],
)
def test_an_error_that_nobody_foresaw_is_named_in_one_line(error: Exception, said: str):
    assert sentence(error, "default") == said


def test_a_connection_that_the_server_ended_is_lost(databases: Databases):
    database = databases.fresh("elsewhere", "postgresql")
    with connections["elsewhere"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    with psycopg.connect(database.url) as killer:
        killer.execute("SELECT pg_terminate_backend(%s)", [pid])

    error = failure(lambda: execute("SELECT 1", using="elsewhere"))

    assert isinstance(error, OperationalError)
    assert is_lost_connection(error)
    assert not is_row_at_fault(error)
    assert sentence(error, "elsewhere") == (
        "The connection to a database was lost (terminating connection due to administrator command): "
        "see that the server is up, then run again."
    )
    again = failure(lambda: execute("SELECT 1", using="elsewhere"))
    assert is_lost_connection(again)


def test_the_drivers_own_error_is_known_without_djangos_around_it(postgres_database: Database):
    with psycopg.connect(postgres_database.url) as victim, psycopg.connect(postgres_database.url) as killer:
        killer.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
        error = failure(lambda: victim.execute("SELECT 1"))
        victim.close()

    assert is_lost_connection(error)


def test_a_server_that_is_down_is_a_lost_connection(stoppable_postgres: Server, databases: Databases):
    databases.fresh("elsewhere", "postgresql")
    stoppable_postgres.stop()
    try:
        error = failure(lambda: execute("SELECT 1", using="elsewhere"))
    finally:
        stoppable_postgres.ensure_running()

    assert is_lost_connection(error)
    assert sentence(error, "elsewhere").endswith("): see that the server is up, then run again.")


@pytest.mark.parametrize("number", [2006, 2013])
def test_mysqls_numbers_for_a_server_that_is_gone_are_known(number: int):
    # No MySQL here: this is what Django makes of its driver's error.
    assert is_lost_connection(OperationalError(number, "MySQL server has gone away"))
    assert not is_lost_connection(OperationalError(1054, "Unknown column"))


def test_a_refused_statement_is_no_lost_connection(vendor, databases: Databases):
    databases.fresh("elsewhere", vendor)

    error = failure(lambda: execute("SELECT a FROM nowhere", using="elsewhere"))

    assert isinstance(error, (OperationalError, ProgrammingError))
    assert not is_lost_connection(error)
    assert not is_row_at_fault(error)
    assert sentence(error, "elsewhere").startswith("Database 'elsewhere' refuses the work: ")
    assert sentence(error, "elsewhere").endswith(" See the log with --log-level DEBUG.")
    assert "nowhere" in sentence(error, "elsewhere")


def test_a_locked_database_is_told_as_one(databases: Databases):
    database = databases.fresh("elsewhere", "sqlite", OPTIONS={"timeout": 0})
    make_table("t", {"x": "integer"}, [], using="elsewhere")
    with sqlite3.connect(database.name) as other:
        other.execute("BEGIN EXCLUSIVE")
        error = failure(lambda: execute("INSERT INTO t VALUES (1)", using="elsewhere"))
    other.close()

    assert not is_lost_connection(error)
    assert sentence(error, "elsewhere") == (
        "Database 'elsewhere' is locked by another process: wait until it has finished, then run again."
    )


@pytest.mark.parametrize(
    ("vendor", "statement"),
    [
        ("sqlite", "INSERT INTO t VALUES (NULL, 1)"),
        ("sqlite", "INSERT INTO t VALUES (1, 1), (1, 1)"),
        ("postgresql", "INSERT INTO t VALUES (NULL, 1)"),
        ("postgresql", "INSERT INTO t VALUES (1, 1), (1, 1)"),
        ("postgresql", "INSERT INTO t VALUES (1, 99999)"),
        ("postgresql", "DO $$ BEGIN RAISE EXCEPTION 'not on Sundays'; END $$"),
    ],
)
def test_a_row_that_is_refused_is_told_from_a_statement_that_is(vendor, statement: str, databases: Databases):
    databases.fresh("elsewhere", vendor)
    make_table("t", {"x": "integer NOT NULL UNIQUE", "y": "smallint"}, [], using="elsewhere")

    def insert() -> None:
        with transaction.atomic("elsewhere"):
            execute(statement, using="elsewhere")

    error = failure(insert)
    assert isinstance(error, DatabaseError)
    assert is_row_at_fault(error)
    assert not is_lost_connection(error)


def test_nothing_is_no_lost_connection(tmp_path: Path):
    assert not is_lost_connection(None)
    assert not is_lost_connection(failure(lambda: (tmp_path / "nowhere").read_text()))
