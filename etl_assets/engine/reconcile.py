"""The proof that nothing was lost: what went in is what came out."""

from __future__ import annotations

from ..conf import RejectLimit
from ..exceptions import TooManyRejects, Unbalanced
from .report import Counts


def check_balance(counts: Counts, expected: int | None = None) -> None:
    """Check that every row read ended in exactly one place, and that all rows were read.

    `read` is counted as rows leave the source, `created` and `updated` by the target database, the others
    where each row ends; `expected` is the source's own count in the same snapshot, where there is one.

    Raises:
        Unbalanced: the sums differ.
    """
    if counts.read != counts.ended:
        raise Unbalanced(
            f"{counts.read} rows were read and {counts.ended} accounted for (created {counts.created} + "
            f"updated {counts.updated} + unchanged {counts.unchanged} + rejected {counts.rejected} + "
            f"skipped {counts.skipped}): do not rely on this run, and report the defect."
        )
    if expected is not None and counts.read != expected:
        raise Unbalanced(
            f"The source has {expected} rows and {counts.read} were read: "
            "it changed meanwhile, so run again while nobody writes to it."
        )


def check_rejects(counts: Counts, limit: RejectLimit | None, *, strict: bool) -> None:
    """Check that not too many rows were rejected.

    Raises:
        TooManyRejects: there were.
    """
    if limit is None or limit.allows(counts.rejected, counts.judged):
        return
    rule = "VALIDATION_MODE is 'strict'" if strict else f"MAX_REJECTED is {limit}"
    raise TooManyRejects(
        f"{counts.rejected} of {counts.judged} rows were rejected and {rule}: "
        "mend the source or the transformer, then run again."
    )
