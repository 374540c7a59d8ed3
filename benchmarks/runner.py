"""Runs a part: every contender once, then every one again, so that none has the quiet hour to itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from .cases import Case
from .contenders import Contender
from .jobs import JOBS
from .make import Data, data_of
from .measure import Measurement, measure
from .results import Run
from .stage import ROOT, Stage

LIMIT = 3600.0
"""Seconds after which a contender is ended."""


def run_part(cases: Sequence[Case], stage: Stage, times: int) -> Iterator[Run]:
    """Run all contenders of all cases in turns; yield each result as soon as it is there."""
    for number in range(1, times + 1):
        for case in cases:
            data = data_of(JOBS[case.job], case.rows, case.bad, stage.kept)
            for contender in case.entrants:
                yield run_once(case, contender, data, stage, number)


def run_once(case: Case, contender: Contender, data: Data, stage: Stage, number: int) -> Run:
    """Measure one contender on a target of its own, then check every row of it."""
    blank = Run(
        job=case.job,
        rows=case.rows,
        bad=case.bad,
        route=case.route,
        situation=case.situation,
        batch_size=case.batch_size,
        contender=contender.name,
        number=number,
        outcome="not installed",
    )
    if contender.missing:
        return replace(blank, detail=f"{contender.missing} is missing")
    with stage.target(data, case.pair[1], case.situation) as target:
        place = stage.place(data, case.pair, case.situation, target, case.batch_size)
        command = contender.command(place)
        measured = measure(command, place.environment, ROOT, stage.server_pid, LIMIT)
        done = with_figures(blank, measured)
        if measured.status:
            return replace(done, outcome="failed", detail=measured.errors.strip()[-500:])
        wrong = stage.check(data, target)
        return replace(done, outcome="wrong" if wrong else "right", detail=wrong or "")


def with_figures(blank: Run, measured: Measurement) -> Run:
    return replace(
        blank,
        seconds=measured.seconds,
        cpu_seconds=measured.cpu_seconds,
        peak_mb=measured.peak_mb,
        database_cpu_seconds=measured.database_cpu_seconds,
        database_peak_mb=measured.database_peak_mb,
        told=told(measured),
    )


def told(measured: Measurement) -> dict[str, Any]:
    """The facts that a contender printed last, if it printed any."""
    last = measured.output.strip().rpartition("\n")[2]
    return json.loads(last) if last.startswith("{") and last.endswith("}") else {}
