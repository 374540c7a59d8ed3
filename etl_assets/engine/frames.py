"""The author's edge: Arrow columns to pandas frames on Arrow dtypes, and back.

pandas is imported when a frame is first made: `manage.py etl` makes none, and starts half a second sooner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


def to_frame(columns: Mapping[str, pa.Array], rows: int) -> pd.DataFrame:
    """Return a frame whose columns keep their Arrow types, also where all is null."""
    import pandas as pd

    index = pd.RangeIndex(rows)
    arrays = {name: pd.arrays.ArrowExtensionArray(values) for name, values in columns.items()}
    return pd.DataFrame({name: pd.Series(array, index=index) for name, array in arrays.items()}, index=index)


def column_from_series(series: pd.Series[Any]) -> pa.Array:
    """Return a column of a frame as one Arrow array."""
    import pandas as pd

    if isinstance(series.dtype, pd.ArrowDtype):
        column = pa.array(series.array)
    else:
        column = array_from_values(series.astype(object).where(series.notna(), None).tolist())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def array_from_values(values: list[Any]) -> pa.Array:
    """Make an array of Python values; where no one type holds them all, of their texts."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else text_of(value) for value in values], pa.string())


def text_of(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
