"""The source for any other database, on PostgreSQL, which has one of its own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connections

from etl_assets import Query
from etl_assets.engine.sources.generic import CursorReader
from etl_assets.exceptions import SourceError
from etl_assets.source import Source
from tests.databases import Databases
from tests.legacy import attempt, counts, execute, load, make_table, rows_of
from tests.targets.mess import mapped
from tests.targets.models import Plain

ROWS = [(3, "c", None, 2.5, None), (1, "50%", "2024-02-29", None, 7), (2, None, "1999-12-31", -1.0, 8)]
TYPES = {
    "n": "integer",
    "some text": "varchar(10)",
    "day": "date",
    "ratio": "double precision",
    "whole": "bigint",
}


def test_reads_tables_views_and_queries(databases: Databases) -> None:
    databases.fresh("legacy", "postgresql")
    make_table("old things", TYPES, ROWS, primary_key="n")
    execute('CREATE VIEW "some view" AS SELECT n, whole FROM "old things" WHERE n > 1')
    with CursorReader(connections["legacy"], "old things") as reader:
        reader.open((), ())
        assert (reader.count(), reader.unique_key) == (3, ("n",))
        batches = list(reader.batches(2))
        rest = list(reader.batches(2, reader.position(batches[0])))
    days = [dt.date(2024, 2, 29), dt.date(1999, 12, 31), None]
    assert [row for batch in batches for row in batch.to_pylist()] == [
        {"n": 1, "some text": "50%", "day": days[0], "ratio": None, "whole": 7},
        {"n": 2, "some text": None, "day": days[1], "ratio": -1.0, "whole": 8},
        {"n": 3, "some text": "c", "day": None, "ratio": 2.5, "whole": None},
    ]
    assert [row["n"] for batch in rest for row in batch.to_pylist()] == [3]
    expectations: list[tuple[Source, list[dict[str, Any]]]] = [
        ("some view", [{"n": 3, "whole": None}, {"n": 2, "whole": 8}]),
        (Query('SELECT n FROM "old things" WHERE "some text" LIKE \'%0%\''), [{"n": 1}]),
    ]
    for source, expected in expectations:
        with CursorReader(connections["legacy"], source) as reader:
            reader.open(("-n",), ())
            assert [row for batch in reader.batches(9) for row in batch.to_pylist()] == expected


def test_goes_on_after_nulls(databases: Databases) -> None:
    """Nulls come where the database has them."""
    databases.fresh("legacy", "postgresql")
    make_table("old", TYPES, ROWS, primary_key="n")
    for order in ("some text", "-some text", "whole", "-whole"):
        with CursorReader(connections["legacy"], "old") as reader:
            reader.open((order,), ())
            assert reader.is_resumable
            batches = list(reader.batches(1))
            whole = [batch["n"][0].as_py() for batch in batches]
            for number, batch in enumerate(batches, 1):
                rest = reader.batches(1, reader.position(batch))
                assert [one["n"][0].as_py() for one in rest] == whole[number:]


def test_says_what_is_not_there(databases: Databases) -> None:
    databases.fresh("legacy", "postgresql")
    make_table("old", TYPES, ROWS, primary_key="n")
    expectations: list[tuple[Source, str]] = [
        ("olt", r"^Database 'legacy' has no table or view 'olt'\. Did you mean 'old'\?"),
        ("no.where", r"^Database 'legacy' has no table or view 'no.where'"),
        (Query("SELECT nix FROM old"), r"^Database 'legacy' cannot read the source: .*nix"),
    ]
    for source, message in expectations:
        with CursorReader(connections["legacy"], source) as reader, pytest.raises(SourceError, match=message):
            reader.open((), ())


def test_carries_a_run(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the table to the checkpoint: cut off in its second batch, a run goes on after the first."""
    databases.fresh("legacy", "postgresql")
    databases.fresh("default", "sqlite", migrated=True)
    monkeypatch.setattr("etl_assets.engine.sources.READERS", {})
    make_table(
        "old_plain",
        {"n": "integer", "legacy_id": "varchar(9)", "value": "integer"},
        [(n, f"k{n}", n) for n in range(7)],
        primary_key="n",
    )
    batches: list[int] = []

    def transform(self, rows):
        batches.append(len(rows))
        if len(batches) == 2:
            raise RuntimeError("enough")
        return rows

    failing = mapped(Plain, ["legacy_id"], "value", transform=transform)
    assert attempt(failing, rollback=False, batch_size=3).status == "failed"
    report = load(mapped(Plain, ["legacy_id"], "value"), rollback=False, batch_size=3)
    assert counts(report) == (4, 4, 0, 0, 0, 0)
    assert rows_of(Plain, "legacy_id", "value") == [(f"k{n}", n) for n in range(7)]
