"""What a real load says of itself while it runs, held against what then came."""

from __future__ import annotations

import logging
import time
from itertools import pairwise

import pytest

from etl_assets import Transformer, col, key
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse, run_transformer
from etl_assets.engine.progress import Silent
from etl_assets.engine.report import TransformerReport
from etl_assets.engine.targets.sql import SqlTarget
from etl_assets.models import Run
from etl_assets.orchestration.progress import EventLog
from etl_assets.registry import Registry
from tests.databases import Pair
from tests.legacy import make_table, new_run_id
from tests.targets.models import Plain

ROWS, BATCHES = 4_000, 40
SIZE = ROWS // BATCHES
PAUSE = 0.06
"""What each batch takes at least; all of the rest is a few milliseconds."""
CLOSING = 0.8

TO_EACH = pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True)


class Uniform(Transformer):
    class Meta:
        source = "old_plain"
        model = Plain
        name = "plains"

    legacy_id = key("id")
    name = col("name")
    value = col("value").integer()

    def transform(self, rows):
        time.sleep(PAUSE)
        return rows


class Listener(Silent):
    """Notes the time left, and when that was said."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float, float]] = []

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        assert report.pace is not None
        standing = report.pace.standing
        if standing.seconds_left is not None:
            self.told.append((standing.done, time.monotonic(), standing.seconds_left))


@pytest.fixture
def uniform(pair: Pair) -> Registry:
    rows = [(str(number), f"n{number}", str(number)) for number in range(ROWS)]
    make_table("old_plain", {"id": "text", "name": "text", "value": "text"}, rows, primary_key="id")
    return Registry([Uniform])


@pytest.fixture
def slow_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing takes its time, as a look through a large target does."""
    really = SqlTarget.close

    def close(target: SqlTarget) -> None:
        time.sleep(CLOSING)
        really(target)

    monkeypatch.setattr(SqlTarget, "close", close)


def run(registry: Registry, **options: object) -> tuple[Listener, float]:
    listener = Listener()
    given = RunOptions(batch_size=SIZE, **options)  # type: ignore[arg-type]
    report = run_transformer(Uniform, registry, given, run_id=new_run_id(), progress=listener)
    assert report.status == "success"
    assert report.counts.read == ROWS
    return listener, time.monotonic()


@TO_EACH
def test_after_a_tenth_of_a_uniform_load_the_time_left_is_within_a_fifth(uniform: Registry, slow_close: None):
    run(uniform)  # how long closing takes is known from the second run on
    listener, ended = run(uniform)

    from_a_tenth = [one for one in listener.told if one[0] >= ROWS // 10]
    assert len(from_a_tenth) > BATCHES * 0.8
    for done, moment, left in from_a_tenth:
        assert left == pytest.approx(ended - moment, rel=0.2), f"after {done} rows"


@TO_EACH
@pytest.mark.parametrize("rollback", [True, False])
def test_a_first_run_is_within_a_fifth_where_closing_takes_its_usual_share(uniform: Registry, rollback: bool):
    listener, ended = run(uniform, rollback=rollback)

    for done, moment, left in listener.told:
        if ROWS // 10 <= done <= ROWS * 3 // 4:  # what is left at the very end is a few milliseconds
            assert left == pytest.approx(ended - moment, rel=0.2), f"after {done} rows"


@TO_EACH
def test_rows_are_done_when_they_are_written(uniform: Registry):
    done = []

    class Looks(Silent):
        def batch(self, report: TransformerReport, number: int, rows: int) -> None:
            assert report.pace is not None
            done.append((number, report.pace.done))

    report = run_transformer(
        Uniform, uniform, RunOptions(batch_size=SIZE), run_id=new_run_id(), progress=Looks()
    )

    assert done == [(number, (number - 1) * SIZE) for number in range(1, BATCHES + 1)]
    assert report.pace is not None
    assert (report.pace.done, report.pace.standing.percent) == (ROWS, 100)


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_closing_is_kept_with_the_run_and_not_by_a_dry_run(uniform: Registry, slow_close: None):
    rehearse([Uniform], uniform, RunOptions(dry_run=True, batch_size=SIZE), run_id=new_run_id())
    assert not Run.objects.exists()

    run(uniform)

    assert Run.objects.get().stages["closing"]["seconds"] == pytest.approx(CLOSING, abs=0.3)


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_the_dagster_log_has_a_line_a_second_at_most(uniform: Registry, caplog: pytest.LogCaptureFixture):
    log = logging.getLogger("tests.dagster")
    with caplog.at_level(logging.INFO, log.name):
        started = time.monotonic()
        run_transformer(
            Uniform, uniform, RunOptions(batch_size=SIZE // 4), run_id=new_run_id(), progress=EventLog(log)
        )
        took = time.monotonic() - started

    lines = [record for record in caplog.records if record.getMessage().startswith("Processing batch")]
    assert 2 <= len(lines) <= took + 1
    gaps = [after.created - before.created for before, after in pairwise(lines)]
    assert min(gaps) > 0.9
    assert lines[0].getMessage() == f"Processing batch 1 ({SIZE // 4} records)"
    for part in ("percent)", "rows/s", " left"):
        assert part in lines[1].getMessage()
    assert caplog.records[-1].getMessage().startswith(f"Processed {ROWS} of {ROWS} records (100 percent), ")
