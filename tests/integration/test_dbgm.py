"""MariaDB as target and as source. Its own notion of equal texts, its dirt, its counters that never roll back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from etl_assets import models as etl
from etl_assets.engine.targets.mysql import MysqlTarget
from tests.databases import Database, Databases
from tests.legacy import attempt, counts, dry_run, load, make_table, reasons, rejected, rows_of
from tests.mariadb import MariaDb, mariadb_server  # noqa: F401 - a fixture
from tests.targets import models
from tests.targets.mess import MESSES, make_legacy, mapped, outcome
from tests.targets.models import Country, Everything, Pairwise, Place, Plain, Ticket

OURS = (etl.Run, etl.Reject, etl.Checkpoint, etl.ClaimedKey)
WITHOUT = models.Node  # MariaDB knows no constraint that looks at a counted key


@pytest.fixture
def mariadb(mariadb_server: MariaDb, databases: Databases) -> Iterator[Any]:
    """Makes MariaDB databases and connects them; `tables=True` with the tables of etl_assets and of tests.targets."""
    made: list[Database] = []

    def make(alias: str, *, tables: bool = False, options: str = "CHARACTER SET utf8mb4") -> Database:
        database = mariadb_server.create(options=options)
        made.append(database)
        databases.connect(alias, database)
        if tables:
            with connections[alias].schema_editor() as editor:
                for model in (*OURS, *(one for one in vars(models).values() if _is_table(one) and one is not WITHOUT)):
                    editor.create_model(model)
        return database

    yield make
    for database in made:
        mariadb_server.drop(database)


def _is_table(value: Any) -> bool:
    return isinstance(value, type) and getattr(value, "__module__", "") == models.__name__ and hasattr(value, "_meta")


def test_does_what_sqlite_does(mariadb: Any, databases: Databases) -> None:
    """With a collation that tells all texts apart, the outcome is the same to the last reject."""
    databases.fresh("legacy", "sqlite")
    seen = []
    for vendor in ("sqlite", "mysql"):
        if vendor == "sqlite":
            databases.fresh("default", vendor, migrated=True)
        else:
            mariadb("default", tables=True, options="CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
        make_legacy(seed=5)
        first = outcome(without=WITHOUT, batch_size=20)
        again = outcome(without=WITHOUT, batch_size=20)
        make_legacy(seed=6)
        seen.append((first, again, outcome(without=WITHOUT, batch_size=20, rollback=False)))
    for found, expected in zip(seen[1], seen[0], strict=True):
        for name in expected:
            for f, e in zip(found[name], expected[name]):
                if f != e:
                    if isinstance(f, dict): print("DIFF", name, {k:(f.get(k),e.get(k)) for k in {*f,*e} if f.get(k)!=e.get(k)})
                    elif isinstance(f, list): print("DIFF", name, [a for a in f if a not in e], [a for a in e if a not in f])
                    else: print("DIFF", name, f, e)
