"""What a check found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ...exceptions import ChecksFailed
from ...sensitive import is_sensitive_name

if TYPE_CHECKING:
    from ..plan import Plan

Severity = Literal["error", "warning"]

SAMPLES = 5
"""Rows that a failing check shows."""
MASK = "***"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check in one run, or by itself."""

    name: str
    passed: bool
    description: str
    """What was found, in one sentence without its full stop."""
    severity: Severity = "error"
    """What it means if it has not passed."""
    blocking: bool = True
    """Would an error keep what depends on the transformer from being loaded?"""
    figures: Mapping[str, float | str] = field(default_factory=dict)
    """Numbers to be plotted over time, by name."""
    samples: Sequence[Mapping[str, Any]] = ()
    """Rows at fault, as JSON has them, sensitive values masked."""

    @property
    def is_error(self) -> bool:
        return not self.passed and self.severity == "error"

    @property
    def is_warning(self) -> bool:
        return not self.passed and self.severity == "warning"

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "passed": self.passed,
            "severity": self.severity,
            "blocking": self.blocking,
            "description": self.description,
            "figures": dict(self.figures),
            "samples": [dict(row) for row in self.samples],
        }


def require(results: Iterable[CheckResult]) -> None:
    """Refuse to go on after an error.

    Raises:
        ChecksFailed: it names the checks and says what they found.
    """
    errors = [one for one in results if one.is_error]
    if errors:
        found = "; ".join(f"check {one.name!r} failed: {one.description}" for one in errors)
        raise ChecksFailed(f"{found[:1].upper()}{found[1:]}: mend that, then run again.")


def hidden_fields(plan: Plan, sensitive: Collection[str]) -> set[str]:
    """Return the target fields that are sensitive, by their name or by that of a column they come from.

    Args:
        sensitive: names that the settings give; others speak for themselves.
    """
    names = {name: (name, *one.expression.source_columns) for name, one in plan.fields.items()}
    return {
        field
        for field, known in names.items()
        if any(name in sensitive or is_sensitive_name(name) for name in known)
    }


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: 1 row, 2 rows."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 4) if whole else 0.0
