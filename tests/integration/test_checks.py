"""Each check of a run, passing and failing, on every pair; what is expected is counted by hand."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connections

from etl_assets import Transformer, col, key
from etl_assets.engine.checks.alone import check_alone
from etl_assets.engine.merge import Merged, Merger, Prepared
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import rehearse
from etl_assets.exceptions import ChecksFailed
from etl_assets.models import CheckResult, Run
from etl_assets.registry import Registry
from tests.databases import Pair
from tests.integration.checked import (
    PLAIN,
    VISITORS,
    Judged,
    Pairs,
    Percents,
    Places,
    Plains,
    Visitors,
    behind_the_back,
    check,
    make_legacy,
    make_plain,
    names,
)
from tests.integration.old import cut_off
from tests.legacy import attempt, configured, dry_run, insert, load, make_table, rows_of
from tests.targets.models import Pairwise, Percented, Place, Plain, Visitor

ONE_PAIR = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
TO_EACH = pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True)


def test_a_good_run_passes_all_of_its_checks(pair: Pair):
    make_legacy()
    load(Places)

    report = load(Visitors, Places)

    assert names(report) == [
        "rows_accounted_for", "rejected_share", "null_share", "keys_unique", "no_orphans", "matches_source"
    ]  # fmt: skip
    assert all(one.passed for one in report.checks)
    assert check(report, "rows_accounted_for").figures == {"expected": 4, "read": 4, "ended": 4}
    assert check(report, "rejected_share").figures == {"rejected": 0, "read": 4, "rejected_percent": 0.0}
    assert check(report, "no_orphans").figures == {"place": 0}
    assert check(report, "matches_source").figures["compared"] == len(VISITORS)
    assert report.target_rows == len(VISITORS)


def test_results_are_kept_with_the_run_and_a_second_attempt_replaces_them(pair: Pair):
    make_legacy()
    load(Places, run_id="one")
    load(Judged, run_id="one")
    report = load(Judged, run_id="one")

    kept = CheckResult.objects.filter(run__run_id="one", run__transformer="judged")
    assert [
        (one.name, one.passed, one.severity, one.blocking, one.description, one.figures, one.samples)
        for one in kept
    ] == [
        (one.name, one.passed, one.severity, one.blocking, one.description, one.figures, list(one.samples))
        for one in report.checks
    ]
    assert Run.objects.get(transformer="places").checks.count() == 5


# The run's own counts


@ONE_PAIR
def test_an_unbalanced_run_fails_and_its_check_says_so(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    make_legacy()
    load_batch = Merger.load

    def lose_one(self: Merger, prepared: Prepared) -> Merged:
        merged = load_batch(self, prepared)
        merged.created -= 1
        return merged

    monkeypatch.setattr(Merger, "load", lose_one)

    report = attempt(Places)

    assert report.status == "failed"
    found = check(report, "rows_accounted_for")
    assert (found.passed, found.severity, found.blocking) == (False, "error", True)
    assert found.figures == {"expected": 3, "read": 3, "ended": 2}
    assert not Place.objects.exists()
    assert Run.objects.get().checks.get(name="rows_accounted_for").passed is False


def test_rejects_are_a_warning_in_lenient_mode(pair: Pair):
    make_legacy()

    report = load(Judged)

    found = check(report, "rejected_share")
    rejected = sum(value < 0 for _, _, value in PLAIN)
    assert (found.passed, found.severity) == (False, "warning")
    assert found.figures == {"rejected": rejected, "read": 5, "rejected_percent": 100 * rejected / 5}
    assert found.description == "2 of 5 rows were rejected (40.00%)"


@TO_EACH
@pytest.mark.parametrize(
    ("limit", "severity"), [(2, "warning"), (1, "error"), ("40%", "warning"), ("39%", "error")]
)
def test_rejects_above_the_limit_are_an_error(pair: Pair, limit: Any, severity: str):
    make_legacy()
    with configured(MAX_REJECTED=limit):
        report = attempt(Judged)

    assert report.status == ("success" if severity == "warning" else "failed")
    for name in ("rejected_share", "rule_positive"):
        assert check(report, name).severity == severity
    assert check(report, "rejected_share").figures["limit"] == str(limit)
    assert Run.objects.get().checks.filter(name="rejected_share", severity=severity).exists()


@ONE_PAIR
@pytest.mark.parametrize("rollback", [True, False])
def test_strict_mode_makes_errors_of_rejects_and_offenders(pair: Pair, rollback: bool):
    make_legacy()
    with configured(VALIDATION_MODE="strict"):
        report = attempt(Judged, rollback=rollback)

    assert report.status == "failed"
    found = check(report, "rejected_share")
    assert (found.passed, found.severity) == (False, "error")
    if rollback:
        assert check(report, "rule_positive").severity == "error"
        assert check(report, "rule_modest").severity == "warning"  # as its author says


def test_each_rule_counts_its_offenders_and_names_some(pair: Pair):
    make_legacy()

    report = load(Judged)

    positive, modest = check(report, "rule_positive"), check(report, "rule_modest")
    assert positive.figures == {"offenders": 2, "rejected": 2, "loaded_with_warning": 0, "read": 5}
    assert positive.samples == [{"legacy_key": "b"}, {"legacy_key": "c"}]
    assert positive.description == "2 of 5 rows: is below zero"
    assert modest.figures == {"offenders": 1, "rejected": 0, "loaded_with_warning": 1, "read": 5}
    assert modest.samples == [{"legacy_key": "e"}]
    assert (positive.severity, modest.severity) == ("warning", "warning")


@ONE_PAIR
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_no_more_than_five_offenders_are_named_however_they_come(pair: Pair, batch_size: int):
    make_plain([(f"k{number:02}", None, -1) for number in range(20)])

    found = check(load(Judged, batch_size=batch_size), "rule_positive")

    assert found.figures["offenders"] == 20
    assert found.samples == [{"legacy_key": f"k{number:02}"} for number in range(5)]


@ONE_PAIR
def test_a_rule_in_warning_only_mode_counts_the_rows_that_it_let_pass(pair: Pair):
    make_legacy()

    report = load(Judged, validation=False)

    assert check(report, "rejected_share").passed
    found = check(report, "rule_positive")
    assert found.figures == {"offenders": 2, "rejected": 0, "loaded_with_warning": 2, "read": 5}
    assert found.severity == "warning"


@ONE_PAIR
def test_a_rule_that_nobody_broke_says_of_how_many_rows(pair: Pair):
    make_plain([("a", "Ann", 1)])

    assert check(load(Judged), "rule_positive").description == "None of 1 row is below zero"


class Changing(Judged):
    class Meta(Judged.Meta):
        watermark = "value"
        watermark_overlap = 0


@TO_EACH
def test_after_a_run_that_read_what_is_new_counts_say_of_which_rows_they_are(pair: Pair):
    """Of six rows, the second run reads the new one, the newest that it knew, and the two rejected ones."""
    make_legacy()
    load(Changing)
    insert("old_plain", [("f", "Fay", 600)])

    report = load(Changing)

    positive, modest = check(report, "rule_positive"), check(report, "rule_modest")
    assert positive.description == (
        "2 of the 4 rows that this run read: is below zero; 2 other rows of the source not judged again"
    )
    assert modest.figures == {
        "offenders": 2, "rejected": 0, "loaded_with_warning": 2, "read": 4, "source_rows": 6
    }  # fmt: skip
    rejected = check(report, "rejected_share")
    assert rejected.description == "2 of 6 rows were rejected (33.33%); this run read 4 of them"
    assert rejected.figures == {
        "rejected": 2, "read": 4, "source_rows": 6, "rejected_percent": round(100 * 2 / 6, 4)
    }  # fmt: skip
    assert check(report, "matches_source").description.startswith("2 of 6 source rows compared")


@ONE_PAIR
def test_a_run_that_goes_on_says_that_a_rule_was_asked_about_the_rest_alone(pair: Pair):
    make_legacy()
    attempt(cut_off(Judged, 2), batch_size=2, rollback=False)

    found = check(load(Judged, batch_size=2, rollback=False), "rule_positive")

    assert found.figures["read"] == 3
    assert found.description == (
        "1 of the 3 rows that this run read: is below zero; 2 before were judged by an unfinished run"
    )


@ONE_PAIR
def test_keys_are_masked_where_the_settings_say_so(pair: Pair, settings: Any):
    make_legacy()
    settings.ETL_CONFIG = {**settings.ETL_CONFIG, "SENSITIVE_COLUMNS": ["id"]}

    assert check(load(Judged), "rule_positive").samples == [{"legacy_key": "***"}, {"legacy_key": "***"}]


# The target


def test_orphans_fail_the_run_and_leave_the_target_as_it_was(pair: Pair):
    make_legacy()
    load(Places)
    load(Visitors, Places)
    abbey = Place.objects.get(code="A")
    behind_the_back(f"DELETE FROM {Place._meta.db_table} WHERE id = {abbey.pk}")
    make_table("old_visitors", {"id": "integer", "place": "integer"}, [(14, 2)], primary_key="id")

    report = attempt(Visitors, Places)

    assert report.status == "failed"
    assert isinstance(report.exception, ChecksFailed)
    assert report.error == (
        "Check 'no_orphans' failed: 1 row of 'visitors' refers to a row that is not there (place: 1): "
        "mend that, then run again."
    )
    found = check(report, "no_orphans")
    assert found.figures == {"place": 1}
    assert found.samples == [{"legacy_id": 10, "place": abbey.pk}]
    assert rows_of(Visitor, "legacy_id") == [(row[0],) for row in VISITORS]  # 14 was rolled back
    kept = Run.objects.filter(transformer="visitors").latest("pk").checks.get(name="no_orphans")
    assert (kept.passed, kept.severity, kept.figures) == (False, "error", {"place": 1})


@TO_EACH
def test_without_rollback_orphans_fail_the_run_and_the_rows_stay(pair: Pair):
    make_legacy()
    load(Places)
    load(Visitors, Places)
    behind_the_back(f"DELETE FROM {Place._meta.db_table} WHERE code = 'A'")
    make_table("old_visitors", {"id": "integer", "place": "integer"}, [(14, 2)], primary_key="id")

    report = attempt(Visitors, Places, rollback=False)

    assert report.status == "failed"
    assert report.counts.created == 1
    assert Visitor.objects.filter(legacy_id=14).exists()


@TO_EACH
def test_a_link_to_other_than_the_primary_key_is_looked_up_there(pair: Pair):
    class ByCode(Transformer):
        class Meta:
            source = "old_visits"
            model = Visitor
            name = "by_code"

        legacy_id = key("id")
        by_code = col("code")

    make_legacy()
    load(Places)
    make_table("old_visits", {"id": "integer", "code": "varchar(9)"}, [(1, "A"), (2, "B"), (3, None)])
    assert check(load(ByCode), "no_orphans").figures == {"by_code": 0}
    behind_the_back(f"UPDATE {Place._meta.db_table} SET code = 'Z' WHERE code = 'A'")

    assert check(attempt(ByCode), "no_orphans").figures == {"by_code": 1}


def test_a_key_that_several_rows_have_is_found(pair: Pair):
    make_plain([("a", "x", 1), ("b", "y", 2)], "old_pairs")
    Pairwise.objects.bulk_create(
        Pairwise(first=first, second=second) for first, second in [("1", "q"), ("2", "q"), ("3", "r")]
    )

    found = check(load(Pairs), "keys_unique")

    assert (found.passed, found.severity) == (False, "warning")
    assert found.figures == {"repeated_keys": 1, "rows_with_them": 2}
    assert found.samples == [{"second": "q", "rows": 2}]
    Pairwise.objects.filter(first="2").delete()
    assert check(load(Pairs), "keys_unique").passed


@TO_EACH
def test_a_repeated_key_is_an_error_in_strict_mode(pair: Pair):
    make_plain([("a", "x", 1)], "old_pairs")
    Pairwise.objects.bulk_create([Pairwise(first="1", second="q"), Pairwise(first="2", second="q")])

    with configured(VALIDATION_MODE="strict"):
        report = attempt(Pairs)

    assert report.status == "failed"
    assert (report.error or "").startswith("Check 'keys_unique' failed: 1 key of 'pairs' is that of several")
    assert Pairwise.objects.count() == 2


@TO_EACH
def test_a_percent_sign_in_a_column_name_is_one(pair: Pair):
    make_legacy()
    load(Places)
    grades = [str(uuid.UUID(int=number)) for number in range(4)]
    columns = {"id": "integer", "grade": "varchar(36)", "place": "integer"}
    make_table("old_percents", columns, [(1, grades[1], 1), (2, grades[2], 2)], primary_key="id")
    good = load(Percents, Places)
    table, number = Percented._meta.db_table, grades[1].replace("-", "") if is_sqlite() else grades[1]
    behind_the_back(f'INSERT INTO {table} (legacy_id, "50% %s", "%(place)s") VALUES (9, \'{number}\', 77)')
    behind_the_back(f"UPDATE {table} SET legacy_id = 8 WHERE legacy_id = 2")

    keys, orphans, there = check_alone(
        Percents, Registry([Percents, Places]), ["keys_unique", "no_orphans", "matches_source"], RunOptions()
    )

    assert all(one.passed for one in good.checks)
    assert keys.figures == {"repeated_keys": 1, "rows_with_them": 2}
    assert keys.samples == [{"grade": grades[1], "rows": 2}]
    assert orphans.figures == {"place": 1}
    assert orphans.samples == [{"grade": grades[1], "place": 77}]
    assert {
        "legacy_key": grades[2],
        "problem": "different",
        "field": "legacy_id",
        "source": 2,
        "target": 8,
    } in (there.samples)


def is_sqlite() -> bool:
    return connections["default"].vendor == "sqlite"


@TO_EACH
def test_a_lost_unique_index_does_not_hide_repeated_keys(pair: Pair):
    make_legacy()
    load(Plains)
    drop_unique(Plain, "legacy_id")
    Plain.objects.create(legacy_id="a")

    found = check(load(Plains), "keys_unique")

    assert found.figures == {"repeated_keys": 1, "rows_with_them": 2}


def drop_unique(model: Any, column: str) -> None:
    """Take a column's unique constraint away, as somebody might in a hurry."""
    connection = connections["default"]
    with connection.schema_editor() as editor:
        old = model._meta.get_field(column)
        new = old.clone()
        new._unique = False
        new.set_attributes_from_name(column)
        new.model = model
        editor.alter_field(model, old, new)


