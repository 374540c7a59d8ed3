"""`make bench`: measures every part, keeps results.json, writes tables and plots of docs/performance.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import cases, plot, report
from .__main__ import KEPT, line_of, say
from .facts import facts
from .results import Part, Results
from .runner import run_part
from .stage import ROOT, Stage, StageError

RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    options = parse()
    parts = chosen_parts(options)
    results = Results(options.results)
    try:
        with Stage(options.kept) as stage:
            for name, part in parts.items():
                say(f"\n{name}")
                results.put(name, measured(part, stage, options.times))
    except StageError as error:
        sys.exit(str(error))
    finally:
        if options.results == RESULTS:
            publish(results)


def measured(part: Sequence[cases.Case], stage: Stage, times: int) -> Part:
    runs = []
    for run in run_part(part, stage, times):
        place = f"{run.rows:,} rows, {run.route}, {run.situation}, run {run.number}: "
        say(place + line_of(run))
        runs.append(run)
    return Part(facts(stage, times), runs)


def publish(results: Results) -> None:
    """Bring the tables and plots to what results.json says."""
    report.write(PAGE, results)
    plot.draw_contenders(results, PAGE.with_name(report.PLOT))
    plot.draw_growth(results, PAGE.with_name(report.GROWTH_PLOT))


def chosen_parts(options: argparse.Namespace) -> cases.Parts:
    parts = (
        {} if options.only_asked else cases.comparison(options.rows, options.slow_rows or options.rows // 10)
    )
    if options.memory:
        parts |= cases.memory(options.rows)
    if options.growth:
        parts |= cases.growth(options.rows)
    unknown = set(options.parts or ()) - parts.keys()
    if unknown:
        sys.exit(f"There is no part {', '.join(sorted(unknown))}: choose from {', '.join(parts)}.")
    return {name: part for name, part in parts.items() if not options.parts or name in options.parts}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full", description="Measure all there is.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--slow-rows", type=int, help="rows for full_clean and import-export (a tenth)")
    parser.add_argument("--times", type=int, default=3, help="runs of each contender (3)")
    parser.add_argument("--memory", action="store_true", help="five times the rows, too")
    parser.add_argument(
        "--growth", action="store_true", help="more rows and columns, many, wide, narrow, too"
    )
    parser.add_argument("--only-asked", action="store_true", help="--memory and --growth without the rest")
    parser.add_argument("--part", dest="parts", action="append", help="only this part; may be repeated")
    parser.add_argument("--results", type=Path, default=RESULTS, help="another file is not published")
    parser.add_argument("--kept", type=Path, default=KEPT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
