"""Several columns looked at at once."""

from __future__ import annotations

import threading
import time

import pytest

from etl_assets.analysis.at_once import look_at_columns
from etl_assets.analysis.column import ColumnFacts
from etl_assets.analysis.store import Store, filled_store
from etl_assets.analysis.table import open_table
from tests.databases import Databases
from tests.legacy import make_table

NAMES = [f"c{number}" for number in range(7)]


@pytest.fixture
def legacy(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    rows = [tuple(row * column for column in range(7)) for row in range(9)]
    make_table("wide", dict.fromkeys(NAMES, "integer"), rows)


@pytest.mark.usefixtures("legacy")
def test_each_column_comes_in_order_with_its_own_values_and_verdict() -> None:
    def judge(desk: Store, facts: ColumnFacts) -> int:
        time.sleep(0.02 * (7 - int(facts.name[1:])))  # later columns are ready sooner
        return int(desk.one("SELECT count(*) FROM d")[0])

    with open_table("wide", "legacy") as table, filled_store(table, NAMES, lambda rows: None) as store:
        found = [
            (facts.name, verdict, desk.one("SELECT max(v) FROM d")[0])
            for desk, facts, verdict in look_at_columns(store, NAMES, judge)
        ]
    assert found == [(name, 9 if place else 1, 8 * place) for place, name in enumerate(NAMES)]


@pytest.mark.usefixtures("legacy")
def test_whoever_stops_waits_for_nothing_that_has_not_begun() -> None:
    judged = []

    def judge(desk: Store, facts: ColumnFacts) -> None:
        judged.append(facts.name)

    with open_table("wide", "legacy") as table, filled_store(table, NAMES, lambda rows: None) as store:
        columns = look_at_columns(store, NAMES, judge)
        next(columns)
        columns.close()
        before = list(judged)
    assert NAMES[-1] not in before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("etl-analysis")]


@pytest.mark.usefixtures("legacy")
def test_what_goes_wrong_in_a_thread_is_told() -> None:
    def judge(desk: Store, facts: ColumnFacts) -> None:
        raise ZeroDivisionError(facts.name)

    with (
        open_table("wide", "legacy") as table,
        filled_store(table, NAMES, lambda rows: None) as store,
        pytest.raises(ZeroDivisionError, match="c0"),
    ):
        list(look_at_columns(store, NAMES, judge))
