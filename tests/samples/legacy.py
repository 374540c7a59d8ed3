"""The sample files: found, unpacked, copied to PostgreSQL."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.databases import Database

FOLDER = "ETL_SAMPLE_DATA"
BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "data"
POSTGRES_TYPES = {"NVARCHAR": "varchar", "DATETIME": "timestamp"}


def sample(name: str, path: Path) -> Path:
    """Put a copy of the sample at this path, unpacked; skip the test where the samples are not."""
    found = Path(os.environ.get(FOLDER) or BESIDE_THE_PROJECT) / name
    if not found.is_file():
        pytest.skip(f"the sample {name} is neither in the folder that {FOLDER} names nor in ../shared/data")
    if found.suffix == ".gz":
        with gzip.open(found) as packed, path.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    else:
        shutil.copyfile(found, path)
    return path


def rows_of(path: Path, statement: str) -> list[tuple]:
    """Read a SQLite file the plain way."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


def execute(path: Path, script: str) -> None:
    """Change a SQLite file."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def copy_to_postgres(path: Path, database: Database) -> None:
    """Make the same tables, with the same primary keys and rows, in an empty PostgreSQL database."""
    tables = rows_of(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    with psycopg.connect(database.url) as connection:
        for (table,) in tables:
            name = sql.Identifier(table)
            columns = rows_of(path, f"SELECT name, type, pk FROM pragma_table_info('{table}')")
            keys = sorted((place, column) for column, _, place in columns if place)
            parts = [sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(_postgres(t))) for c, t, _ in columns]
            primary = sql.SQL(", ").join(sql.Identifier(column) for _, column in keys)
            parts.append(sql.SQL("PRIMARY KEY ({})").format(primary))
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(parts)))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
                for row in rows_of(path, f'SELECT * FROM "{table}"'):
                    copy.write_row(row)


def _postgres(declared: str) -> str:
    name, bracket, length = declared.partition("(")
    return POSTGRES_TYPES.get(name, name) + bracket + length