def test_null_shares_are_those_of_a_plain_count_and_a_jump_is_told(pair: Pair):
    make_legacy()
    first = check(load(Plains), "null_share")
    assert first.figures == {
        "target_rows": 5,
        "legacy_id_null_percent": 0.0,
        "name_null_percent": 100 * sum(name is None for _, name, _ in PLAIN) / 5,
        "value_null_percent": 0.0,
    }
    assert (first.passed, first.blocking) == (True, False)
    assert check(load(Plains), "null_share").passed

    make_plain([(key_, None, value) for key_, _, value in PLAIN[:2]] + PLAIN[2:])
    report = load(Plains)

    found = check(report, "null_share")
    assert (found.passed, found.severity) == (False, "warning")
    assert found.description == "The share of nulls has moved in name (from 20.0% to 60.0%)"
    assert check(load(Plains), "null_share").passed


@ONE_PAIR
def test_a_move_of_five_points_is_none_and_a_column_that_dried_up_is_one(pair: Pair):
    make_plain([(f"{n:02}", None if n < 19 else "x", None if n < 10 else 1) for n in range(20)])
    load(Plains)
    make_plain([(f"{n:02}", None, None if n < 11 else 1) for n in range(20)])

    found = check(load(Plains), "null_share")

    assert found.description == "The share of nulls has moved in name (from 95.0% to 100.0%)"


