"""The test house itself: databases are real, apart from each other, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import psycopg
import pytest
from django.contrib.auth.models import Group, User
from django.db import connections

from tests.databases import Database, Databases, Pair, Vendor, Workshop, connected
from tests.postgres import EmbeddedServer, Server

ROOT = Path(__file__).parents[2]


def tables(alias: str) -> list[str]:
    return connections[alias].introspection.table_names()


def test_a_pair_is_an_empty_source_and_a_migrated_target(pair: Pair) -> None:
    assert (pair.legacy.vendor, pair.default.vendor) == (pair.source.vendor, pair.target.vendor)
    assert tables("legacy") == []
    assert "auth_user" in tables("default")
    assert not User.objects.exists()


def test_commits_are_real(pair: Pair) -> None:
    Group.objects.create(name="surgeons")

    with connected({"second": pair.target}):
        assert [group.name for group in Group.objects.using("second").all()] == ["surgeons"]


def test_tests_do_not_see_each_others_rows(workshop: Workshop, vendor: Vendor, databases: Databases) -> None:
    for _ in range(2):
        databases.fresh("default", vendor, migrated=True)
        assert not Group.objects.exists()
        Group.objects.create(name="surgeons")


def test_what_was_connected_before_comes_back(databases: Databases, vendor: Vendor) -> None:
    databases.fresh("default", "sqlite", migrated=True)
    Group.objects.create(name="before")
    inner = databases.fresh("unused", vendor)

    with connected({"default": inner, "new": inner}):
        assert tables("default") == tables("new") == []

    assert Group.objects.get().name == "before"
    assert "new" not in connections.settings


def test_a_dropped_database_is_gone(workshop: Workshop, vendor: Vendor) -> None:
    database = workshop.empty(vendor)
    workshop.drop(database)

    if vendor == "sqlite":
        assert not Path(database.name).exists()
    else:
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(database.url)


@pytest.mark.parametrize("pair", [("postgresql", "sqlite"), ("sqlite", "postgresql")], indirect=True)
def test_another_process_uses_the_same_databases(pair: Pair) -> None:
    program = "from django.contrib.auth.models import Group; Group.objects.create(name='from outside')"
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--command", program],
        cwd=ROOT,
        env=pair.environment(),
        check=True,
        capture_output=True,
    )

    assert Group.objects.get().name == "from outside"


def test_committed_rows_survive_a_killed_server(
    stoppable_postgres: Server, postgres_database: Database
) -> None:
    client = psycopg.connect(postgres_database.url)
    client.execute("CREATE TABLE kept (n int)")
    client.execute("INSERT INTO kept VALUES (7)")
    client.commit()

    stoppable_postgres.kill()

    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT n FROM kept")
    with pytest.raises(psycopg.OperationalError):  # refused, or cut off by a child that is still going down
        psycopg.connect(postgres_database.url)
    stoppable_postgres.ensure_running()
    with psycopg.connect(postgres_database.url) as again:
        assert again.execute("SELECT n FROM kept").fetchall() == [(7,)]


@pytest.mark.skipif("ETL_TEST_PG_URL" in os.environ, reason="ETL_TEST_PG_URL names another server")
def test_the_server_of_a_killed_test_run_is_removed_by_the_next_one() -> None:
    program = textwrap.dedent(
        """
        import time
        from tests.postgres import EmbeddedServer
        server = EmbeddedServer.start()
        (pid, *_) = (server.data / "postmaster.pid").read_text().split()
        print(server.folder, pid, flush=True)
        time.sleep(60)
        """
    )
    owner = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        folder, pid = owner.stdout.readline().split()
    orphan = psutil.Process(int(pid))
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert orphan.is_running()
    assert Path(folder).exists()

    EmbeddedServer.start().remove()

    assert not orphan.is_running()
    assert not Path(folder).exists()
