"""An estimate adds up, times the real transformer, and leaves no trace; how true it is, benchmarks say."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from django_project.hospital.legacy import make_legacy_hospital
from django_project.hospital.legacy.tables import PATIENTS
from django_project.hospital.transformers import (
    AppointmentTransformer,
    DepartmentTransformer,
    PatientTransformer,
)
from etl_assets import Transformer, col, key, link
from etl_assets.analysis.estimate import Estimate, estimate
from etl_assets.analysis.forecast import GROWTH, REJECT_SECONDS, Forecast
from etl_assets.analysis.rehearsal import Rehearsal
from etl_assets.analysis.sample import FEWEST, MOST, Sample
from etl_assets.analysis.table import open_table
from etl_assets.engine.options import RunOptions
from etl_assets.engine.plan import make_plan
from etl_assets.engine.report import LOAD, TRANSFORM, VALIDATE
from etl_assets.exceptions import ConfigurationError
from etl_assets.models import Reject, Run
from etl_assets.registry import Registry
from tests.databases import Databases, Pair
from tests.legacy import checksums, load, make_table
from tests.targets.models import Badge, Place, Visitor

SAME_VENDORS = pytest.mark.parametrize(
    "pair", [("sqlite", "sqlite"), ("postgresql", "postgresql")], indirect=True
)
HOSPITAL = Registry([DepartmentTransformer, PatientTransformer, AppointmentTransformer])
KEYS = set(
    "table database transformer row_count batch_size batches sample_rows rows_per_second estimated_seconds "
    "estimated_seconds_low estimated_seconds_high memory_bytes recommended_batch_size suggestions".split()
)


def estimated(name: str, batch_size: int, registry: Any = None) -> Estimate:
    """Estimate over a table of the legacy database, and see that nothing has changed in either."""
    before = checksums("default"), checksums("legacy")
    with open_table(name, "legacy") as table:
        found = estimate(table, batch_size, registry)
    assert (checksums("default"), checksums("legacy")) == before
    assert set(found) == KEYS
    assert found["batches"] == math.ceil(found["row_count"] / batch_size)
    low, middle, high = (
        found["estimated_seconds_low"],
        found["estimated_seconds"],
        found["estimated_seconds_high"],
    )
    assert 0 <= low <= middle <= high
    assert high - low <= 0.3 * middle
    return found


@SAME_VENDORS
def test_the_real_transformer_is_timed_and_rolled_back(pair: Pair) -> None:
    made = make_legacy_hospital(300, seed=2)
    found = estimated("legacy_patients", 50, HOSPITAL)
    assert (found["transformer"], found["row_count"]) == ("patients", made.patients)
    assert found["sample_rows"] == made.patients < FEWEST  # a small table is its own sample
    assert found["estimated_seconds"] > 0
    assert found["rows_per_second"] == pytest.approx(made.patients / found["estimated_seconds"], rel=1e-3)
    assert found["memory_bytes"] > 10 * 2**20
    assert any("departments are not loaded yet" in one for one in found["suggestions"])
    assert any("sampled rows were rejected" in one for one in found["suggestions"])
    assert not Run.objects.exists()
    assert not Reject.objects.exists()


class Places(Transformer):
    class Meta:
        source = "places"
        model = Place

    legacy_id = key("no")
    code = col("code")


class Visitors(Transformer):
    class Meta:
        source = "visitors"
        model = Visitor

    legacy_id = key("id")
    place = link("places", "place_no")


class Badges(Transformer):
    class Meta:
        source = "badges"
        model = Badge

    legacy_id = key("id")
    visitor = link("visitors", "visitor_id")


@SAME_VENDORS
def test_parents_that_are_not_loaded_come_along(pair: Pair) -> None:
    make_table("places", {"no": "integer", "code": "varchar(3)"}, [(no, f"p{no}") for no in range(40)])
    visitors = [(number, number % 50) for number in range(200)]
    make_table("visitors", {"id": "integer", "place_no": "integer"}, visitors)
    badges = [(number, 3 * number) for number in range(90)]
    make_table("badges", {"id": "integer", "visitor_id": "integer"}, badges)

    registry = Registry([Places, Visitors, Badges])
    before = checksums("default")
    forecast = Rehearsal(
        make_plan(Badges, registry), registry, RunOptions(dry_run=True, batch_size=30)
    ).forecast(len(badges))
    assert checksums("default") == before
    # Places 40 to 49 do not exist, so that neither do their visitors; nor do those from 200 on.
    there = {number for number, place in visitors if place < 40}
    expected = sum(visitor in there for _, visitor in badges)
    assert (forecast.created, forecast.rejected) == (expected, len(badges) - expected)
    assert forecast.missing_parents == {"visitors", "places"}

    for one in registry.values():
        load(one, *(other for other in registry.values() if other is not one))
    forecast = Rehearsal(
        make_plan(Badges, registry), registry, RunOptions(dry_run=True, batch_size=30)
    ).forecast(len(badges))
    assert (forecast.created, forecast.rejected) == (0, len(badges) - expected)  # unchanged now
    assert not forecast.missing_parents


@SAME_VENDORS
def test_without_a_transformer_reading_and_cleaning_are_timed(pair: Pair) -> None:
    make_table("t", {"no": "integer", "name": "varchar(9)"}, [(no, " x") for no in range(25)])
    found = estimated("t", 10)
    assert (found["transformer"], found["row_count"], found["batches"]) == (None, 25, 3)
    assert found["sample_rows"] == 25
    assert found["suggestions"][0].startswith("No transformer reads this table")


@SAME_VENDORS
def test_an_empty_table(pair: Pair) -> None:
    make_legacy_hospital(1, seed=1)
    make_table("legacy_patients", dict.fromkeys(PATIENTS.columns, "integer"), [])
    for registry in (HOSPITAL, None):
        found = estimated("legacy_patients", 1000, registry)
        assert (found["row_count"], found["batches"], found["sample_rows"]) == (0, 0, 0)
        assert found["suggestions"] == ["The table is empty: there is nothing to load."]


def test_a_batch_needs_a_row(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    make_table("t", {"no": "integer"}, [(1,)])
    with open_table("t", "legacy") as table, pytest.raises(ConfigurationError, match="batch size is 0"):
        estimate(table, 0)


def test_a_forecast_is_reckoned_by_hand() -> None:
    rows = pa.record_batch({"no": list(range(100))})
    forecast = Forecast(rows=3_200, batch_size=100, fixed_seconds=0.5, reading_seconds=2.0)
    for seconds in (9.0, 1.0, 2.0, 3.0):  # the first one warms up
        forecast.add(rows, stages={TRANSFORM: seconds, VALIDATE: 0.5, LOAD: 1.0})
    assert forecast.sample_rows == 400
    forecast.created, forecast.rejected = 200, 40
    # Per row 0.02, 0.005 and 0.01; a row in two is created, and the rows of the sample double three times.
    growth = 1 + GROWTH * 3 / 2
    steady = 3_200 * (0.02 + 0.005 + 0.01 * growth)
    warm_up = (9.0 + 0.5 + 1.0) - 100 * 0.035
    rejects = 320 * REJECT_SECONDS
    assert forecast.seconds == pytest.approx(0.5 + 2.0 + steady + warm_up + rejects)
    assert forecast.shares()[TRANSFORM] == pytest.approx(3_200 * 0.02 / (2.0 + steady))


def test_the_cost_of_a_batch_shows_when_one_is_cut_up() -> None:
    whole, part = pa.record_batch({"no": list(range(1_000))}), pa.record_batch({"no": list(range(100))})
    forecast = Forecast(rows=100_000, batch_size=1_000)
    for _ in range(5):
        forecast.add(whole, stages={TRANSFORM: 0.1 + 1_000 * 0.0001})
    for _ in range(10):
        forecast.add(part, stages={TRANSFORM: 0.1 + 100 * 0.0001})
    assert forecast.overhead_share == pytest.approx(0.5)
    # 0.1 is 5 percent of 2 seconds, and so of 19,000 rows with the batch's own tenth.
    assert forecast.recommended_batch_size == 20_000


@pytest.mark.parametrize(
    ("rows", "size", "expected"),
    [
        (0, 10, 0),
        (95, 10, 95),
        (50_000, 1_000, FEWEST),
        (1_000_000, 1_000, MOST),
        (1_000_000, 50_000, 400_000),
    ],
)
def test_a_sample_is_spread_over_the_table(rows: int, size: int, expected: int) -> None:
    sample = Sample(rows, size)
    for first in range(0, rows, size):
        sample.offer(pa.record_batch({"no": list(range(first, min(first + size, rows)))}))
    assert sum(one.num_rows for one in sample.batches) == expected
    starts = [one.column("no")[0].as_py() for one in sample.batches]
    gaps = {after - before for before, after in pairwise(starts)}
    assert starts[:1] == [0] * bool(rows)
    assert max(gaps, default=0) - min(gaps, default=0) <= size
    assert [one for part in sample.in_parts() for one in part.column("no").to_pylist()] == [
        one for batch in sample.batches for one in batch.column("no").to_pylist()
    ]
