"""What is measured: parts, each of which is done in turns and kept as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .contenders import CONTENDERS, MIXED, PAIRS, POSTGRES, SITUATIONS, Contender, Pair
from .jobs import COLUMN_SHAPES, COPY, HOSPITAL, MANY, NARROW, PATIENTS, WIDE
from .many import NUMBER
from .stage import Situation

FAST = ("limit", "engine", "rebuild", "command", "django_loop", "petl")
SLOW = ("limit", "engine", "django_loop", "full_clean", "import_export")
OWN = ("limit", "engine", "command", "django_loop")
COPIERS = ("limit", "engine", "command", "psql", "pgloader", "dlt")

USUAL_BAD = 0.02
MANY_BAD = 0.65
"""Six in ten are then rejected: a few kinds of the hospital's dirt are none to this job."""
SMALL_BATCH = 1_000


@dataclass(frozen=True)
class Case:
    """One job in one situation. All its contenders do the same work."""

    job: str
    rows: int
    pair: Pair = POSTGRES
    situation: Situation = "empty"
    contenders: tuple[str, ...] = ("engine",)
    bad: float = USUAL_BAD
    batch_size: int | None = None
    """Rows in a batch of the engine; None is its default."""

    @property
    def entrants(self) -> list[Contender]:
        """Those of its contenders who can do this at all."""
        chosen = (CONTENDERS[name] for name in self.contenders)
        return [one for one in chosen if one.takes_part(self.job, self.pair, self.situation)]

    @property
    def route(self) -> str:
        return route_of(self.pair)


def route_of(pair: Pair) -> str:
    return "-".join(pair)


Parts = dict[str, list[Case]]


def comparison(rows: int, slow_rows: int) -> Parts:
    """The job by every contender, and what belongs to it; the slowest do fewer rows, beside others again."""
    parts = {
        f"patients {route_of(pair)}": [
            Case(PATIENTS.name, rows, pair, situation, FAST) for situation in SITUATIONS
        ]
        for pair in reversed(PAIRS)
    }
    parts["slow"] = [Case(PATIENTS.name, slow_rows, POSTGRES, situation, SLOW) for situation in SITUATIONS]
    parts["hospital"] = [
        Case(HOSPITAL.name, rows, POSTGRES, situation, OWN) for situation in ("empty", "unchanged")
    ]
    parts["copy"] = [Case(COPY.name, rows, pair, "empty", COPIERS) for pair in (POSTGRES, MIXED)]
    usual = Case(PATIENTS.name, rows)
    parts["batches"] = [usual, replace(usual, batch_size=SMALL_BATCH)]
    parts["rejects"] = rejects(rows)
    return parts


def rejects(rows: int) -> list[Case]:
    return [Case(PATIENTS.name, rows, bad=bad) for bad in (USUAL_BAD, MANY_BAD)]


def memory(rows: int) -> Parts:
    """The same at five times the rows: does the memory stay where it is?"""
    return {"rejects at five times the rows": rejects(5 * rows)}


def growth(rows: int) -> Parts:
    """Ever more rows, ever more columns; many small tables, wide texts, narrow rows."""
    return {
        "rows": [Case(PATIENTS.name, share * rows // 10) for share in (1, 3, 10, 50)],
        "columns": [Case(shape.name, share * rows // 10) for shape in COLUMN_SHAPES for share in (1, 5)],
        "many": [Case(MANY.name, 100 * NUMBER)],
        "wide": [Case(WIDE.name, rows // 20)],
        "narrow": [Case(NARROW.name, 10 * rows)],
    }


def quick(rows: int) -> Parts:
    """Enough to see a loss of speed within three minutes."""
    contenders = ("limit", "engine", "django_loop")
    return {"quick": [Case(PATIENTS.name, rows, pair, "empty", contenders) for pair in (POSTGRES, MIXED)]}
