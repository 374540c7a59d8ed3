"""The example of values that do not fit."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from etl_assets.analysis.fit import Misfit

FIELD: Any = None


@pytest.mark.parametrize("order", list(permutations([["b", "é"], ["a", "c"], ["z"]])))
def test_it_is_the_least_value_in_whatever_order_they_come(order: tuple[list[str], ...]) -> None:
    misfit = Misfit(FIELD, "choices")
    for values in order:
        misfit.add(pa.array(values), np.full(len(values), 2))
    assert (misfit.example, misfit.rows) == ("a", 10)


def test_null_is_the_example_where_it_does_not_fit() -> None:
    misfit = Misfit(FIELD, "null")
    misfit.add(pa.nulls(1, pa.string()), np.array([3]))
    misfit.add(pa.array(["", " "]), np.array([1, 1]))
    assert (misfit.example, misfit.rows) == (None, 5)
