"""How suggestions are worded."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from etl_assets.analysis.suggest import suggest
from etl_assets.engine.verbs import Context

CONTEXT = Context(ZoneInfo("UTC"), dt.date(2024, 2, 29))


@pytest.mark.parametrize(
    ("untidy", "why"),
    [
        (1_000, "100% of the values"),
        (125, "12.5% of the values"),
        (999, "99.9% of the values"),
        (1, "0.1% of the values"),
    ],
)
def test_shares_are_written_as_people_write_them(untidy: int, why: str) -> None:
    values = pa.array([" word"] * untidy + ["word"] * (1_000 - untidy))
    (found, *_) = suggest("name", values, CONTEXT)
    assert found.verb == "strip()"
    assert found.why == f"{why} have spaces around them"
