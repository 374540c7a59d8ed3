"""Promise 8: what the target would refuse is found before, and surprises are narrowed down."""

from __future__ import annotations

import pytest
from django.db import connections

from etl_assets import Transformer, col, key
from etl_assets.models import Run
from tests.databases import Pair
from tests.integration.promised import (
    TO_EACH,
    Members,
    Plains,
    old_members,
    old_plain,
)
from tests.legacy import (
    attempt,
    checksums,
    counts,
    dry_run,
    execute,
    load,
    loaded,
    make_table,
    reasons,
    rejected,
    rows_of,
    stored_rejects,
)
from tests.targets.models import Member, Plain, Priced, Visitor


def test_what_the_target_would_refuse_is_found_row_by_row(pair: Pair):
    old_members(
        [
            (1, 1, "ann@x", "t", 1, "Y", 30),
            (2, 1, "bob@x", "t", 2, "N", 30),  # number of the first
            (3, 3, "ANN@x", "t", 3, "N", 30),  # e-mail of the first, but for case
            (4, 4, "dan@x", "t", 1, "N", 30),  # seat of the first
            (5, 5, "eve@x", "t", 5, "Y", 30),  # a second leader
            (6, 6, "fay@x", "u", 1, "Y", -1),  # too young
            (7, 7, "gus@x", "u", 1, "Y", 13),  # thirteen
            (8, 8, "hal@x", "u", 1, "Y", None),  # nulls pass a check
            (9, None, None, None, None, "N", 5),
            (10, None, None, None, 1, "N", 5),  # nulls are never equal
            (11, 2**31 - 1, "k@x", "u", 2, "N", 5),
            (12, 12, "k" * 41, "u", 3, "N", 5)
            if pair.source.vendor == "sqlite"
            else (12, 12, "l", "u", 1, "N", 5),
        ]
    )
    before = checksums()["etl_assets_reject"]

    report = load(Members)

    assert counts(report) == (12, 5, 0, 0, 7, 0)
    assert sorted(loaded(Member, "legacy_id", "number")) == [1, 8, 9, 10, 11]
    expected = [
        ("2", "number", "unique"),
        ("3", "", "member_email"),
        ("4", "", "member_seat"),
        ("5", "", "member_leader"),
        ("6", "", "member_age"),
        ("7", "", "member_age"),
        ("12", "email", "max_length") if pair.source.vendor == "sqlite" else ("12", "", "member_seat"),
    ]
    assert rejected(report) == sorted(expected)
    assert checksums()["etl_assets_reject"] != before


def refuse_sevens(table: str, column: str) -> None:
    """A rule that only the target database knows."""
    if connections["default"].vendor == "sqlite":
        execute(
            f"CREATE TRIGGER sevens BEFORE INSERT ON {table} WHEN NEW.{column} % 7 = 0 "
            "BEGIN SELECT RAISE(ABORT, 'no sevens here'); END",
            using="default",
        )
        execute(
            f"CREATE TRIGGER sevens_too BEFORE UPDATE ON {table} WHEN NEW.{column} % 7 = 0 "
            "BEGIN SELECT RAISE(ABORT, 'no sevens here'); END",
            using="default",
        )
        return
    execute(
        "CREATE FUNCTION no_sevens() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NEW.{column} % 7 = 0 THEN RAISE EXCEPTION 'no sevens here'; END IF; RETURN NEW; END $$",
        using="default",
    )
    execute(
        f"CREATE TRIGGER sevens BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION no_sevens()",
        using="default",
    )


@TO_EACH
@pytest.mark.parametrize("rollback", [True, False])
def test_a_surprise_is_narrowed_down_to_the_rows_at_fault(pair: Pair, rollback: bool):
    old_plain([(f"k{n}", "n", str(n), n) for n in range(1, 23)])
    refuse_sevens("targets_plain", "value")

    rehearsed = dry_run(Plains).transformers["plains"]
    report = load(Plains, rollback=rollback, batch_size=10)

    assert counts(report) == counts(rehearsed) == (22, 19, 0, 0, 3, 0)
    assert (
        rejected(report)
        == rejected(rehearsed)
        == [("k14", "", "database"), ("k21", "", "database"), ("k7", "", "database")]
    )
    assert "no sevens here" in reasons(report)["k7"]
    assert set(loaded(Plain, "legacy_id", "value").values()) == {n for n in range(1, 23) if n % 7}

    execute("UPDATE old_plain SET value = '28' WHERE id = 'k1'")
    execute("UPDATE old_plain SET value = '27' WHERE id = 'k2'")
    assert counts(load(Plains)) == (22, 0, 1, 17, 4, 0)
    assert loaded(Plain, "legacy_id", "value")["k1"] == 1, "it stays as it was loaded once"


@TO_EACH
def test_a_surprise_at_the_commit_loses_no_reject_and_no_promise(pair: Pair):
    """A trigger makes a dangling row elsewhere, which SQLite notices only when the transaction ends."""
    old_plain([("k1", "n", "x", 1), ("k2", "n", "2", 2), ("k3", "n", "3", 3)])
    insert_orphan = "INSERT INTO targets_visitor (legacy_id, place_id) VALUES (NEW.value, 4711)"
    when = "AFTER INSERT ON targets_plain"
    if pair.target.vendor == "sqlite":
        execute(
            f"CREATE TRIGGER orphan {when} WHEN NEW.value = 3 BEGIN {insert_orphan}; END", using="default"
        )
    else:
        execute(
            "CREATE FUNCTION orphan() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {insert_orphan}; RETURN NEW; END $$",
            using="default",
        )
        execute(
            f"CREATE TRIGGER orphan {when} FOR EACH ROW WHEN (NEW.value = 3) EXECUTE FUNCTION orphan()",
            using="default",
        )

    report = attempt(Plains)

    assert ("k1", "value", "integer") in stored_rejects("plains"), "found before the failure, so kept"
    if report.status == "failed":
        assert Plain.objects.count() == 0
        assert Run.objects.get().status == Run.Status.FAILED
    else:
        assert loaded(Plain, "legacy_id", "value") == {"k2": 2}
    assert Visitor.objects.count() == 0


@TO_EACH
def test_constraints_over_columns_that_the_database_fills(pair: Pair):
    make_table(
        "old_priced",
        {"id": "integer", "net": "integer"},
        [(1, 10), (2, 51), (3, 50), (4, 10)],
        primary_key="id",
    )

    class Priceds(Transformer):
        class Meta:
            source = "old_priced"
            model = Priced
            name = "priceds"

        legacy_id = key("id")
        net = col("net")

    report = load(Priceds)

    assert rows_of(Priced, "legacy_id", "net", "factor", "gross") == [(1, 10, 2, 20), (3, 50, 2, 100)]
    assert [key for key, _, _ in rejected(report)] == ["2", "4"]
    assert counts(load(Priceds)) == (4, 0, 0, 2, 2, 0)
