"""`make bench-quick`: measures a little, and compares the ratio to the Django loop with the one recorded.

Ratios are the same on any machine, or nearly so; seconds are not.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from . import cases
from .__main__ import KEPT, say
from .facts import cpu_name
from .full import measured
from .results import RIGHT, Part
from .stage import ROOT, Stage, StageError

RECORDED = ROOT / "benchmarks" / "recorded.json"
TOLERATED = 0.25
"""Share of the recorded ratio that may be lost."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quick", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="keep the ratios as those to compare with")
    parser.add_argument("--kept", type=Path, default=KEPT)
    options = parser.parse_args()
    try:
        with Stage(options.kept) as stage:
            part = measured(cases.quick(options.rows)["quick"], stage, options.times)
    except StageError as error:
        sys.exit(str(error))
    ratios = ratios_of(part)
    if options.record:
        record = {"rows": options.rows, "cpu": cpu_name(), "ratios": ratios}
        RECORDED.write_text(json.dumps(record, indent=2) + "\n")
    if complaints := compare(ratios, json.loads(RECORDED.read_text()), options.rows):
        sys.exit("\n".join(complaints))


def ratios_of(part: Part) -> dict[str, float]:
    """How many times faster than the Django loop, by route.

    Neighbours in time are divided by each other, then the median is taken: what else the machine did
    meanwhile then falls out.

    Raises:
        SystemExit: a contender was not right.
    """
    bad = [run for run in part.runs if run.outcome != RIGHT]
    if bad:
        sys.exit("\n".join(f"{run.contender}, {run.route}: {run.outcome}. {run.detail}" for run in bad))
    ratios: dict[str, list[float]] = {}
    seconds = {(run.route, run.number, run.contender): run.seconds for run in part.runs}
    for (route, number, contender), spent in seconds.items():
        if contender == "engine":
            ratios.setdefault(route, []).append(seconds[route, number, "django_loop"] / spent)
    return {route: round(median(found), 2) for route, found in ratios.items()}


def compare(ratios: dict[str, float], recorded: dict[str, Any], rows: int) -> list[str]:
    """Say each ratio, and return a sentence for each that is too low."""
    if recorded["rows"] != rows:
        return [f"The recorded ratios are of {recorded['rows']:,} rows, not of {rows:,}: use --record first."]
    complaints = []
    for route, ratio in ratios.items():
        wanted = recorded["ratios"][route]
        say(f"{route}: {ratio:.2f} times the Django loop; {wanted:.2f} are recorded")
        if ratio < wanted * (1 - TOLERATED):
            complaints.append(
                f"{route}: {ratio:.2f} times the Django loop is more than {TOLERATED:.0%} below the recorded "
                f"{wanted:.2f}: find what made it slow, or if it is right so, record it with --record."
            )
    return complaints


if __name__ == "__main__":
    main()
