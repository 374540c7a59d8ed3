"""Makes what a job starts from and what it has to end with. Kept in a folder, as it takes a while:

| file | |
|---|---|
| `legacy.sqlite3` | the legacy database; PostgreSQL's is filled from it |
| `<table>.copy` | the cleaned rows, as `COPY` reads them |
| `expected.json` | per table: how many rows there are to be, and the digest of their content |
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock

from django_project.hospital.legacy.chance import Row
from django_project.hospital.legacy.tables import Table

from .jobs import Job
from .outputs import Output

NULL = r"\N"
UNIT = "\x1f"
"""Between the values of a row whose digest is taken."""


@dataclass(frozen=True)
class Data:
    """A job's rows at one size."""

    job: Job
    rows: int
    bad: float
    folder: Path

    @property
    def legacy(self) -> Path:
        return self.folder / "legacy.sqlite3"

    @property
    def is_made(self) -> bool:
        return (self.folder / "expected.json").exists()

    @property
    def expected(self) -> dict[str, dict[str, Any]]:
        return json.loads((self.folder / "expected.json").read_text())

    def copy_file(self, table: str) -> Path:
        return self.folder / f"{table}.copy"


def data_of(job: Job, rows: int, bad: float, kept_in: Path) -> Data:
    """Return a job's rows, made where an earlier measurement has not left them."""
    folder = kept_in / f"{job.name}-{rows}-{bad:g}"
    data = Data(job, rows, bad, folder)
    with FileLock(folder.with_suffix(".lock")):  # another measurement may want the same rows
        if not data.is_made:
            half_made = folder.with_suffix(".half-made")
            shutil.rmtree(half_made, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            half_made.mkdir(parents=True)
            _make(Data(job, rows, bad, half_made))
            half_made.rename(folder)
    return data


def _make(data: Data) -> None:
    with sqlite3.connect(data.legacy) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table, rows in data.job.legacy(data.rows, data.bad):
            fill(connection, table, rows)
    with sqlite3.connect(data.legacy) as connection:
        found = {
            output.table: write_copy(data.copy_file(output.table), output)
            for output in data.job.expected(connection)
        }
    (data.folder / "expected.json").write_text(json.dumps(found, indent=2))


def ddl(table: Table) -> str:
    """The statement that makes a legacy table; both databases take it."""
    columns = ", ".join(f"{name} {sql_type}" for name, sql_type in table.columns.items())
    return f"CREATE TABLE {table.name} ({columns})"


def fill(connection: sqlite3.Connection, table: Table, rows: Iterable[Row]) -> None:
    connection.execute(ddl(table))
    statement = f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"
    values = iter(table.values(rows))
    while batch := list(islice(values, 10_000)):
        connection.executemany(statement, batch)


def write_copy(path: Path, output: Output) -> dict[str, Any]:
    """Write rows as `COPY` reads them; return their number and digest, in which a key drawn has no part."""
    first = 1 if output.columns[0] == "id" else 0
    digest = Digest()
    more = tuple(output.unchecked.values())
    with path.open("w", encoding="utf-8") as file:
        for row in output.rows:
            file.write("\t".join(map(copied, row + more)) + "\n")
            digest.add(row[first:])
    return {"columns": [*output.columns, *output.unchecked], **digest.as_dict()}


def copied(value: Any) -> str:
    """A value as the text format of `COPY` writes it."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    return str(value)


class Digest:
    """One hash over the hashes of all rows, in the order of their key. `check.py` has the same in SQL."""

    def __init__(self) -> None:
        self.rows = 0
        self._all = hashlib.md5(usedforsecurity=False)

    def add(self, row: Iterable[Any]) -> None:
        text = UNIT.join(map(plain_text, row))
        self._all.update(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().encode())
        self.rows += 1

    def add_all(self, rows: Iterator[tuple[Any, ...]]) -> Digest:
        for row in rows:
            self.add(row)
        return self

    def as_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "digest": self._all.hexdigest()}


def plain_text(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(int(value)) if isinstance(value, bool) else str(value)
