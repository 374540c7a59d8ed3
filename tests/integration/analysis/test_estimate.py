"""An estimate adds up, times the real transformer, and leaves no trace; how true it is, benchmarks say."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from django.db import connections

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
from etl_assets.analysis.sample import FEWEST, MOST, MOST_BYTES, PARTS, QUICK, SLOW, Opening, Piece, Sample
from etl_assets.analysis.table import open_table
from etl_assets.engine.options import RunOptions
from etl_assets.engine.plan import make_plan
from etl_assets.engine.report import LOAD, TRANSFORM
from etl_assets.engine.sources.base import OrderBy
from etl_assets.engine.sources.sqlite import SqliteReader
from etl_assets.engine.targets.sql import SqlTarget
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
    ).forecast()
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
    ).forecast()
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


def steady(rows: int, *, is_part: bool = False) -> Piece:
    return Piece(pa.record_batch({"no": list(range(rows))}), True, is_part)


def test_a_forecast_is_reckoned_by_hand() -> None:
    forecast = Forecast(rows=3_200, batch_size=100, start_seconds=0.5, opening_seconds=2.0, drain_seconds=0.2)
    first = Piece(steady(100).raw, is_steady=False)
    for piece, seconds in ((first, 9.0), (steady(100), 1.0), (first, 70.0), (steady(100), 3.0)):
        forecast.add(piece, seconds)  # the first of all warms up, the other first one says nothing
    assert forecast.sample_rows == 400
    forecast.created, forecast.rejected = 200, 40
    forecast.checking_seconds, forecast.checked_rows = 0.3, 300
    forecast.rebuilding_seconds = 0.1
    steady_seconds = (3_200 - 100) * 4.0 / 200
    rejects = 320 * REJECT_SECONDS
    # Eight times the rows: of the 300 that were looked at, 200 were new.
    fixed = 0.5 + 2.0 + 0.2 + 9.0 + rejects + 8 * 0.1 + 0.3 * (100 + 8 * 200) / 300
    assert forecast.seconds == pytest.approx(fixed + steady_seconds)  # nobody knows what writing takes

    # Now it is known: all of it, so that a row gets dearer by half of GROWTH in each of three doublings.
    forecast.stages.seconds[LOAD] = 4.0  # type: ignore[assignment]
    assert forecast.seconds == pytest.approx(fixed + steady_seconds * (1 + 3 * GROWTH / 2))


def test_writing_that_others_hide_gets_dearer_for_nothing() -> None:
    forecast = Forecast(rows=8_000, batch_size=100)
    for _ in range(10):
        forecast.add(steady(100), 1.0)
    forecast.created = 1_000
    stages = forecast.stages
    # So many batches that the way of the first one through all threads is nothing.
    stages.batches[TRANSFORM] = 1_000_000
    stages._lanes[1][TRANSFORM], stages._lanes[2][LOAD] = 10.0, 5.0  # type: ignore[assignment]
    assert forecast.seconds == pytest.approx(80.0, rel=1e-4)
    stages._lanes[2][LOAD] = 10.0  # type: ignore[assignment]
    assert forecast.seconds == pytest.approx(1.0 + 79.0 * (1 + 3 * GROWTH), rel=1e-4)


def test_the_cost_of_a_batch_shows_when_one_is_cut_up() -> None:
    forecast = Forecast(rows=100_000, batch_size=1_000)
    for _ in range(5):
        forecast.add(steady(1_000), 0.1 + 1_000 * 0.0001)
    for _ in range(10):
        forecast.add(steady(100, is_part=True), 0.1 + 100 * 0.0001)
    assert forecast.overhead_share == pytest.approx(0.5)
    # 0.1 is 5 percent of 2 seconds, and so of 19,000 rows with the batch's own tenth.
    assert forecast.recommended_batch_size == 20_000


@pytest.mark.parametrize(
    ("rows", "size", "expected", "stretches"),
    [
        (0, 10, 0, 0),
        (95, 10, 95, 1),
        (50_000, 1_000, FEWEST, 5),
        (1_000_000, 1_000, MOST, 5),
        (1_000_000, 10_000, 120_000, 3),
        (1_000_000, 50_000, 400_000, 2),
    ],
)
def test_a_sample_is_spread_over_the_table(rows: int, size: int, expected: int, stretches: int) -> None:
    sample = Sample(rows, size, Opening(0.0))
    assert (sample.rows, len(sample.spots)) == (expected, stretches)
    middles = [(spot.start + spot.stop) / 2 for spot in sample.spots]
    wanted = [rows * (2 * number + 1) / (2 * stretches) for number in range(stretches)]
    assert middles == pytest.approx(wanted, abs=size)
    assert all(spot.start >= 0 and spot.stop <= rows for spot in sample.spots)
    assert all(after.start >= before.stop for before, after in pairwise(sample.spots))


def test_wide_rows_make_a_small_sample() -> None:
    sample = Sample(1_000_000, 1_000, Opening(0.0, row_bytes=MOST_BYTES / 20_000))
    assert sample.rows == 20_000


@SAME_VENDORS
@pytest.mark.parametrize("seconds_to_open", [QUICK / 2, QUICK * 2])
def test_stretches_are_read_in_order_or_as_stored(pair: Pair, seconds_to_open: float) -> None:
    rows, size = 60_000, 1_000
    make_table("t", {"no": "integer", "rest": "integer"}, [(rows - no, no % 7) for no in range(rows)])
    with open_table("t", "legacy") as table:
        table.reader.order = [OrderBy("no")]
        sample = Sample(rows, size, Opening(seconds_to_open))
        sample.settle(table.reader)
        pieces = list(sample.pieces(table.reader))
    read = [no for piece in pieces for no in piece.raw.column("no").to_pylist()]
    stored = [rows - no for no in range(rows)]
    source = sorted(stored) if seconds_to_open <= QUICK else stored
    assert len(sample.spots) == 5
    assert read == [no for spot in sample.spots for no in source[spot.start : spot.stop]]
    # Of each stretch the first batch waits for the database; the last stretch begins with one that is cut up.
    in_each = len(sample.spots[0]) // size
    whole = [False, *[True] * (in_each - 1)]
    cut = [False, *[True] * (PARTS - 1), False, *[True] * (in_each - 2)]
    assert [piece.is_steady for piece in pieces] == whole * 4 + cut
    assert [piece.raw.num_rows for piece in pieces if piece.is_part] == [size // PARTS] * PARTS


def test_a_source_that_is_slow_in_its_middle_is_tried_at_its_beginning(databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    make_table("t", {"no": "integer"}, [(no,) for no in range(30_000)])

    class SlowReader(SqliteReader):
        def batches(self, *given: Any, **options: Any) -> Iterator[pa.RecordBatch]:
            if options.get("offset"):
                time.sleep(SLOW)
            return super().batches(*given, **options)

    with open_table("t", "legacy") as table:
        table.reader.__class__ = SlowReader
        sample = Sample(30_000, 1_000, Opening(0.0))
        sample.settle(table.reader)
        assert sample.spots == [range(sample.rows)]
        read = [no for piece in sample.pieces(table.reader) for no in piece.raw.column("no").to_pylist()]
    assert read == list(range(FEWEST))


@SAME_VENDORS
def test_a_sample_goes_the_way_of_the_load(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are put straight into an empty table, and compared with one that is not; no sequence is drawn."""
    make_table("places", {"no": "integer", "code": "varchar(9)"}, [(no, f"p{no}") for no in range(400)])
    ways: list[str] = []
    for name in ("append", "match"):
        monkeypatch.setattr(SqlTarget, name, noting(ways, getattr(SqlTarget, name)))
    registry = Registry([Places])

    estimated("places", 100, registry)
    assert set(ways) == {"append", "match"}  # the check at the end compares
    appended = ways.count("append")
    load(Places)
    assert Place.objects.order_by("pk").values_list("pk", flat=True)[0] == 1  # none was drawn
    ways.clear()
    estimated("places", 100, registry)
    assert appended == PARTS + 3
    assert "append" not in ways


class Rebuilt(PatientTransformer):
    class Meta(PatientTransformer.Meta):
        name = "rebuilt"
        rebuild_indexes = True


@pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)
def test_indexes_that_a_load_sets_aside_are_set_aside_and_stay(pair: Pair) -> None:
    make_legacy_hospital(300, seed=2)
    registry = Registry([DepartmentTransformer, Rebuilt])
    before = checksums("default"), indexes()
    forecast = Rehearsal(make_plan(Rebuilt, registry), registry, RunOptions(dry_run=True)).forecast()
    assert (checksums("default"), indexes()) == before
    assert forecast.created > 0
    assert forecast.rebuilding_seconds > 0.001  # it makes several


def indexes() -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'hospital_patient'")
        return sorted(cursor.fetchall())


def noting(ways: list[str], original: Any) -> Any:
    def noted(target: SqlTarget, *given: Any) -> Any:
        ways.append(original.__name__)
        return original(target, *given)

    return noted
