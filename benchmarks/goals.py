"""The goals, and how far they are met. Each is a ratio of medians out of one part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .cases import MANY_BAD, SMALL_BATCH, USUAL_BAD, route_of
from .contenders import PAIRS, POSTGRES
from .jobs import COLUMN_SHAPES
from .many import NUMBER
from .results import RIGHT, Figure, Part, Results

MEMORY_MB = 400
ROUTE = route_of(POSTGRES)
ROUTE_NAMES = {
    "sqlite-sqlite": "SQLite to SQLite",
    "sqlite-postgresql": "SQLite to PostgreSQL",
    "postgresql-postgresql": "PostgreSQL to PostgreSQL",
}
TIMES: Callable[[float], str] = "{:.2f} times".format


@dataclass(frozen=True)
class Goal:
    """What was promised, and what came of it."""

    text: str
    least: float | None = None
    most: float | None = None
    measured: float | None = None
    """None: not measured, or a contender was not right."""
    shown: Callable[[float], str] = TIMES

    @property
    def wanted(self) -> str:
        if self.least is not None:
            return f"at least {self.shown(self.least)}"
        assert self.most is not None
        return f"at most {self.shown(self.most)}"

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        low = self.least is None or self.measured >= self.least
        high = self.most is None or self.measured <= self.most
        return "met" if low and high else "**missed**"


def ratio(one: Figure | None, other: Figure | None) -> float | None:
    """How many times longer the one takes than the other."""
    return one.seconds / other.seconds if one and other else None


def goals(results: Results) -> Iterator[Goal]:
    yield from against_the_limit(results.part(f"patients {ROUTE}"))
    yield from against_the_loop(results)
    yield from against_peers(results)
    yield from of_memory(results)
    yield from of_overhead(results)
    yield from of_growth(results)


def against_the_limit(part: Part) -> Iterator[Goal]:
    limit = part.figure("limit", situation="empty")
    for contender, situation, least, text in (
        ("engine", "empty", 0.85, "into an empty target"),
        ("rebuild", "empty", 0.85, "into an empty target with `rebuild_indexes`"),
        ("engine", "changed", 0.70, "half of the rows changed"),
        ("engine", "unchanged", 1.5, "nothing changed"),
    ):
        engine = part.figure(contender, situation=situation)
        yield Goal(f"Speed against the COPY limit, {text}", least=least, measured=ratio(limit, engine))


def against_the_loop(results: Results) -> Iterator[Goal]:
    for pair in reversed(PAIRS):
        part = results.part(f"patients {route_of(pair)}")
        for contender, situation, least, text in (
            ("engine", "empty", 6.0, "empty"),
            ("rebuild", "empty", 6.0, "empty, with `rebuild_indexes`"),
            ("engine", "changed", 6.0, "changed"),
            ("engine", "unchanged", 8.0, "unchanged"),
        ):
            loop, engine = (part.figure(name, situation=situation) for name in ("django_loop", contender))
            text = f"Speed against the Django loop, {ROUTE_NAMES[route_of(pair)]}, {text}"
            yield Goal(text, least=least, measured=ratio(loop, engine))


def against_peers(results: Results) -> Iterator[Goal]:
    slow, copy = results.part("slow"), results.part("copy")
    engine = slow.figure("engine", situation="empty")
    measured = ratio(slow.figure("full_clean"), engine)
    rows = f", {engine.first.rows:,} rows" if engine else ""
    yield Goal(f"Speed against the Django loop with `full_clean`{rows}", least=60, measured=measured)
    engine = copy.figure("engine", route=ROUTE)
    for peer, least in (("dlt", 1.8), ("pgloader", 1.5)):
        measured = ratio(copy.figure(peer, route=ROUTE), engine)
        yield Goal(f"Speed against {peer}, plain copy", least=least, measured=measured)


def of_memory(results: Results) -> Iterator[Goal]:
    for name in ("rejects", "rejects at five times the rows"):
        for bad in (USUAL_BAD, MANY_BAD):
            figure = results.part(name).figure("engine", bad=bad)
            what = f"{name}, {bad:.0%} bad"
            if figure:
                rejected = figure.told("rejected") / figure.first.rows
                what = f"{figure.first.rows:,} rows, {rejected:.0%} rejected"
            yield _memory(f"Peak memory of the Python process, {what}", figure)
    for name, text in (("wide", "rows of 10 KB"), ("narrow", "narrow rows")):
        figure = results.part(name).figure("engine")
        rows = f"{figure.first.rows:,} " if figure else ""
        yield _memory(f"Peak memory of the Python process, {rows}{text}", figure)


def _memory(text: str, figure: Figure | None) -> Goal:
    return Goal(
        text, most=MEMORY_MB, measured=figure.of("peak_mb") if figure else None, shown="{:.0f} MB".format
    )


def of_overhead(results: Results) -> Iterator[Goal]:
    part = results.part("batches")
    measured = ratio(part.figure("engine", batch_size=SMALL_BATCH), part.figure("engine", batch_size=None))
    yield Goal(f"Time with batches of {SMALL_BATCH:,} rows instead of 10,000", most=1.3, measured=measured)
    part = results.part(f"patients {ROUTE}")
    command, engine = (part.figure(name, situation="empty") for name in ("command", "engine"))
    measured = command.seconds - engine.seconds if command and engine else None
    text = "What the command and Dagster cost besides the engine"
    yield Goal(text, most=3, measured=measured, shown="{:.1f} s".format)


def of_growth(results: Results) -> Iterator[Goal]:
    yield _flat("patients", results.part("rows").figures())
    for shape in COLUMN_SHAPES:
        yield _flat(shape.title, results.part("columns").figures(job=shape.name))
    many = results.part("many").figure("engine")
    measured = 1000 * many.told("engine_seconds") / NUMBER if many else None
    text = f"The engine's time for each of {NUMBER} transformers of 100 rows"
    yield Goal(text, most=60, measured=measured, shown="{:.0f} ms".format)


def _flat(text: str, figures: list[Figure]) -> Goal:
    right = [one for one in figures if one.outcome == RIGHT]
    measured = None
    if len(right) > 1:
        text = f"{text}: {right[-1].first.rows:,} rows against {right[0].first.rows:,}"
        measured = per_row(right[-1]) / per_row(right[0])
    return Goal(f"The engine's time per row, {text}", most=1.2, measured=measured)


def per_row(figure: Figure) -> float:
    """Seconds of the engine, without what starting Python costs."""
    return figure.told("engine_seconds") / figure.first.rows
