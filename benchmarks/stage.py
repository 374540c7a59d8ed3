"""Sets the stage for each run: a legacy database, and a target just as the situation wants it.

A target is made once for each situation and copied for every run, so that no contender works on what
another has left. The PostgreSQL server is started when it is first needed.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import psutil
import psycopg

from .jobs import Job
from .make import Data
from .server import DurableServer

ROOT = Path(__file__).resolve().parent.parent

Vendor = Literal["sqlite", "postgresql"]
Situation = Literal["empty", "changed", "unchanged"]

CHANGE = "UPDATE {} SET email = 'before@example.org' WHERE legacy_id % 2 = 0"
"""What `changed` is: every row is there, and every second one has another e-mail."""


class StageError(Exception):
    """The stage could not be set; nothing was measured."""


@dataclass(frozen=True)
class Place:
    """Where a contender works."""

    data: Data
    source: str
    """URL of the legacy database."""
    target: str
    vendors: tuple[Vendor, Vendor]
    situation: Situation
    folder: Path
    """For the contender's own files, such as Dagster's home."""
    programs: Path | None = None
    """Where psql is, if PostgreSQL takes part."""
    batch_size: int | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            **environment(self.data.job, self.source, self.target),
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "BENCH_SITUATION": self.situation,
            **({"BENCH_BATCH_SIZE": str(self.batch_size)} if self.batch_size else {}),
        }


def environment(job: Job, source: str, target: str) -> dict[str, str]:
    # Without compiled files each process would compile pandas anew.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        **job.environment,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "LEGACY_DATABASE_URL": source,
        "DATABASE_URL": target,
    }


class Stage:
    """Databases for as long as the measurement takes.

    Args:
        kept: a folder for what is worth keeping until next time.
    """

    def __init__(self, kept: Path) -> None:
        kept.mkdir(parents=True, exist_ok=True)
        self.kept = kept
        remove_abandoned(kept)
        self._folder = tempfile.TemporaryDirectory(dir=kept, prefix=f"run-{os.getpid()}-")
        self.folder = Path(self._folder.name)
        self._server: DurableServer | None = None
        self._made: dict[tuple[Any, ...], str] = {}
        self._numbers = iter(range(1_000_000))

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.remove()
        self._folder.cleanup()

    @property
    def server(self) -> DurableServer:
        if self._server is None:
            self._server = DurableServer.start()
        return self._server

    @property
    def server_pid(self) -> int | None:
        return self._server.pid if self._server is not None else None

    def source(self, data: Data, vendor: Vendor) -> str:
        """URL of the legacy database, made when it is first asked for."""
        if vendor == "sqlite":
            return f"sqlite:///{data.legacy.resolve()}"
        wanted = ("source", data.folder)
        if wanted not in self._made:
            url = self.server.create_database(self._new_name("legacy"))
            fill_from_sqlite(url, data.legacy)
            self._made[wanted] = url
        return self._made[wanted]

    @contextmanager
    def target(self, data: Data, vendor: Vendor, situation: Situation) -> Iterator[str]:
        """URL of a target in this situation, for one run."""
        url = self._copy(self._template(data, vendor, situation), vendor)
        self._come_to_rest(vendor)
        try:
            yield url
        finally:
            self._drop(url, vendor)

    def place(
        self,
        data: Data,
        pair: tuple[Vendor, Vendor],
        situation: Situation,
        target: str,
        batch_size: int | None = None,
    ) -> Place:
        programs = self.server.programs if "postgresql" in pair else None
        source = self.source(data, pair[0])
        return Place(data, source, target, pair, situation, self.folder, programs, batch_size)

    def check(self, data: Data, target: str) -> str | None:
        """Say what is wrong with the content of a target; None where every row is right."""
        command = [sys.executable, "-m", "benchmarks.check", *data.job.models]
        found = json.loads(run(command, environment(data.job, "sqlite://:memory:", target)))
        for table, expected in data.expected.items():
            rows, wanted = found[table]["rows"], expected["rows"]
            if rows != wanted:
                return f"{table} has {rows:,} rows, and {wanted:,} are right"
            if expected["digest"] not in (None, found[table]["digest"]):
                return f"{table} has {rows:,} rows, as it should, but not the right values"
        return None

    def _template(self, data: Data, vendor: Vendor, situation: Situation) -> str:
        wanted = (situation, vendor, data.job.name, data.folder if situation != "empty" else None)
        if wanted not in self._made:
            self._made[wanted] = getattr(self, f"_make_{situation}")(data, vendor)
            self._tidy(self._made[wanted], vendor)
        return self._made[wanted]

    def _make_empty(self, data: Data, vendor: Vendor) -> str:
        url = self._new(vendor)
        manage = [sys.executable, "manage.py", "migrate", "--run-syncdb", "--verbosity", "0"]
        run(manage, environment(data.job, "sqlite://:memory:", url))
        return url

    def _make_unchanged(self, data: Data, vendor: Vendor) -> str:
        """Loaded by the product itself, so that a re-run of it also meets the rejects that it recorded."""
        url = self._copy(self._template(data, vendor, "empty"), vendor)
        engine = [sys.executable, "-m", "benchmarks.contenders.engine"]
        run(engine, environment(data.job, self.source(data, vendor), url))
        if wrong := self.check(data, url):
            raise StageError(f"The target to start from is not right: {wrong}.")
        return url

    def _make_changed(self, data: Data, vendor: Vendor) -> str:
        table = list(data.expected)[-1]
        if not {"legacy_id", "email"} <= set(data.expected[table]["columns"]):
            raise StageError(f"Nothing is defined as changed for the job {data.job.name!r}: choose another.")
        url = self._copy(self._template(data, vendor, "unchanged"), vendor)
        self._execute(url, vendor, CHANGE.format(table))
        return url

    def _new_name(self, what: str) -> str:
        return f"{what}_{next(self._numbers)}"

    def _new(self, vendor: Vendor, template: str | None = None) -> str:
        if vendor == "postgresql":
            return self.server.create_database(self._new_name("target"), template)
        return f"sqlite:///{self.folder / self._new_name('target')}.sqlite3"

    def _copy(self, url: str, vendor: Vendor) -> str:
        if vendor == "postgresql":
            return self._new(vendor, url.rpartition("/")[2])
        copy = self._new(vendor)
        shutil.copyfile(path_of(url), path_of(copy))
        return copy

    def _drop(self, url: str, vendor: Vendor) -> None:
        if vendor == "postgresql":
            self.server.drop_database(url.rpartition("/")[2])
        else:
            for path in self.folder.glob(f"{path_of(url).name}*"):
                path.unlink()

    def _execute(self, url: str, vendor: Vendor, statement: str) -> None:
        if vendor == "postgresql":
            with psycopg.connect(url, autocommit=True) as server:
                server.execute(statement.encode())
        else:
            with sqlite3.connect(path_of(url)) as file:
                file.execute(statement)

    def _tidy(self, url: str, vendor: Vendor) -> None:
        """No dead rows, and statistics that are true: a template is to be as good as new."""
        self._execute(url, vendor, "VACUUM (FULL, ANALYZE)" if vendor == "postgresql" else "VACUUM")

    def _come_to_rest(self, vendor: Vendor) -> None:
        """Write out what was prepared, so that no contender pays for it."""
        if self._server is not None:
            self._execute(self.server.url(), "postgresql", "CHECKPOINT")
        os.sync()


def remove_abandoned(kept: Path) -> None:
    """Remove the targets of measurements that were killed."""
    for folder in kept.glob("run-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[1])):
            shutil.rmtree(folder, ignore_errors=True)


def path_of(url: str) -> Path:
    """The file of an SQLite URL."""
    return Path(url.removeprefix("sqlite:///"))


def run(command: list[str], variables: dict[str, str]) -> str:
    """Run a step of the preparation to its end; return what it printed.

    Raises:
        StageError: it failed.
    """
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StageError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def fill_from_sqlite(url: str, file: Path) -> None:
    """Copy the legacy tables, with the types and keys they were declared with."""
    with sqlite3.connect(file) as source, psycopg.connect(url, autocommit=True) as server:
        tables = source.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for name, statement in tables:
            server.execute(statement)
            with server.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for row in source.execute(f"SELECT * FROM {name}"):
                    copy.write_row(row)
        server.execute("VACUUM ANALYZE")
