"""What PostgreSQL as a target needs beyond the others."""

from __future__ import annotations

import pytest
from django.db import connections

from tests.databases import Pair
from tests.integration.old import Plains, old
from tests.legacy import attempt, load
from tests.targets.models import Plain

TO_POSTGRESQL = pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)


@TO_POSTGRESQL
def test_the_planner_is_told_how_large_the_target_has_grown(pair: Pair):
    """Autovacuum sees no uncommitted row: it may note the table as empty in the middle of a load."""
    old(*[(f"k{n}", "x", n) for n in range(8_000)])
    Plain.objects.create(legacy_id="there before", value=0)

    load(Plains, batch_size=500)

    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'targets_plain'::regclass")
        # Told after 1000 new rows, and next after four times as many, which have not come.
        assert cursor.fetchone()[0] == 1_501


@TO_POSTGRESQL
def test_a_key_that_takes_texts_for_one_is_refused(pair: Pair):
    """Of 'a' and 'A' the second would be taken for a change of the first."""
    old(("a", "one", 1), ("A", "two", 2))
    with connections["default"].cursor() as cursor:
        # Only ICU makes such a collation, and not every server has it; the catalogue can tell of one anyhow.
        cursor.execute('CREATE COLLATION loose FROM "C"')
        cursor.execute("UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'loose'")
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'targets_plain_legacy_id%like'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("ALTER TABLE targets_plain ALTER legacy_id TYPE varchar(30) COLLATE loose")

    report = attempt(Plains)

    assert report.error is not None
    assert "Column legacy_id of targets_plain has a nondeterministic collation" in report.error
    assert not Plain.objects.exists()