@ONE_PAIR
def test_an_empty_text_counts_as_null_where_it_stands_for_it(pair: Pair):
    class Named(Places):
        class Meta(Places.Meta):
            pass

    make_table(
        "old_places",
        {"id": "integer", "code": "varchar(9)", "name": "varchar(20)"},
        [(1, "a", None), (2, "b", "Bridge"), (3, "c", ""), (4, "d", "Dock")],
        primary_key="id",
    )

    assert check(load(Named), "null_share").figures["name_null_percent"] == 50.0


@ONE_PAIR
def test_shares_are_compared_with_those_of_a_run_that_succeeded(pair: Pair):
    make_legacy()
    load(Places)
    load(Visitors, Places)
    behind_the_back(f"DELETE FROM {Place._meta.db_table} WHERE code = 'A'")
    make_table(
        "old_visitors", {"id": "integer", "place": "integer"}, [(14, None), (15, None)], primary_key="id"
    )
    failed = [attempt(Visitors, Places) for _ in range(2)]

    assert [one.status for one in failed] == ["failed", "failed"]
    for one in failed:  # the second is not compared with the first, whose rows are gone
        assert check(one, "null_share").description == (
            "The share of nulls has moved in place (from 0.0% to 33.3%)"
        )


# Source and target


def test_what_a_trigger_changes_is_found_in_the_run(pair: Pair):
    make_legacy()
    add_trigger(pair.default.vendor)

    report = load(Plains)

    found = check(report, "matches_source")
    assert (found.passed, found.severity) == (False, "warning")
    assert found.figures["different"] == 1
    assert found.figures["compared"] == len(PLAIN)
    assert list(found.samples) == [
        {"legacy_key": "a", "problem": "different", "field": "value", "source": 1, "target": 999}
    ]
    with configured(VALIDATION_MODE="strict"):
        assert "Check 'matches_source' failed" in (attempt(Plains).error or "")


