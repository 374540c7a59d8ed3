"""A Dagster home of the test's own, and the tiny legacy database of visitors.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from etl_assets.orchestration.instance import open_instance
from tests.databases import Databases, Pair
from tests.integration.orchestration import visitors


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DAGSTER_HOME, not made yet."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return tmp_path / "dagster"


@pytest.fixture(scope="session")
def furnished_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose databases are made, which takes a second or two."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("furnished") / "dagster"
        patch.setenv("DAGSTER_HOME", str(folder))
        open_instance().dispose()
    return folder


@pytest.fixture
def history(home: Path, furnished_home: Path) -> Iterator[dg.DagsterInstance]:
    """What the UI would read, opened as the web server opens it."""
    shutil.copytree(furnished_home, home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def quiet_town() -> Iterator[dict[str, visitors.Trouble]]:
    """Put a callable in under a transformer's name to make trouble in it."""
    visitors.TROUBLE.clear()
    yield visitors.TROUBLE
    visitors.TROUBLE.clear()


@pytest.fixture
def town(databases: Databases, quiet_town: dict[str, visitors.Trouble]) -> Pair:
    """The legacy tables and an empty target, both SQLite."""
    both = Pair(databases.fresh("legacy", "sqlite"), databases.fresh("default", "sqlite", migrated=True))
    visitors.make_legacy()
    return both


@pytest.fixture
def town_on_postgres(databases: Databases, quiet_town: dict[str, visitors.Trouble]) -> Pair:
    """The same on PostgreSQL."""
    both = Pair(
        databases.fresh("legacy", "postgresql"), databases.fresh("default", "postgresql", migrated=True)
    )
    visitors.make_legacy()
    return both
