"""One case, once or more: `python -m benchmarks engine limit --rows 200000`. `benchmarks.full` does all."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .cases import USUAL_BAD, Case, route_of
from .contenders import CONTENDERS, PAIRS, SITUATIONS
from .jobs import JOBS
from .results import Run
from .runner import run_part
from .stage import ROOT, Stage, StageError

KEPT = ROOT / ".bench"
ROUTES = {route_of(pair): pair for pair in PAIRS}


def main() -> None:
    options = parse()
    case = Case(
        options.job,
        options.rows,
        ROUTES[options.route],
        options.situation,
        tuple(options.contenders) or tuple(CONTENDERS),
        options.bad,
        options.batch_size,
    )
    try:
        with Stage(options.kept) as stage:
            for run in run_part([case], stage, options.runs):
                say(line_of(run))
    except StageError as error:
        sys.exit(str(error))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure one case.")
    parser.add_argument(
        "contenders", nargs="*", metavar="contender", help=f"of {', '.join(CONTENDERS)} (all)"
    )
    parser.add_argument("--job", choices=JOBS, default="patients")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--route", choices=ROUTES, default="postgresql-postgresql")
    parser.add_argument("--situation", choices=SITUATIONS, default="empty")
    parser.add_argument("--bad", type=float, default=USUAL_BAD, help="share of rows that cannot be loaded")
    parser.add_argument("--batch-size", type=int, help="rows in a batch of the engine (its default)")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder for rows that are made once")
    options = parser.parse_args()
    for name in options.contenders:
        if name not in CONTENDERS:
            parser.error(f"{name!r} is no contender: choose from {', '.join(CONTENDERS)}")
    return options


def line_of(run: Run) -> str:
    """A run on one line, for whoever waits."""
    if not run.seconds:
        return f"{run.contender:13} {run.outcome}: {run.detail}"
    figures = (
        f"{run.contender:13}{run.seconds:8.2f} s{run.rows / run.seconds:10,.0f} rows/s"
        f"  cpu {run.cpu_seconds:.2f} s  {run.peak_mb:.0f} MB"
        f"  database cpu {run.database_cpu_seconds:.2f} s  {run.database_peak_mb:.0f} MB  {run.outcome}"
    )
    told = "  ".join(f"{name} {value}" for name, value in run.told.items() if value)
    return "\n".join(filter(None, (figures, run.detail, told and f"{'':13}{told}")))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
