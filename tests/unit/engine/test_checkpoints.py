"""Where a run without rollback may go on, and where it must not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pytest

from etl_assets import Transformer, key
from etl_assets.engine.checkpoints import Checkpoints
from etl_assets.engine.claims import Keys, StoredClaims
from etl_assets.engine.plan import Plan, make_plan
from etl_assets.engine.sieve import hashes_of
from etl_assets.engine.sources import open_reader
from etl_assets.exceptions import ConfigurationError
from etl_assets.models import Checkpoint, ClaimedKey
from tests.databases import Databases
from tests.legacy import make_table
from tests.targets.models import Plain


def plan_of(**options: object) -> Plan:
    meta = type("Meta", (), {"source": "old", "model": Plain, **options})
    transformer = type("Plains", (Transformer,), {"Meta": meta, "legacy_id": key("no")})
    return make_plan(transformer, {"plains": transformer})


class Desk:
    """Makes checkpoints of transformers over one legacy table."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, run_id: str = "run-1", **options: object) -> Checkpoints:
        plan = plan_of(**options)
        return Checkpoints(plan, self._stack.enter_context(open_reader(plan)), run_id)


@pytest.fixture
def checkpoints(databases: Databases) -> Iterator[Desk]:
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)
    for name in ("old", "older"):
        make_table(name, {"no": "integer", "day": "date"}, [(1, None)], primary_key="no")
    with ExitStack() as stack:
        yield Desk(stack)


def test_the_next_run_goes_on_where_the_last_one_stopped(checkpoints: Desk):
    assert checkpoints().last() is None

    checkpoints().save([7], 100)
    assert checkpoints("run-2").last() == ([7], 100)
    checkpoints("run-2").save(["2020-01-31", None], 250)

    assert checkpoints("run-3").last() == (["2020-01-31", None], 250)
    assert list(Checkpoint.objects.values_list("transformer", "run_id", "rows_read")) == [
        ("plains", "run-2", 250)
    ]


@pytest.mark.parametrize(
    "changed",
    [{"order_by": "day"}, {"order_by": "-no"}, {"source": "older"}, {"name": "others"}],
    ids=["another order", "another direction", "another table", "another transformer"],
)
def test_a_position_means_nothing_where_rows_are_read_differently(checkpoints: Desk, changed: dict[str, str]):
    checkpoints().save([7], 100)

    assert checkpoints(**changed).last() is None
    assert checkpoints().last() == ([7], 100)


def test_a_position_in_another_database_means_nothing(checkpoints: Desk, databases: Databases):
    checkpoints().save([7], 100)
    databases.fresh("archive", "sqlite")
    make_table("old", {"no": "integer"}, [], primary_key="no", using="archive")

    assert checkpoints(database="archive").last() is None


def test_a_finished_run_forgets_where_it_was_and_which_keys_it_had(checkpoints: Desk):
    checkpoints().save([7], 100)
    checkpoints(name="others").save([8], 200)
    text = pa.array(["a"])
    taken = Keys(np.zeros(1, np.int64), text, hashes_of([text]))
    for name in ("plains", "others"):
        StoredClaims("default", name, at_once=10).add(taken, pa.array(["1"]))

    checkpoints().clear()

    assert checkpoints().last() is None
    assert checkpoints(name="others").last() == ([8], 200)
    assert list(ClaimedKey.objects.values_list("transformer", flat=True)) == ["others"]


def test_another_target_keeps_its_own_and_says_where_it_cannot(checkpoints: Desk, databases: Databases):
    databases.fresh("elsewhere", "sqlite")
    there = checkpoints(using="elsewhere")

    assert there.last() is None
    there.clear()
    with pytest.raises(ConfigurationError) as caught:
        there.require()
    assert str(caught.value) == (
        "Database 'elsewhere' has no table for checkpoints, which a run without rollback needs: "
        "run manage.py migrate etl_assets --database elsewhere."
    )
    checkpoints().require()


def test_a_migrated_target_has_its_own(checkpoints: Desk, databases: Databases):
    databases.fresh("elsewhere", "sqlite", migrated=True)
    there = checkpoints(using="elsewhere")
    there.require()
    there.save([7], 100)

    assert there.last() == ([7], 100)
    assert checkpoints().last() is None
    assert Checkpoint.objects.using("default").count() == 0
