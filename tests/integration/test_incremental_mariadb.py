"""Reading only what is new from MariaDB, into MariaDB, and through any other database's driver."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections

from etl_assets.engine.sources import READERS
from etl_assets.models import KeyOwner, Watermark
from tests.databases import Databases
from tests.integration.test_incremental import Wards, old
from tests.integration.test_mariadb import mariadb  # noqa: F401 - a fixture
from tests.legacy import counts, execute, insert, load, loaded, rejected
from tests.mariadb import mariadb_server  # noqa: F401 - a fixture
from tests.targets.models import Plain

EACH_KIND: dict[str, tuple[list[Any], Any]] = {
    "bigint": ([2**53 + 1, 2**53 + 2], 2**53 + 3),
    "double": ([1 / 7, 2 / 7], 3 / 7),
    "decimal(20,4)": (["1.0625", "2.0625"], "3.0625"),
    "date": (["2024-01-10", "2024-01-15"], "2024-01-16"),
    "datetime(6)": (["2024-01-15 08:00:00.5", "2024-01-15 12:00:00.25"], "2024-01-15 12:00:01"),
    "timestamp": (["2024-01-15 08:00:00", "2024-01-15 12:00:00"], "2024-01-15 12:00:01"),
    "varchar(30)": (["2024-01-15 08:00:00", "2024-01-15 12:00:00"], "2024-01-15 12:00:01"),
}


@pytest.mark.parametrize("type_", EACH_KIND)
def test_each_type_of_mariadb_is_a_watermark(mariadb: Any, databases: Databases, type_: str) -> None:  # noqa: F811
    mariadb("legacy")
    databases.fresh("default", "sqlite", migrated=True)
    (first, last), new = EACH_KIND[type_]
    old((1, "a", "Ann", first), (2, "b", "Bob", last), (3, "c", "much too long", first), changed=type_)
    load(Wards)
    insert("old", [(4, "d", "Dan", new)])

    assert counts(load(Wards)) == (3, 1, 0, 1, 1, 0)
    assert set(loaded(Plain, "legacy_id", "name")) == {"A", "B", "D"}


def test_mariadb_keeps_watermark_and_owners_with_the_rows(mariadb: Any, databases: Databases) -> None:  # noqa: F811
    """Its usual collation takes 'ä' for 'a', and so do the owners of keys where the target does."""
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    old((1, "a", "Ann", 10), (2, "b", "Bob", 20), (3, "x" * 25, "Xia", 5))
    load(Wards)
    insert("old", [(4, "A ", "Late", 30), (5, "c", "Cid", 30)])

    report = load(Wards, rollback=False)

    assert counts(report) == (3, 1, 0, 1, 1, 0)
    assert rejected(report) == [("A ", "", "duplicate_key")]
    assert (Watermark.objects.get().value, KeyOwner.objects.count()) == ("30", 4)
    execute("UPDATE old SET code = 'z', changed = 40 WHERE no = 1")
    load(Wards)
    assert loaded(Plain, "legacy_id", "name") == {
        "A": "Late",
        "B": "Bob",
        "C": "Cid",
        "X" * 25: "Xia",
        "Z": "Ann",
    }


@pytest.mark.parametrize("type_", ["integer", "numeric(9,2)", "date", "timestamp", "varchar(30)"])
def test_any_other_database_can_be_asked_too(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, type_: str
) -> None:
    """PostgreSQL, by the reader for those that have none of their own."""
    monkeypatch.delitem(READERS, "postgresql")
    databases.fresh("legacy", "postgresql")
    databases.fresh("default", "sqlite", migrated=True)
    assert connections["legacy"].vendor == "postgresql"
    times = type_ in ("date", "timestamp", "varchar(30)")
    values = [f"2024-01-{n} 00:00:00"[: 10 if type_ == "date" else 19] for n in (10, 15, 16)]
    first, last, new = values if times else (10, 20, 30)
    old((1, "a", "Ann", first), (2, "b", "Bob", last), (3, "c", "much too long", first), changed=type_)
    load(Wards)
    insert("old", [(4, "d", "Dan", new)])

    assert counts(load(Wards)) == (3, 1, 0, 1, 1, 0)
