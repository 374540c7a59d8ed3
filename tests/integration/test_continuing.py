"""A run that goes on after one that was cut off keeps what that one promised, whatever its own options."""

from __future__ import annotations

import pytest
from django.db import connections

from django_project.hospital.models import Department
from etl_assets import Transformer, col, key
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse, run_transformer
from etl_assets.models import Reject
from etl_assets.registry import Registry
from tests.databases import Databases
from tests.integration.promised import failing_in_batch
from tests.legacy import attempt, counts, load, make_table

ROWS = [(1, "a", "first"), (2, "b", "second"), (3, "c", "stop here"), (4, "A", "same key as the first")]


class Wards(Transformer):
    """Wards by code; refuses to go on at a name, as long as it is told to."""

    class Meta:
        source = "wards"
        model = Department
        batch_size = 2

    code = key("code").upper()
    name = col("name")

    stops_at: str | None = None

    def transform(self, rows):
        if (rows["name"] == self.stops_at).any():
            raise RuntimeError("cut off")
        return rows


@pytest.fixture
def cut_off(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Two of four rows are loaded, with a checkpoint after them."""
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)
    with connections["legacy"].cursor() as cursor:
        cursor.execute("CREATE TABLE wards (id INTEGER PRIMARY KEY, code TEXT, name TEXT)")
        cursor.executemany("INSERT INTO wards VALUES (%s, %s, %s)", ROWS)
    registry = Registry([Wards])
    with monkeypatch.context() as patch:
        patch.setattr(Wards, "stops_at", "stop here")
        report = run_transformer(Wards, registry, RunOptions(rollback=False), run_id="cut off")
    assert "cut off" in str(report.error)
    assert Department.objects.count() == 2
    return registry


@pytest.mark.parametrize("rollback", [True, False])
def test_the_first_row_keeps_its_key(cut_off: Registry, rollback: bool) -> None:
    report = run_transformer(Wards, cut_off, RunOptions(rollback=rollback), run_id="next")

    assert report.error is None
    assert (report.counts.read, report.counts.created, report.counts.rejected) == (2, 1, 1)
    names = dict(Department.objects.values_list("code", "name"))
    assert names == {"A": "first", "B": "second", "C": "stop here"}
    assert Reject.objects.get().code == "duplicate_key"


def test_a_dry_run_says_so_beforehand(cut_off: Registry) -> None:
    report = rehearse([Wards], cut_off, RunOptions(dry_run=True), run_id="rehearsal")

    counts = report.transformers["departments"].counts
    assert (counts.read, counts.created, counts.rejected) == (2, 1, 1)


@pytest.mark.parametrize("type_", ["char(9)", "varchar(9)", "date", "numeric(9,2)"])
def test_a_key_of_any_type_is_gone_on_after(databases: Databases, type_: str) -> None:
    """A `char(9)` is cast by a name that, alone, means one character."""
    databases.fresh("legacy", "postgresql")
    databases.fresh("default", "sqlite", migrated=True)
    keys = [f"2024-01-{n}" for n in range(11, 15)] if type_ == "date" else [f"10{n}" for n in range(11, 15)]
    rows = [(one, code, code) for one, code in zip(keys, "abcd", strict=True)]
    make_table("wards", {"id": type_, "code": "varchar(9)", "name": "varchar(9)"}, rows, primary_key="id")
    assert attempt(failing_in_batch(2, Wards), rollback=False).status == "failed"

    assert counts(load(Wards, rollback=False)) == (2, 2, 0, 0, 0, 0)
