"""Pairs that are worth comparing: all of a small table, those that share features of a large one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import duckdb
import pytest

from etl_assets.analysis import blocking
from etl_assets.analysis.blocking import find_pairs
from etl_assets.analysis.roles import Comparison

COMPARISONS = [
    Comparison("x", "x", "", (), {"x": "", "x_start": ""}, "x", ("x_start",)),
    Comparison("y", "y", "", (), {"y": ""}, "y", ()),
]
ROWS = [
    (1, "anna", "a", "1"),
    (2, "anna", "a", "2"),
    (3, "amy", "a", "1"),
    (4, "bob", "b", "9"),
    (5, None, None, "9"),
    (6, None, None, None),
]


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        database.execute("CREATE TABLE features (unique_id BIGINT, x VARCHAR, x_start VARCHAR, y VARCHAR)")
        database.executemany("INSERT INTO features VALUES (?, ?, ?, ?)", ROWS)
        yield database


def pairs(database: duckdb.DuckDBPyConnection) -> set[tuple[int, int]]:
    rows = database.execute("SELECT join_key_l, join_key_r FROM pairs").fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


def test_all_pairs_of_a_few(database: duckdb.DuckDBPyConnection) -> None:
    find_pairs(database, COMPARISONS)
    assert pairs(database) == set(combinations(range(1, 7), 2))


def test_pairs_that_share_features(
    database: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking, "FEW_PAIRS", 0)
    find_pairs(database, COMPARISONS)
    # x; y; x_start with y. Null is shared by nobody.
    assert pairs(database) == {(1, 2), (1, 3), (4, 5)}


def test_the_largest_blocks_are_left_out(
    database: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking, "FEW_PAIRS", 0)
    database.executemany("INSERT INTO features VALUES (?, 'smith', 's', NULL)", [(n,) for n in range(10, 60)])
    find_pairs(database, COMPARISONS, most=100)
    assert pairs(database) == {(1, 2), (1, 3), (4, 5)}
