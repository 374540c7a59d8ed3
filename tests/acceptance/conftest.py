"""The hospital, small and large. Legacy databases are only ever read, so all tests share them."""

from __future__ import annotations

import pytest
from pytest_django.plugin import DjangoDbBlocker

from django_project.hospital.legacy import make_legacy_hospital
from tests.databases import Database, Databases, Pair, Vendor, Workshop, connected


def _legacy(workshop: Workshop, blocker: DjangoDbBlocker, patients: int) -> Database:
    database = workshop.empty("sqlite")
    with blocker.unblock(), connected({"legacy": database}):
        make_legacy_hospital(patients, 1, "legacy")
    return database


@pytest.fixture(scope="session")
def small_legacy(workshop: Workshop, django_db_blocker: DjangoDbBlocker) -> Database:
    """300 patients."""
    return _legacy(workshop, django_db_blocker, 300)


@pytest.fixture(scope="session")
def large_legacy(workshop: Workshop, django_db_blocker: DjangoDbBlocker) -> Database:
    """Enough patients to be in the midst of them."""
    return _legacy(workshop, django_db_blocker, 6_000)


@pytest.fixture
def hospital(databases: Databases, small_legacy: Database) -> Pair:
    """300 patients to be loaded, on SQLite."""
    return Pair(
        databases.connect("legacy", small_legacy), databases.fresh("default", "sqlite", migrated=True)
    )


@pytest.fixture
def large_hospital(request: pytest.FixtureRequest, databases: Databases, large_legacy: Database) -> Pair:
    """6,000 patients to be loaded, into the vendor that the test names as parameter, or SQLite."""
    vendor: Vendor = getattr(request, "param", "sqlite")
    return Pair(databases.connect("legacy", large_legacy), databases.fresh("default", vendor, migrated=True))
