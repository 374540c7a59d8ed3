"""What came of a run: counts, stage times and the advice that follows from them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .advice import about_batches, about_rejects, about_speed
from .stages import EXTRACT, LOAD, STAGES, TRANSFORM, VALIDATE, StageTimes

if TYPE_CHECKING:
    from .checks import CheckResult
    from .examples import Examples
    from .pace import Pace
    from .rejects import RejectLog

__all__ = [
    "EXTRACT",
    "LOAD",
    "STAGES",
    "TRANSFORM",
    "VALIDATE",
    "Counts",
    "RunReport",
    "StageTimes",
    "Status",
    "TransformerReport",
]

Status = Literal["success", "failed", "skipped"]


@dataclass(slots=True)
class Counts:
    """Rows. `read` is counted where they are read, the others where each row ends."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    skipped: int = 0
    warnings: int = 0
    """Loaded rows with at least one warning; part of created, updated and unchanged."""
    source_rows: int | None = None
    """All rows of the source, where only those were read that are new."""

    @property
    def judged(self) -> int:
        """Rows that a share of rejects is a share of: all open rejects are read again with what is new."""
        return self.read if self.source_rows is None else self.source_rows

    @property
    def ended(self) -> int:
        return self.created + self.updated + self.unchanged + self.rejected + self.skipped

    def add(self, other: Counts) -> None:
        for name in COUNT_NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def undo(self) -> None:
        """Count nothing as loaded: it was rolled back."""
        self.created = self.updated = self.unchanged = self.warnings = 0

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNT_NAMES}


COUNT_NAMES = ("read", "created", "updated", "unchanged", "rejected", "skipped", "warnings")


@dataclass(slots=True)
class TransformerReport:
    """One transformer in one run."""

    name: str
    label: str = ""
    """Class name, for log lines."""
    status: Status = "success"
    counts: Counts = field(default_factory=Counts)
    stages: StageTimes = field(default_factory=StageTimes)
    duration_seconds: float = 0.0
    reject_reasons: Counter[str] = field(default_factory=Counter)
    """"field:code" -> rows."""
    warning_reasons: Counter[str] = field(default_factory=Counter)
    error: str | None = None
    target_rows: int | None = None
    """Rows in the target table afterwards."""
    rejects: RejectLog | None = None
    checks: list[CheckResult] = field(default_factory=list)
    """In the order made; empty where the run ended before it came to them."""
    examples: Examples | None = None
    """A few rows before and after, their values not masked."""
    exception: Exception | None = None
    since: str | None = None
    """The watermark from which on rows were read, where not all were."""
    lost_connection: bool = False
    """Did it fail because a server went away, so that trying again may help?"""
    pace: Pace | None = None
    """How far it is; None where it has not come to its rows."""
    slow_steps: tuple[str, ...] = ()
    """Verbs and hooks of the transformer that run in Python for each value or row."""
    is_resumable: bool = False
    """Without rollback: does the next run go on after the last whole batch of this one?"""
    abandoned: list[str] = field(default_factory=list)
    """Ids of earlier runs that were found dead when this one took the lock."""

    @property
    def rows_per_second(self) -> float:
        return self.counts.read / self.duration_seconds if self.duration_seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            **self.counts.as_dict(),
            "duration_seconds": round(self.duration_seconds, 3),
            "rows_per_second": round(self.rows_per_second, 1),
            "stages": self.stages.as_dict(),
            "reject_reasons": dict(self.reject_reasons.most_common()),
            "error": self.error,
        }

    def recommendations(self) -> list[str]:
        """Advice that follows from the measured stages; what helps most comes first."""
        if self.status != "success" or not self.stages.seconds.total() or not self.counts.read:
            return []
        advice = [
            about_speed(self.stages, self.duration_seconds, self.slow_steps),
            about_batches(self.stages, self.counts.read),
            about_rejects(self.reject_reasons),
        ]
        return [one.text for one in sorted(filter(None, advice), key=lambda one: one.rank)]


@dataclass(slots=True)
class RunReport:
    """All chosen transformers of one run."""

    run_id: str
    dry_run: bool
    duration_seconds: float = 0.0
    transformers: dict[str, TransformerReport] = field(default_factory=dict)
    error: str | None = None
    """What stopped the run before or outside its transformers."""

    @property
    def succeeded(self) -> bool:
        return self.error is None and all(one.status == "success" for one in self.transformers.values())

    @property
    def total_records(self) -> int:
        """Rows read."""
        return sum(one.counts.read for one in self.transformers.values())

    def count(self, status: Status) -> int:
        return sum(one.status == status for one in self.transformers.values())

    def as_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "dry_run": self.dry_run,
            "status": "success" if self.succeeded else "failed",
            "duration_seconds": round(self.duration_seconds, 3),
            "total_records": self.total_records,
            "transformers": {name: one.as_dict() for name, one in self.transformers.items()},
            "error": self.error,
        }
