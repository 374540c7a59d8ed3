"""Runs and what they add up to, as they lie in results.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

RIGHT = "right"


@dataclass(frozen=True)
class Run:
    """One contender, once. Megabytes are of 2**20 bytes."""

    job: str
    rows: int
    """Rows of the legacy table, good and bad."""
    bad: float
    route: str
    situation: str
    batch_size: int | None
    contender: str
    number: int
    outcome: str
    """"right", "wrong", "failed" or "not installed"."""
    detail: str = ""
    seconds: float = 0.0
    """The whole process, from its start to its end."""
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    database_cpu_seconds: float = 0.0
    database_peak_mb: float = 0.0
    told: dict[str, Any] = field(default_factory=dict)
    """What the contender said about itself, such as the engine's own seconds."""


@dataclass(frozen=True)
class Figure:
    """The runs of one contender in one case, and their medians."""

    runs: Sequence[Run]

    @property
    def first(self) -> Run:
        return self.runs[0]

    @property
    def outcome(self) -> str:
        """That of the runs; one that was not right speaks for all."""
        return next((run.outcome for run in self.runs if run.outcome != RIGHT), RIGHT)

    def of(self, name: str) -> float:
        return median(getattr(run, name) for run in self.runs)

    def told(self, name: str) -> float:
        return median(run.told[name] for run in self.runs)

    @property
    def seconds(self) -> float:
        return self.of("seconds")

    @property
    def rows_per_second(self) -> float:
        return self.first.rows / self.seconds


@dataclass
class Part:
    """Cases that were run in turns, on one day and machine."""

    facts: dict[str, Any]
    runs: list[Run]

    def figures(self, **wanted: Any) -> list[Figure]:
        """Return the figures whose runs have these values, in the order in which they were run."""
        groups: dict[tuple[Any, ...], list[Run]] = {}
        for run in self.runs:
            if all(getattr(run, name) == value for name, value in wanted.items()):
                case = (run.job, run.rows, run.bad, run.route, run.situation, run.batch_size, run.contender)
                groups.setdefault(case, []).append(run)
        return [Figure(runs) for runs in groups.values()]

    def figure(self, contender: str, **wanted: Any) -> Figure | None:
        """Return the one figure of a contender, if it did all its rows right."""
        found = self.figures(contender=contender, **wanted)
        return found[0] if found and found[0].outcome == RIGHT else None


class Results:
    """results.json: parts by name. Measuring a part again replaces it and leaves the others."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, Part] = {}
        if path.exists():
            kept = json.loads(path.read_text())
            self.parts = {
                name: Part(part["facts"], [Run(**run) for run in part["runs"]]) for name, part in kept.items()
            }

    def put(self, name: str, part: Part) -> None:
        self.parts[name] = part
        self.path.write_text(
            json.dumps({name: asdict(one) for name, one in self.parts.items()}, indent=1) + "\n"
        )

    def part(self, name: str) -> Part:
        """A part, empty where it was not measured yet."""
        return self.parts.get(name, Part({}, []))
