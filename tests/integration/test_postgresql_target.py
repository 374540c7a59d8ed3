"""What PostgreSQL as a target needs beyond the others."""

from __future__ import annotations

import pytest
from django.db import connections

from tests.databases import Pair
from tests.integration.old import Plains, old
from tests.legacy import load
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