def add_trigger(vendor: str) -> None:
    """Let the database itself write something else than it was given, for one row."""
    table = Plain._meta.db_table
    with connections["default"].cursor() as cursor:
        if vendor == "sqlite":
            cursor.execute(
                f"CREATE TRIGGER meddle AFTER INSERT ON {table} WHEN NEW.legacy_id = 'a' "
                f"BEGIN UPDATE {table} SET value = 999 WHERE legacy_id = 'a'; END"
            )
            cursor.execute(
                f"CREATE TRIGGER meddle_more AFTER UPDATE ON {table} WHEN NEW.legacy_id = 'a' "
                f"AND NEW.value <> 999 BEGIN UPDATE {table} SET value = 999 WHERE legacy_id = 'a'; END"
            )
        else:
            cursor.execute(
                "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN IF NEW.legacy_id = 'a' THEN NEW.value := 999; END IF; RETURN NEW; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER meddle BEFORE INSERT OR UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION meddle()"
            )


@ONE_PAIR
@pytest.mark.parametrize(("match_rows", "batch_size"), [(10, 7), (10, 1), (3, 50), (1000, 7)])
def test_a_sample_is_spread_over_the_batches(pair: Pair, match_rows: int, batch_size: int):
    make_plain([(f"{n:03}", "x", n) for n in range(100)])

    found = check(load(Plains, match_rows=match_rows, batch_size=batch_size), "matches_source")

    assert found.passed
    assert min(match_rows, 100) <= int(found.figures["compared"]) <= max(2 * match_rows, 20)


