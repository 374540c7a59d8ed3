"""What failing checks make of a run, and which fields are not shown."""

from __future__ import annotations

import pytest

from etl_assets import Transformer, col, concat, key
from etl_assets.engine.checks.result import CheckResult, hidden_fields, percent, require
from etl_assets.engine.plan import make_plan
from etl_assets.exceptions import ChecksFailed
from etl_assets.registry import Registry
from tests.targets.models import Plain


def test_warnings_and_what_passed_let_a_run_go_on() -> None:
    require([CheckResult("one", True, "all is well"), CheckResult("two", False, "it is odd", "warning")])


def test_errors_end_it_in_one_sentence_that_names_them() -> None:
    with pytest.raises(ChecksFailed) as caught:
        require(
            [
                CheckResult("one", False, "2 rows are lost"),
                CheckResult("two", False, "it is odd", "warning"),
                CheckResult("three", False, "1 key is that of several rows"),
            ]
        )

    assert str(caught.value) == (
        "Check 'one' failed: 2 rows are lost; check 'three' failed: 1 key is that of several rows: "
        "mend that, then run again."
    )


def test_a_share_of_nothing_is_nothing() -> None:
    assert (percent(0, 0), percent(1, 3), percent(3, 3)) == (0.0, 33.3333, 100.0)


class Secrets(Transformer):
    class Meta:
        source = "old"
        model = Plain

    legacy_id = key("id")
    name = concat("first", "ssn")
    value = col("amount")


def test_fields_are_hidden_by_the_settings_or_by_what_their_columns_are_called() -> None:
    plan = make_plan(Secrets, Registry([Secrets]))

    assert hidden_fields(plan, ()) == {"name"}
    assert hidden_fields(plan, {"amount"}) == {"name", "value"}
    assert hidden_fields(plan, {"legacy_id"}) == {"name", "legacy_id"}
