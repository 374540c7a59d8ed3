"""The test house: PostgreSQL and SQLite databases, real ones, made in milliseconds.

| fixture | gives |
|---|---|
| `pair` | fresh `legacy` and migrated `default`; runs the test once for each of the four pairs of vendors |
| `vendor` | "sqlite", then "postgresql": for a test that needs one database of each |
| `databases` | makes a database of a vendor and connects it to an alias, as many as one likes |
| `postgres_database` | one fresh, empty PostgreSQL database |
| `postgres_server` | the server itself: make and drop databases, stop it, kill it, restart it |

A test that uses them needs no `django_db` mark and must not have one: its commits are real, and what it
made is dropped afterwards. Unit tests of a few rows are quicker with the mark, on SQLite in memory.

For some pairs only:

    @pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)

The server is that of tests/postgres.py, or the one that ETL_TEST_PG_URL names; tests that stop or kill it
are skipped there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.databases import VENDORS, Database, Databases, Pair, Vendor, Workshop
from tests.postgres import NamedServer, Server, running_server

PG_URL = "ETL_TEST_PG_URL"


@pytest.fixture(scope="session")
def _server() -> Iterator[Callable[[], Server]]:
    with running_server(os.environ.get(PG_URL)) as get:
        yield get


@pytest.fixture(scope="session")
def workshop(_server: Callable[[], Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Makes and drops databases, for fixtures that live longer than a test.

    These use Django under `django_db_blocker.unblock()` and `tests.databases.connected()`.
    """
    workshop = Workshop(tmp_path_factory.mktemp("databases"), _server)
    yield workshop
    workshop.drop_all()


@pytest.fixture
def postgres_server(_server: Callable[[], Server]) -> Server:
    """The server, running. A test may leave it stopped: whoever comes next starts it again."""
    server = _server()
    server.ensure_running()
    return server


@pytest.fixture
def stoppable_postgres(postgres_server: Server) -> Iterator[Server]:
    """The same, for tests that stop, kill or restart it; skipped where the server is not ours."""
    if isinstance(postgres_server, NamedServer):
        pytest.skip(f"the server of {PG_URL} is not for the tests to stop")
    yield postgres_server
    postgres_server.ensure_running()


@pytest.fixture
def postgres_database(workshop: Workshop) -> Iterator[Database]:
    """A fresh, empty PostgreSQL database: `.url`, and `.settings` for Django's DATABASES."""
    database = workshop.empty("postgresql")
    yield database
    workshop.drop(database)


@pytest.fixture
def databases(
    request: pytest.FixtureRequest, workshop: Workshop, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[Databases]:
    """Makes fresh databases: `databases.fresh("default", "postgresql", migrated=True)`."""
    if request.node.get_closest_marker("django_db"):
        raise pytest.UsageError(
            f"{request.node.nodeid}: real databases and the mark django_db exclude each other."
        )
    with django_db_blocker.unblock(), ExitStack() as stack:
        yield Databases(workshop, tmp_path, stack)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """Each vendor in turn."""
    return request.param


@pytest.fixture(params=list(product(VENDORS, VENDORS)), ids="-to-".join)
def pair(request: pytest.FixtureRequest, databases: Databases) -> Pair:
    """Legacy and target database, of each vendor in turn, connected as `legacy` and `default`."""
    source, target = request.param
    return Pair(databases.fresh("legacy", source), databases.fresh("default", target, migrated=True))


@pytest.fixture(scope="session", autouse=True)
def _dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into a Dagster instance that somebody uses."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        yield
