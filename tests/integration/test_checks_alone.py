"""Checks by themselves, between runs: what somebody has changed in the source or the target since."""

from __future__ import annotations

from typing import Any

import pytest

from etl_assets import Transformer
from etl_assets.engine.checks import CheckResult
from etl_assets.engine.checks.alone import check_alone
from etl_assets.engine.checks.matching import spread
from etl_assets.engine.options import RunOptions
from etl_assets.engine.plan import make_plan
from etl_assets.engine.sources import open_reader
from etl_assets.exceptions import ConfigurationError
from etl_assets.models import CheckResult as Kept
from etl_assets.registry import Registry
from tests.databases import Pair
from tests.integration.checked import (
    PLAIN,
    Judged,
    Pairs,
    Places,
    Plains,
    Visitors,
    behind_the_back,
    make_legacy,
    make_plain,
)
from tests.legacy import checksums, execute, load, make_table
from tests.targets.models import Pairwise, Place, Plain

ONE_PAIR = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
MATCHES = "matches_source"


def alone(
    name: str, transformer: type[Transformer], *others: type[Transformer], **options: Any
) -> CheckResult:
    (found,) = check_alone(transformer, Registry([transformer, *others]), [name], RunOptions(**options))
    return found


def test_a_target_that_nobody_touched_matches_and_nothing_is_written(pair: Pair):
    make_legacy()
    load(Places)
    load(Visitors, Places)
    load(Judged)
    before = checksums()

    assert alone(MATCHES, Visitors, Places).figures == {
        "source_rows": 4, "read": 4, "compared": 4, "rejected": 0, "skipped": 0, "missing": 0, "different": 0
    }  # fmt: skip
    assert alone(MATCHES, Judged).figures == {
        "source_rows": 5, "read": 5, "compared": 3, "rejected": 2, "skipped": 0, "missing": 0, "different": 0
    }  # fmt: skip
    assert checksums() == before


def test_a_target_row_that_was_changed_or_taken_away_is_found(pair: Pair):
    make_legacy()
    load(Plains)
    Plain.objects.filter(legacy_id="a").update(name="Anna", value=None)
    Plain.objects.filter(legacy_id="e").delete()

    found = alone(MATCHES, Plains)

    assert (found.passed, found.severity) == (False, "error")
    assert (found.figures["missing"], found.figures["different"]) == (1, 1)
    assert sorted(map(dict, found.samples), key=repr) == [
        {"legacy_key": "a", "problem": "different", "field": "name", "source": "Ann", "target": "Anna"},
        {"legacy_key": "a", "problem": "different", "field": "value", "source": 1, "target": None},
        {"legacy_key": "e", "problem": "missing"},
    ]
    load(Plains)
    assert alone(MATCHES, Plains).passed


def test_a_source_row_that_was_changed_or_added_is_found(pair: Pair):
    make_legacy()
    load(Plains)
    execute("UPDATE old_plain SET value = 77 WHERE id = 'd'")
    execute("INSERT INTO old_plain VALUES ('z', 'Zoe', 1)")

    found = alone(MATCHES, Plains)

    assert (found.figures["missing"], found.figures["different"]) == (1, 1)


def test_rows_that_a_run_had_to_reject_are_no_fault(pair: Pair):
    """The cleaning accepts them: two with one key, and one whose unique code another row has."""
    columns = {"nr": "integer", "id": "integer", "code": "varchar(9)", "name": "varchar(20)"}
    rows = [(1, 1, "a", "Abbey"), (2, 1, "b", "Again"), (3, 3, "a", "Castle"), (4, 4, "d", "Dock")]
    make_table("old_places", columns, rows, primary_key="nr")
    report = load(Places)
    assert report.counts.rejected == 2

    found = alone(MATCHES, Places)

    assert found.passed
    assert (found.figures["compared"], found.figures["rejected"]) == (2, 2)
    Place.objects.filter(code="A").update(name="Tampered")  # its rejected twin excuses nothing
    assert alone(MATCHES, Places).figures["different"] == 1


