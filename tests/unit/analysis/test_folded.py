"""What is folded away, and what is not."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.analysis.folded import fold_column, folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Jane \t\n Smith\N{NO-BREAK SPACE}", "jane smith"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ"),
        ("É", "é"),
        ("E", "e"),
        ("\N{IDEOGRAPHIC SPACE}", ""),
        ("o'brien-SMITH", "o'brien-smith"),
    ],
)
def test_a_text(text: str, expected: str) -> None:
    assert folded(text) == expected


@given(st.lists(st.none() | st.text(max_size=8)))
def test_a_column_is_folded_value_by_value(values: list[str | None]) -> None:
    column = fold_column(pa.array(values, pa.string()))
    assert column.to_pylist() == [None if value is None else folded(value) for value in values]


def test_other_types_are_their_text() -> None:
    assert fold_column(pa.array([1, None, 10])).to_pylist() == ["1", None, "10"]
    assert fold_column(pa.array([b"A", b"a"])).to_pylist() == ["a", "a"]
