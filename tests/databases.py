"""Databases that tests make, connect to and throw away: real ones, with real commits."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.postgres import Server

Vendor = Literal["sqlite", "postgresql"]
VENDORS: tuple[Vendor, ...] = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Database:
    """A database that exists; connected to Django only while `connected(alias, database)` says so."""

    vendor: Vendor
    url: str

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite file at this path."""
        return cls("sqlite", f"sqlite:///{path.resolve()}")

    @property
    def settings(self) -> dict[str, Any]:
        """Its entry for Django's DATABASES."""
        return dict(dj_database_url.parse(self.url))

    @property
    def name(self) -> str:
        """The file's path, or the name on the server."""
        return unquote(urlsplit(self.url).path[1:])


@dataclass(frozen=True)
class Pair:
    """What the fixture `pair` gives: `legacy` (empty) and `default` (migrated), under these aliases."""

    source: Database
    target: Database

    @property
    def legacy(self) -> BaseDatabaseWrapper:
        """Django's connection to the source."""
        return connections["legacy"]

    @property
    def default(self) -> BaseDatabaseWrapper:
        """Django's connection to the target."""
        return connections["default"]

    def environment(self, **variables: str) -> dict[str, str]:
        """The environment of a process that shall use both, with either settings module.

        `subprocess.run([sys.executable, "manage.py", ...], env=pair.environment())`
        """
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": self.target.url,
            "LEGACY_DATABASE_URL": self.source.url,
            "ETL_TEST_DEFAULT_URL": self.target.url,
            "ETL_TEST_LEGACY_URL": self.source.url,
            **variables,
        }


class Workshop:
    """Makes databases of both vendors. A migrated one is a copy of a template that is made once.

    Args:
        folder: where SQLite files go.
        server: gives the PostgreSQL server, started when first asked for.
    """

    def __init__(self, folder: Path, server: Callable[[], Server]) -> None:
        self.folder = folder
        self.server = server
        self._templates: dict[Vendor, Database] = {}
        self._on_server: list[str] = []

    def empty(self, vendor: Vendor, folder: Path | None = None) -> Database:
        """A new database with nothing in it."""
        return self._make(vendor, folder)

    def migrated(self, vendor: Vendor, folder: Path | None = None) -> Database:
        """A new database with the tables of every installed app."""
        return self._make(vendor, folder, template=self._template(vendor))

    def drop(self, database: Database) -> None:
        """Remove it for good; whoever is still connected to it is thrown out."""
        if database.vendor == "sqlite":
            for suffix in ("", "-journal", "-wal", "-shm"):
                Path(database.name + suffix).unlink(missing_ok=True)
        else:
            self.server().drop_database(database.name)
            self._on_server.remove(database.name)

    def drop_all(self) -> None:
        """Remove what is left on the server; the files go with pytest's folder."""
        for name in tuple(self._on_server):
            self.server().drop_database(name)
            self._on_server.remove(name)

    def _make(self, vendor: Vendor, folder: Path | None, template: Database | None = None) -> Database:
        name = f"etl_test_{secrets.token_hex(6)}"
        if vendor == "postgresql":
            server = self.server()
            server.ensure_running()
            url = server.create_database(name, template.name if template else None)
            self._on_server.append(name)
            return Database(vendor, url)
        path = (folder or self.folder) / f"{name}.sqlite3"
        if template:
            shutil.copyfile(template.name, path)
        else:
            path.touch()
        return Database.at(path)

    def _template(self, vendor: Vendor) -> Database:
        if vendor not in self._templates:
            database = self.empty(vendor)
            with connected({DEFAULT_DB_ALIAS: database}):
                call_command("migrate", database=DEFAULT_DB_ALIAS, run_syncdb=True, verbosity=0)
            self._templates[vendor] = database
        return self._templates[vendor]


@contextmanager
def connected(databases: dict[str, Database], **settings: Any) -> Iterator[None]:
    """Point Django's aliases to these databases, and put back what was there before.

    An alias may be new. `settings` are added to each entry (`TIME_ZONE="Europe/Berlin"`).
    """
    before = {alias: _detach(alias) for alias in databases}
    try:
        for alias, database in databases.items():
            connections.settings[alias] = _complete(alias, {**database.settings, **settings})
        _forget_content_types()
        yield
    finally:
        for alias, (entry, connection) in before.items():
            _, ours = _detach(alias)
            if ours is not None:
                ours.close()
            if entry is not None:
                connections.settings[alias] = entry
            if connection is not None:
                connections[alias] = connection
        _forget_content_types()


class Databases:
    """Fresh databases under Django's aliases until the test ends."""

    def __init__(self, workshop: Workshop, folder: Path, stack: ExitStack) -> None:
        self._workshop = workshop
        self._folder = folder
        self._stack = stack

    def fresh(self, alias: str, vendor: Vendor, *, migrated: bool = False, **settings: object) -> Database:
        """Make a database and connect it to the alias, which may be a new one.

        Args:
            alias: Django's name for it; what had that name comes back after the test.
            vendor: "sqlite" or "postgresql".
            migrated: with the tables of every installed app; otherwise it is empty.
            **settings: more for its entry in DATABASES, such as TIME_ZONE.
        """
        make = self._workshop.migrated if migrated else self._workshop.empty
        database = make(vendor, self._folder)
        self._stack.callback(self._workshop.drop, database)
        return self.connect(alias, database, **settings)

    def connect(self, alias: str, database: Database, **settings: object) -> Database:
        """Connect a database that exists to the alias."""
        self._stack.enter_context(connected({alias: database}, **settings))
        return database


def _detach(alias: str) -> tuple[dict[str, Any] | None, BaseDatabaseWrapper | None]:
    """Take an alias's settings and this thread's connection away from Django, without closing it.

    A connection to a database in memory is the database: closing it would lose the data.
    """
    opened = {connection.alias: connection for connection in connections.all(initialized_only=True)}
    if alias in opened:
        del connections[alias]
    return connections.settings.pop(alias, None), opened.get(alias)


def _complete(alias: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with Django's defaults filled in."""
    # Django insists on an alias "default" in what it completes.
    return connections.configure_settings({DEFAULT_DB_ALIAS: {}, alias: entry})[alias]


def _forget_content_types() -> None:
    # Their ids are cached by alias, and differ from one database to the next.
    ContentType.objects.clear_cache()
