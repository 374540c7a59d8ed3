"""Columns on their way to an author's hook and back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from etl_assets.engine.frames import array_from_values, column_from_series, to_frame

COLUMNS = {
    "text": pa.array(["a", None, ""]),
    "number": pa.array([1, None, 2**62], pa.int64()),
    "day": pa.array([None, None, None], pa.date32()),
    "moment": pa.array([None, None, None], pa.timestamp("us", tz="UTC")),
    "price": pa.array([None, None, None], pa.decimal128(38, 2)),
}


def test_hooks_see_every_column_in_its_type_also_where_all_is_null():
    frame = to_frame(COLUMNS, 3)

    assert {name: frame[name].dtype for name in COLUMNS} == {
        name: pd.ArrowDtype(values.type) for name, values in COLUMNS.items()
    }
    assert frame.index.tolist() == [0, 1, 2]


def test_what_went_out_comes_back_the_same():
    frame = to_frame(COLUMNS, 3)
    for name, values in COLUMNS.items():
        assert column_from_series(frame[name]).equals(values), name


def test_a_frame_without_columns_has_its_rows():
    assert len(to_frame({}, 5)) == 5


@pytest.mark.parametrize(
    ("series", "values"),
    [
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series([1.5, float("nan")]), [1.5, None]),
        (pd.Series(["a", None], dtype=object), ["a", None]),
        (pd.Series(["a", pd.NA], dtype="str"), ["a", None]),
        (pd.Series([True, None], dtype="boolean"), [True, None]),
        (pd.Series([pd.NaT, pd.Timestamp("2024-01-15")]), [None, dt.datetime(2024, 1, 15)]),  # noqa: DTZ001
        (pd.Series(["a", "b", "a"], dtype="category"), ["a", "b", "a"]),
        (pd.Series([1, "a", None], dtype=object), ["1", "a", None]),
        (pd.Series([], dtype=object), []),
        (pd.concat([pd.Series([1], dtype="int64[pyarrow]")] * 2, ignore_index=True), [1, 1]),
    ],
    ids=["numpy", "nan", "objects", "str", "boolean", "time", "category", "mixed", "empty", "chunks"],
)
def test_whatever_a_hook_makes_of_a_column_is_read(series: Any, values: list[Any]):
    column = column_from_series(series)

    assert isinstance(column, pa.Array)
    assert column.to_pylist() == values


def test_values_of_several_types_are_read_by_their_texts():
    assert array_from_values([1, "a", None, b"\xff"]).to_pylist() == ["1", "a", None, "\\xff"]
    assert array_from_values([2**70, 1]).to_pylist() == [str(2**70), "1"]
    assert array_from_values([]).to_pylist() == []
