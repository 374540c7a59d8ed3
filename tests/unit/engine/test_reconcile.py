"""No row may be lost without a word."""

from __future__ import annotations

import pytest

from etl_assets.conf import RejectLimit
from etl_assets.engine.reconcile import check_balance, check_rejects
from etl_assets.engine.report import Counts
from etl_assets.exceptions import TooManyRejects, Unbalanced

ENDS = {"created": 1, "updated": 2, "unchanged": 3, "rejected": 4, "skipped": 5}


def test_what_balances_passes():
    check_balance(Counts(read=15, **ENDS))
    check_balance(Counts(read=15, **ENDS), expected=15)
    check_balance(Counts(), expected=0)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("slip", [-1, 1])
def test_one_row_too_few_or_too_many_anywhere_is_noticed(end: str, slip: int):
    counts = Counts(read=15, **{**ENDS, end: ENDS[end] + slip})

    with pytest.raises(Unbalanced) as caught:
        check_balance(counts, expected=15)
    assert str(caught.value) == (
        f"15 rows were read and {15 + slip} accounted for (created {counts.created} + "
        f"updated {counts.updated} + unchanged {counts.unchanged} + rejected {counts.rejected} + "
        f"skipped {counts.skipped}): do not rely on this run, and report the defect."
    )


def test_warnings_are_rows_that_were_loaded_and_not_rows_of_their_own():
    check_balance(Counts(read=15, **ENDS, warnings=6))


@pytest.mark.parametrize("expected", [14, 16])
def test_a_source_that_changed_meanwhile_is_noticed(expected: int):
    with pytest.raises(Unbalanced) as caught:
        check_balance(Counts(read=15, **ENDS), expected=expected)
    assert str(caught.value) == (
        f"The source has {expected} rows and 15 were read: it changed meanwhile, so run again while nobody "
        "writes to it."
    )


@pytest.mark.parametrize(
    ("limit", "rejected"), [(None, 100), (0, 0), (3, 3), ("3%", 3), ("100%", 100), ("2.5%", 2)]
)
def test_as_many_rejects_as_are_allowed_pass(limit, rejected: int):
    check_rejects(Counts(read=100, rejected=rejected), RejectLimit.parse(limit), strict=False)


@pytest.mark.parametrize(
    ("limit", "rejected", "strict", "rule"),
    [
        (3, 4, False, "MAX_REJECTED is 3"),
        ("3%", 4, False, "MAX_REJECTED is 3%"),
        ("2.5%", 3, False, "MAX_REJECTED is 2.5%"),
        (0, 1, False, "MAX_REJECTED is 0"),
        (0, 1, True, "VALIDATION_MODE is 'strict'"),
    ],
)
def test_one_more_than_is_allowed_fails_and_names_the_setting(limit, rejected: int, strict: bool, rule: str):
    with pytest.raises(TooManyRejects) as caught:
        check_rejects(Counts(read=100, rejected=rejected), RejectLimit.parse(limit), strict=strict)
    assert str(caught.value) == (
        f"{rejected} of 100 rows were rejected and {rule}: mend the source or the transformer, "
        "then run again."
    )
