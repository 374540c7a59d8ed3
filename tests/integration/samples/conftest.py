"""The samples as legacy databases: files, and the same tables on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.databases import Database, Databases, Vendor, Workshop
from tests.samples.legacy import copy_to_postgres, execute, sample

MANAGERS = """
    CREATE VIEW "managers of departments" AS
    SELECT emp_no, d.dept_no, from_date, to_date
    FROM dept_manager m JOIN department d ON d.dept_no = m.dept_no
"""


@pytest.fixture(scope="session")
def employees_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The employees sample, with a view added. No test changes it."""
    path = sample("employees.sqlite3.gz", tmp_path_factory.mktemp("samples") / "employees.sqlite3")
    execute(path, MANAGERS)
    return path


@pytest.fixture(scope="session")
def chinook_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Chinook sample. No test changes it."""
    return sample("chinook.sqlite", tmp_path_factory.mktemp("samples") / "chinook.sqlite")


@pytest.fixture(scope="session")
def employees_on_postgres(employees_file: Path, workshop: Workshop) -> Database:
    """The same tables, view and rows on PostgreSQL."""
    database = workshop.empty("postgresql")
    copy_to_postgres(employees_file, database)
    with psycopg.connect(database.url) as connection:
        connection.execute(MANAGERS)
    return database


@pytest.fixture(scope="session")
def chinook_on_postgres(chinook_file: Path, workshop: Workshop) -> Database:
    """The same tables and rows on PostgreSQL."""
    database = workshop.empty("postgresql")
    copy_to_postgres(chinook_file, database)
    return database


Connect = Callable[[str, Vendor, Vendor], None]


@pytest.fixture
def connect(request: pytest.FixtureRequest, databases: Databases) -> Connect:
    """Connect a sample as `legacy` and a fresh migrated database as `default`."""

    def connect(name: str, source: Vendor, target: Vendor) -> None:
        if source == "sqlite":
            database = Database.at(request.getfixturevalue(f"{name}_file"))
        else:
            database = request.getfixturevalue(f"{name}_on_postgres")
        databases.connect("legacy", database)
        databases.fresh("default", target, migrated=True)

    return connect
