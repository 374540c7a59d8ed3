"""What earlier runs have left in `default`: their checks, and the rows that they rejected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from ...models import CheckResult as KeptCheck
from ...models import Reject, Run
from .result import CheckResult

AT_ONCE = 500


def keep(run: Run, results: Iterable[CheckResult]) -> None:
    """Store the checks of a run, in place of those of an attempt before."""
    kept = KeptCheck.objects.using(DEFAULT_DB_ALIAS)
    kept.filter(run=run).delete()
    kept.bulk_create(KeptCheck(run=run, **one.as_dict()) for one in results)


def last_kept(transformer: str, check: str) -> KeptCheck | None:
    """Return what a check found in the last run that made it."""
    kept = KeptCheck.objects.using(DEFAULT_DB_ALIAS).select_related("run")
    return kept.filter(run__transformer=transformer, name=check).order_by("-run__started_at", "-pk").first()


def figures_of_last_success(transformer: str, check: str) -> dict[str, Any]:
    """Return the figures of a check in the last run that succeeded; what a failed one saw was rolled back."""
    kept = KeptCheck.objects.using(DEFAULT_DB_ALIAS).filter(
        run__transformer=transformer, run__status=Run.Status.SUCCESS, name=check
    )
    return kept.order_by("-run__started_at", "-pk").values_list("figures", flat=True).first() or {}


def last_validation(transformer: str) -> bool | None:
    """Return the option `validation` of the last run; None, as the settings say, where there was none."""
    options = (
        Run.objects.using(DEFAULT_DB_ALIAS).filter(transformer=transformer).values_list("options", flat=True)
    )
    return (options.order_by("-started_at", "-pk").first() or {}).get("validation")


def rejected_before(transformer: str, wanted: Collection[tuple[str, str]]) -> set[str]:
    """Return the digests of those rows that earlier runs have rejected and none has loaded since."""
    digests = sorted({digest for _, digest in wanted})
    still_out = Reject.objects.using(DEFAULT_DB_ALIAS).filter(
        transformer=transformer, resolved_run__isnull=True
    )
    found: set[str] = set()
    for first in range(0, len(digests), AT_ONCE):
        rows = still_out.filter(digest__in=digests[first : first + AT_ONCE])
        found.update(rows.values_list("digest", flat=True))
    return found
