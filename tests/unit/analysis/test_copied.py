"""Columns copied to files, and read again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from etl_assets.analysis.copied import CopiedColumn, together


def copied(
    folder: Path, *batches: pa.Array, declared: pa.DataType | None = None, name: str = "c"
) -> CopiedColumn:
    column = CopiedColumn(folder / name, declared or pa.string())
    for batch in batches:
        column.add(batch)
    return column


def read(column: CopiedColumn) -> list[object]:
    return [value for values in column.arrays() for value in values.to_pylist()]


@pytest.mark.parametrize(
    ("batches", "kind", "values"),
    [
        ([pa.array([1, None]), pa.array([2])], pa.int64(), [1, None, 2]),
        ([pa.array([1], pa.int32()), pa.array([2])], pa.int64(), [1, 2]),
        ([pa.array([1]), pa.nulls(2), pa.array([1.5])], pa.float64(), [1.0, None, None, 1.5]),
        ([pa.array([2**53]), pa.array([1.5])], pa.float64(), [2.0**53, 1.5]),
        ([pa.array([1.5]), pa.array([2**53 + 1])], pa.string(), ["1.5", "9007199254740993"]),
        ([pa.array([1]), pa.array(["x"]), pa.array([2])], pa.string(), ["1", "x", "2"]),
        ([pa.array([True]), pa.array([1])], pa.string(), ["true", "1"]),
        ([pa.array([b"\xff"]), pa.array(["x"])], pa.string(), ["\\xff", "x"]),
        ([pa.array([2**64 - 1], pa.uint64())], pa.string(), ["18446744073709551615"]),
        ([pa.array([[1, 2], None])], pa.string(), ["[1, 2]", None]),
    ],
)
def test_batches_of_several_types_are_read_as_one(
    tmp_path: Path, batches: list[pa.Array], kind: pa.DataType, values: list[object]
) -> None:
    column = copied(tmp_path, *batches)
    assert column.type == kind
    assert read(column) == values
    there = [value for value in column.reader().read_all().column("v").to_pylist() if value is not None]
    assert there == [value for value in values if value is not None]


def test_a_column_of_nulls_is_what_it_was_declared_to_be(tmp_path: Path) -> None:
    assert copied(tmp_path, pa.nulls(3), declared=pa.date32()).type == pa.date32()
    assert copied(tmp_path, name="empty", declared=pa.list_(pa.int64())).type == pa.string()
    assert list(tmp_path.iterdir()) == []


def test_columns_are_read_row_by_row_whatever_their_nulls(tmp_path: Path) -> None:
    first = copied(tmp_path, pa.nulls(2), pa.array([1, 2]), pa.array([3]), name="a")
    second = copied(tmp_path, pa.array(["p", None]), pa.nulls(2), pa.array([7]), name="b")
    rows = together([first, second]).read_all().to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (None, "p"),
        (None, None),
        (1, None),
        (2, None),
        (3, "7"),
    ]