@ONE_PAIR
def test_rows_are_cleaned_as_the_last_run_cleaned_them(pair: Pair):
    make_legacy()
    load(Judged, validation=False)

    assert alone(MATCHES, Judged).figures["compared"] == len(PLAIN)


@ONE_PAIR
def test_values_are_masked_where_settings_or_names_say_so(pair: Pair, settings: Any):
    make_legacy()
    load(Plains)
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SENSITIVE_COLUMNS": ["name"]}
    Plain.objects.filter(legacy_id="a").update(name="Anna")

    assert list(alone(MATCHES, Plains).samples) == [
        {"legacy_key": "a", "problem": "different", "field": "name", "source": "***", "target": "***"}
    ]


def test_a_sample_finds_what_is_wrong_everywhere_and_all_rows_find_each(pair: Pair):
    make_plain([(f"{number:04}", "x", number) for number in range(2_000)])
    load(Plains)
    Plain.objects.filter(value__gte=1_990).update(name="y")

    sample, everything = alone(MATCHES, Plains, match_rows=100), alone(MATCHES, Plains, match_rows=None)

    assert sample.figures["read"] == 100
    assert everything.figures["read"] == 2_000
    assert everything.figures["different"] == 10
    assert len(everything.samples) == 5


def test_a_sample_is_read_at_ten_places_that_lie_apart(pair: Pair):
    make_plain([(f"{number:04}", "x", number) for number in range(1_000)])
    plan = make_plan(Plains, Registry([Plains]))

    with open_reader(plan) as reader:
        batches = list(spread(reader, 1_000, 50))

    values = [value for batch in batches for value in batch.column("value").to_pylist()]
    assert sorted(values) == [100 * spot + step for spot in range(10) for step in range(5)]


@ONE_PAIR
def test_a_full_reading_keeps_no_more_than_some_thousand_rows(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    make_plain([(f"{number:05}", "x", number) for number in range(300)])
    load(Plains)
    monkeypatch.setattr("etl_assets.engine.checks.matching.AT_ONCE", 100)
    sizes: list[int] = []

    class Watched(Plains):
        class Meta(Plains.Meta):
            pass

        def prepare(self, rows):
            sizes.append(len(rows))
            return rows

    assert alone(MATCHES, Watched, match_rows=None).figures["compared"] == 300
    assert sizes == [100, 100, 100]


# The others


def test_orphans_and_repeated_keys_are_found_without_a_run(pair: Pair):
    make_legacy()
    load(Places)
    load(Visitors, Places)
    Pairwise.objects.bulk_create([Pairwise(first="1", second="q"), Pairwise(first="2", second="q")])
    assert alone("no_orphans", Visitors, Places).passed
    behind_the_back(f"DELETE FROM {Place._meta.db_table} WHERE code = 'B'")

    assert alone("no_orphans", Visitors, Places).figures == {"place": 2}
    found = alone("keys_unique", Pairs)
    assert (found.figures["repeated_keys"], found.severity) == (1, "error")


def test_shares_of_nulls_are_those_of_now_against_the_last_run(pair: Pair):
    make_legacy()
    load(Plains)
    assert alone("null_share", Plains).passed
    Plain.objects.update(name=None)

    found = alone("null_share", Plains)

    assert found.description == "The share of nulls has moved in name (from 20.0% to 100.0%)"


def test_what_only_a_run_can_count_is_told_of_the_last_one(pair: Pair):
    make_legacy()
    load(Judged, run_id="0123456789abcdef")

    for name in ("rows_accounted_for", "rejected_share", "rule_positive", "rule_modest"):
        kept, found = Kept.objects.get(name=name), alone(name, Judged)
        assert (found.passed, found.figures, found.severity) == (kept.passed, kept.figures, kept.severity)
        assert found.description.endswith("(run 01234567)")


@ONE_PAIR
def test_before_the_first_run_it_says_what_to_do(pair: Pair):
    make_legacy()

    with pytest.raises(ConfigurationError) as caught:
        alone("rule_positive", Judged)

    assert str(caught.value) == (
        "Only a run of 'judged' can tell about 'rule_positive', and none is recorded that did: "
        "run the transformer first."
    )
