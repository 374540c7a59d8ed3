"""The tables of docs/performance.md, each between two comments. No other figure there is a measurement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .cases import MANY_BAD, USUAL_BAD
from .contenders import CONTENDERS
from .goals import ROUTE, ROUTE_NAMES, goals, per_row
from .jobs import JOBS
from .results import RIGHT, Figure, Part, Results

PLOT = "performance.svg"
GROWTH_PLOT = "performance-growth.svg"
NOT_YET = "Not measured yet."
OURS = ("engine", "command")


def write(page: Path, results: Results) -> None:
    """Replace what stands between the comments by what the results say."""
    page.write_text(rendered(page.read_text(), results))


def rendered(text: str, results: Results) -> str:
    for name, table in tables(results).items():
        start, end = f"<!-- benchmarks: {name} -->\n", f"<!-- end: {name} -->"
        pattern = re.escape(start) + ".*?" + re.escape(end)
        if not re.search(pattern, text, re.DOTALL):
            raise ValueError(f"The page has no place for the table {name!r}: add {start.strip()} and {end}.")
        new = f"{start}\n{table}\n\n{end}".replace("\\", r"\\")
        text = re.sub(pattern, new, text, flags=re.DOTALL)
    return text


def tables(results: Results) -> dict[str, str]:
    return {
        "plot": picture("Rows a second by contender", PLOT, f"patients {ROUTE}", results),
        "goals": goals_table(results),
        **{f"patients {route}": comparison(results.part(f"patients {route}")) for route in ROUTE_NAMES},
        "slow": comparison(results.part("slow")),
        "hospital": comparison(results.part("hospital")),
        "copy": comparison(results.part("copy")),
        "slower": slower(results),
        "batches": batches(results.part("batches")),
        "memory": memory(results),
        "growth plot": picture("Microseconds a row", GROWTH_PLOT, "columns", results),
        "growth": growth(results),
        "contenders": contenders(),
        "machine": machine(results),
    }


def picture(text: str, file: str, part: str, results: Results) -> str:
    return f"![{text}]({file})" if part in results.parts else NOT_YET


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table whose first columns are text, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    lines = [list(head), rule, *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if len(lines) > 2 else NOT_YET


def goals_table(results: Results) -> str:
    rows = (
        (goal.text, goal.wanted, "" if goal.measured is None else goal.shown(goal.measured), goal.verdict)
        for goal in goals(results)
    )
    return markdown(("what", "goal", "measured", "verdict"), rows, left=4)


COMPARED = (
    "contender",
    "s",
    "rows/s",
    "CPU s",
    "MB",
    "database CPU s",
    "database MB",
    "its time / the engine's",
)


def comparison(part: Part) -> str:
    """One table for each case: contenders from fast to slow."""
    found = []
    for (rows, route, situation), figures in cases_of(part).items():
        engine = next((one for one in figures if one.first.contender == "engine"), None)
        ordered = sorted(figures, key=lambda one: one.seconds if one.outcome == RIGHT else float("inf"))
        title = f"{ROUTE_NAMES[route]}, {situation}, {rows:,} rows:"
        found.append(f"{title}\n\n{markdown(COMPARED, (compared(one, engine) for one in ordered))}")
    return "\n\n".join(found) or NOT_YET


def cases_of(part: Part) -> dict[tuple[int, str, str], list[Figure]]:
    cases: dict[tuple[int, str, str], list[Figure]] = {}
    for figure in part.figures():
        run = figure.first
        cases.setdefault((run.rows, run.route, run.situation), []).append(figure)
    return cases


def compared(figure: Figure, engine: Figure | None) -> Sequence[str]:
    title = CONTENDERS[figure.first.contender].title
    if figure.outcome != RIGHT:
        detail = next(run.detail for run in figure.runs if run.outcome != RIGHT).splitlines()
        return (f"{title}: **{figure.outcome}** ({detail[-1] if detail else ''})", *[""] * 7)
    faster = ""
    if engine and engine.outcome == RIGHT and figure is not engine:
        faster = f"{figure.seconds / engine.seconds:.2f}"
    return (
        title,
        f"{figure.seconds:.1f}",
        f"{figure.rows_per_second:,.0f}",
        f"{figure.of('cpu_seconds'):.1f}",
        f"{figure.of('peak_mb'):.0f}",
        f"{figure.of('database_cpu_seconds'):.1f}",
        f"{figure.of('database_peak_mb'):.0f}",
        faster,
    )


def slower(results: Results) -> str:
    """Everything that was faster than the engine, the limit apart."""
    found = []
    for part in results.parts.values():
        for (rows, route, situation), figures in cases_of(part).items():
            right = {one.first.contender: one for one in figures if one.outcome == RIGHT}
            engine = right.pop("engine", None)
            for name, one in right.items():
                if engine and name not in ("limit", *OURS) and one.seconds < engine.seconds:
                    job = JOBS[one.first.job].title
                    where = f"{job}; {ROUTE_NAMES[route]}, {situation}, {rows:,} rows"
                    found.append((CONTENDERS[name].title, where, f"{engine.seconds / one.seconds:.2f} times"))
    return markdown(("faster than the engine", "where", "by"), found, left=2) if found else "Nothing was."


def batches(part: Part) -> str:
    rows = (
        (f"{figure.first.batch_size or 10_000:,}", f"{figure.seconds:.1f}", f"{figure.rows_per_second:,.0f}")
        for figure in part.figures()
        if figure.outcome == RIGHT
    )
    return markdown(("rows in a batch", "s", "rows/s"), rows, left=0)


def memory(results: Results) -> str:
    rows = []
    for name in ("rejects", "rejects at five times the rows"):
        for bad in (USUAL_BAD, MANY_BAD):
            if figure := results.part(name).figure("engine", bad=bad):
                size = f"{figure.first.rows:,}"
                rejected = f"{figure.told('rejected') / figure.first.rows:.1%}"
                rows.append((size, rejected, f"{figure.seconds:.1f}", f"{figure.of('peak_mb'):.0f}"))
    return markdown(("rows", "rejected", "s", "MB"), rows, left=0)


def growth(results: Results) -> str:
    parts = map(results.part, ("rows", "columns", "many", "wide", "narrow"))
    rows = (
        (
            JOBS[figure.first.job].title,
            f"{figure.first.rows:,}",
            f"{figure.told('engine_seconds'):.1f}",
            f"{1e6 * per_row(figure):.1f}",
            f"{figure.of('peak_mb'):.0f}",
        )
        for part in parts
        for figure in part.figures()
        if figure.outcome == RIGHT
    )
    return markdown(("table", "rows", "engine's s", "microseconds a row", "MB"), rows)


def contenders() -> str:
    return markdown(
        ("contender", "set up as"), ((one.title, one.setting) for one in CONTENDERS.values()), left=2
    )


def machine(results: Results) -> str:
    """What it was measured on, for each part, since they need not be of one day."""
    found: dict[str, list[str]] = {}
    for name, part in results.parts.items():
        found.setdefault(_machine(part), []).append(name)
    return "\n\n".join(f"**{', '.join(names)}**: {text}" for text, names in found.items()) or NOT_YET


def _machine(part: Part) -> str:
    facts = part.facts
    server = ", ".join(
        f"{name} = {value}" for name, value in facts["postgresql"].items() if name != "version"
    )
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    return (
        f"{facts['taken']}, medians of {facts['times']}; {facts['cpu']}, {facts['cores']} cores, "
        f"{facts['memory_gb']} GB, {facts['system']}; Python {facts['python']}, SQLite {facts['sqlite']}, "
        f"PostgreSQL {facts['postgresql']['version']} ({server}), pgloader {facts['pgloader']}; {packages}."
    )