def test_on_demand_a_run_reads_everything_anew_and_knows_its_own_rejects(pair: Pair):
    make_table(
        "old_plain",
        {"nr": "integer", "id": "varchar(20)", "name": "varchar(20)", "value": "integer"},
        [
            (1, "a", "Ann", 1),
            (2, "b", "Bob", -2),
            (3, "a", "Twin", 3),
            (4, "c", None, 500),
            (5, "d", "Dan", 5),
        ],
        primary_key="nr",
    )
    hooked: list[int] = []

    class Hooked(Judged):
        class Meta(Judged.Meta):
            pass

        def prepare(self, rows):
            hooked.append(len(rows))
            return rows

    report = load(Hooked, match_rows=None)

    found = check(report, "matches_source")
    assert found.passed
    assert found.figures["read"] == report.counts.read
    assert found.figures["rejected"] == report.counts.rejected
    assert report.counts.rejected == 2  # b is below zero, and the second a has the first one's key
    assert found.figures["compared"] == report.counts.created
    assert sum(hooked) == 2 * report.counts.read


@ONE_PAIR
def test_a_run_calls_no_hook_again_for_its_sample(pair: Pair):
    make_legacy()
    calls: list[str] = []

    def remember(text: str) -> str:
        calls.append(text)
        return text

    class Hooked(Plains):
        class Meta(Plains.Meta):
            pass

        name = col("name").apply(remember)

    load(Hooked)

    assert sorted(calls) == sorted(name for _, name, _ in PLAIN if name)


# Dry runs


def test_a_dry_run_makes_the_same_checks_and_keeps_none(pair: Pair):
    make_legacy()
    rehearsed = dry_run(Places, Visitors, Judged)
    assert not CheckResult.objects.exists()

    for transformer, others in ((Places, []), (Visitors, [Places]), (Judged, [])):
        report = load(transformer, *others)
        dry = rehearsed.transformers[report.name]
        assert [one.as_dict() for one in dry.checks] == [one.as_dict() for one in report.checks]
        assert dry.checks


def test_a_dry_run_fails_where_the_real_run_will(pair: Pair):
    make_legacy()
    load(Places)
    load(Visitors, Places)
    behind_the_back(f"DELETE FROM {Place._meta.db_table} WHERE code = 'B'")
    before = rows_of(Visitor, "legacy_id", "place_id")

    registry = Registry([Places, Visitors])
    rehearsed = rehearse([Visitors], registry, RunOptions(dry_run=True), run_id="dry")
    real = attempt(Visitors, Places)

    assert not rehearsed.succeeded
    assert rehearsed.transformers["visitors"].error == real.error
    assert [one.as_dict() for one in rehearsed.transformers["visitors"].checks] == [
        one.as_dict() for one in real.checks
    ]
    assert rows_of(Visitor, "legacy_id", "place_id") == before
