"""Batches of narrow rows have as many as asked for, those of wide rows fewer."""

from __future__ import annotations

from functools import partial
from itertools import chain, islice

from hypothesis import given
from hypothesis import strategies as st

from etl_assets.engine.sources.portions import AT_ONCE, PORTION_BYTES, portions, weight_of_values


def portioned(rows: list[tuple[object, ...]], size: int) -> list[list[tuple[object, ...]]]:
    remaining = iter(rows)
    return list(portions(lambda count: list(islice(remaining, count)), size, weight_of_values))


@given(st.integers(0, 200), st.integers(1, 70))
def test_narrow_rows_come_in_portions_of_the_size_asked_for(count: int, size: int) -> None:
    rows: list[tuple[object, ...]] = [(number, "name") for number in range(count)]
    found = portioned(rows, size)
    assert list(chain.from_iterable(found)) == rows
    assert all(len(portion) == size for portion in found[:-1])
    assert all(0 < len(portion) <= size for portion in found)


def test_wide_rows_come_in_smaller_portions_and_none_is_lost() -> None:
    page = b"x" * (PORTION_BYTES // 100)
    rows: list[tuple[object, ...]] = [(number, page) for number in range(1_000)]
    found = portioned(rows, 10_000)
    assert [row[0] for row in chain.from_iterable(found)] == list(range(1_000))
    assert {len(portion) for portion in found[:-1]} == {101}  # of 100 a few bytes are missing


def test_rows_that_become_wide_weigh_hardly_more_than_twice_as_much() -> None:
    page = b"x" * (PORTION_BYTES // 100)
    rows: list[tuple[object, ...]] = [(number, page if number >= 60 else b"") for number in range(1_000)]
    found = portioned(rows, 10_000)
    assert list(chain.from_iterable(found)) == rows
    assert max(sum(len(row[1]) for row in portion) for portion in found) <= 2 * PORTION_BYTES  # type: ignore[arg-type, misc]


def test_only_what_is_asked_for_is_fetched() -> None:
    asked: list[int] = []

    def fetch(count: int, remaining: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
        asked.append(count)
        some, remaining[:] = remaining[:count], remaining[count:]
        return some

    rows: list[tuple[object, ...]] = [(number,) for number in range(40)]
    assert [len(some) for some in portions(partial(fetch, remaining=rows), 20, weight_of_values)] == [20, 20]
    assert asked == [AT_ONCE, 4, AT_ONCE, 4, AT_ONCE]
