"""How many rows a run keeps to look for, and from where."""

from __future__ import annotations

import pyarrow as pa
import pytest

from etl_assets.engine.batch import Batch
from etl_assets.engine.checks.sample import LoadedSample


def batch(first: int, rows: int) -> Batch:
    """A batch whose every third row was rejected."""
    numbers = pa.array(range(first, first + rows))
    made = Batch(pa.record_batch({"id": numbers}), first)
    made.columns = {"value": numbers}
    made.legacy_keys = [numbers.cast(pa.string())]
    made.keep(numbers.to_numpy() % 3 != 0)
    return made


@pytest.mark.parametrize(
    ("wanted", "batches", "size", "expected"),
    [
        (4, 2, 10, [1, 2, 10, 11]),
        (3, 2, 10, [1, 2, 10]),
        (2, 4, 3, [1, 7]),  # small batches: from every second one
        (100, 2, 6, [1, 2, 4, 5, 7, 8, 10, 11]),
    ],
)
def test_rows_are_the_first_loaded_ones_of_batches_at_equal_distances(
    wanted: int, batches: int, size: int, expected: list[int]
) -> None:
    sample = LoadedSample(wanted, batches * size)
    for number in range(batches):
        sample.offer(batch(number * size, size))

    assert sample.rows is not None
    assert sample.rows.columns["value"].to_pylist() == expected
    assert sample.rows.keys == [str(value) for value in expected]


def test_what_a_batch_does_not_have_the_next_one_gives() -> None:
    """Batches of wide rows end early, so nobody knows how many there are."""
    sample = LoadedSample(4, 40)
    for first, rows in ((0, 1), (1, 19), (20, 2), (22, 18)):
        sample.offer(batch(first, rows))

    assert sample.rows is not None
    assert sample.rows.columns["value"].to_pylist() == [1, 2, 20, 22]


def test_where_nothing_was_loaded_there_is_nothing_to_look_for() -> None:
    sample = LoadedSample(5, 0)
    sample.offer(batch(0, 1))

    assert sample.rows is None
