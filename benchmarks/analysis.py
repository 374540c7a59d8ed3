"""How fast `manage.py etl` looks at a table, beside reading it once and beside others who profile tables.

    python -m benchmarks.analysis [--rows 1000000] [--databases sqlite,postgresql] [--output results.json]

Makes a hospital in each database, kept for the next time, and measures in processes of their own, in turns:

* `analyze`, and reading the table once into Arrow and dropping it, by the project's own reader
* DuckDB's SUMMARIZE, fed by the same reader, and ydata-profiling's minimal report, which reads with pandas
* `duplicates`, and the database's own GROUP BY; then `--ignore-case` and `--fuzzy`
* the whole command on 1,000 rows

Seconds are those of the work; the imports are in the whole process only. Memory is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from .analysis_probes import TABLE
from .facts import cpu_name, package_version
from .measure import Measurement, measure
from .server import DurableServer

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".bench" / "analysis"
DATABASES = ("sqlite", "postgresql")
SMALL = 1_000
LIMIT = 3_600.0
"""Seconds after which a measurement is ended."""
YDATA = ("ydata-profiling>=4.18", "setuptools<81", "psycopg[binary]>=3.3")

COMPARED = {
    "read": ("reading once, and dropping it", None),
    "analyze": ("etl analyze", "read"),
    "summarize": ("DuckDB SUMMARIZE (approximate)", "read"),
    "ydata": ("ydata-profiling, minimal", "read"),
    "group_by": ("GROUP BY of the database", None),
    "duplicates": ("etl duplicates", "group_by"),
    "ignore_case": ("etl duplicates --ignore-case", "group_by"),
    "fuzzy": ("etl duplicates --fuzzy, 4 columns", "group_by"),
    "command": (f"the command etl analyze, {SMALL:,} rows", None),
}
"""What is measured, what it is called, and what its seconds are held against."""
ONCE = ("summarize", "ydata", "ignore_case", "fuzzy")
"""These take long, or are no goal."""


@dataclass(frozen=True)
class Run:
    """One process, from its start to its end."""

    what: str
    database: str
    rows: int
    seconds: float = 0.0
    """Of the work alone."""
    process_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    problem: str = ""
    found: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Legacy:
    """A legacy hospital."""

    database: str
    rows: int
    url: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "django_project.settings",
            "DATABASE_URL": "sqlite:///:memory:",
            "LEGACY_DATABASE_URL": self.url,
        }


def main() -> None:
    options = _parse()
    options.kept.mkdir(parents=True, exist_ok=True)
    runs: list[Run] = []
    with ExitStack() as stack:
        for database in options.databases:
            make = _sqlite if database == "sqlite" else _Server(stack)
            small, large = (make(options.kept, rows) for rows in (SMALL, options.rows))
            for what in _in_turns(options.only, options.runs):
                runs.append(_run(what, small if what == "command" else large, options.kept))
                _say(_line(runs[-1]))
    _say("\n" + "\n".join(tables(runs)))
    if options.output is not None:
        results = {"facts": _facts(), "rows": options.rows, "runs": [asdict(run) for run in runs]}
        options.output.write_text(json.dumps(results, indent=2) + "\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.analysis", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="patients in the table (1000000)")
    parser.add_argument("--databases", type=_names(DATABASES), default=DATABASES, help="sqlite,postgresql")
    parser.add_argument("--only", type=_names(tuple(COMPARED)), default=tuple(COMPARED), help="some of these")
    parser.add_argument("--runs", type=int, default=3, help="of what has a goal; the median counts (3)")
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder for rows that are made once")
    parser.add_argument("--output", type=Path, help="JSON file for every single run")
    return parser.parse_args()


def _names(known: tuple[str, ...]) -> Any:
    def names(text: str) -> tuple[str, ...]:
        given = tuple(text.split(","))
        if unknown := set(given) - set(known):
            raise argparse.ArgumentTypeError(f"no {unknown.pop()!r} here: choose from {', '.join(known)}")
        return given

    return names


def _in_turns(only: Sequence[str], times: int) -> Iterator[str]:
    for turn in range(times):
        yield from (what for what in COMPARED if what in only and (turn == 0 or what not in ONCE))


# Making the rows


def kept_sqlite(kept: Path, rows: int) -> Path:
    """Return a hospital's file, made when it is first asked for."""
    path = kept / f"legacy-{rows}.sqlite3"
    if not path.exists():
        half_made = path.with_suffix(".half-made")
        half_made.unlink(missing_ok=True)
        _fill(Legacy("sqlite", rows, f"sqlite:///{quote(str(half_made))}"))
        half_made.rename(path)
    return path


def _sqlite(kept: Path, rows: int) -> Legacy:
    return Legacy("sqlite", rows, f"sqlite:///{quote(str(kept_sqlite(kept, rows)))}")


class _Server:
    """Makes hospitals in a PostgreSQL server, which is started for them and stopped at the end."""

    def __init__(self, stack: ExitStack) -> None:
        self._server = DurableServer.start()
        stack.callback(self._server.stop)

    def __call__(self, kept: Path, rows: int) -> Legacy:
        legacy = Legacy("postgresql", rows, self._server.create_database(f"legacy_{rows}"))
        _fill(legacy)
        return legacy


def _fill(legacy: Legacy) -> None:
    _say(f"making {legacy.rows:,} patients in {legacy.database}")
    command = [
        sys.executable,
        "manage.py",
        "make_legacy_hospital",
        "--patients",
        str(legacy.rows),
        "--seed",
        "1",
    ]
    subprocess.run([*command, "-v", "0"], cwd=ROOT, env=legacy.environment, check=True)


# Measuring


def _run(what: str, legacy: Legacy, kept: Path) -> Run:
    if what == "ydata":
        python = _ydata_python(kept)
        if isinstance(python, str):
            return Run(what, legacy.database, legacy.rows, problem=python)
        command = [str(python), str(ROOT / "benchmarks" / "ydata.py"), legacy.url, TABLE]
    elif what == "command":
        command = [sys.executable, "manage.py", "etl", "analyze", "--table", TABLE, "--database", "legacy"]
        command += ["--format", "json"]
    else:
        command = [sys.executable, "-m", "benchmarks.analysis_probes", what]
    # The server's processes are its own, and most of their memory is shared.
    done = measure(command, legacy.environment, ROOT, None, LIMIT)
    if done.status:
        return Run(what, legacy.database, legacy.rows, problem=_problem(done))
    found = {} if what == "command" else json.loads(done.output.strip().rpartition("\n")[2])
    seconds = done.seconds if what == "command" else found.pop("seconds")
    return Run(
        what, legacy.database, legacy.rows, seconds, done.seconds, done.cpu_seconds, done.peak_mb, "", found
    )


def _problem(done: Measurement) -> str:
    killed = f"ended by signal {-done.status}" if done.status < 0 else f"status {done.status}"
    return f"{killed}: {_last_line(done.errors)}".rstrip(": ")


def _ydata_python(kept: Path) -> Path | str:
    """Return the interpreter of ydata-profiling's environment, or in words why there is none."""
    folder = kept / "ydata"
    if (folder / "ready").exists():
        return folder / "bin" / "python"
    uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if uv is None:
        return "cannot be installed without uv"
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "--python", str(python), *YDATA]
    for command in ([uv, "venv", "--python", sys.executable, str(folder)], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"cannot be installed: {_last_line(done.stderr)}"
    (folder / "ready").touch()
    return python


# Telling


def tables(runs: Sequence[Run]) -> Iterator[str]:
    """One table for each database, as Markdown."""
    for database in dict.fromkeys(run.database for run in runs):
        rows = max(run.rows for run in runs if run.database == database)
        yield f"{TABLE} of {rows:,} rows on {database}:\n"
        yield "| what | seconds | times | CPU | whole process | peak MB |"
        yield "| --- | --: | --: | --: | --: | --: |"
        for what, (name, against) in COMPARED.items():
            some = [run for run in runs if (run.what, run.database) == (what, database)]
            if some:
                yield _row(name, some, ratio(runs, database, what, against))
        yield ""


def _row(name: str, runs: Sequence[Run], times: float | None) -> str:
    if problem := next((run.problem for run in runs if run.problem), ""):
        return f"| {name} | {problem} | | | | |"
    seconds, cpu, process = (
        f"{median(getattr(run, one) for run in runs):.2f}"
        for one in ("seconds", "cpu_seconds", "process_seconds")
    )
    peak = max(run.peak_mb for run in runs)
    shown = "" if times is None else f"{times:.2f}"
    return f"| {name} | {seconds} | {shown} | {cpu} | {process} | {peak:.0f} |"


def ratio(runs: Sequence[Run], database: str, what: str, against: str | None) -> float | None:
    """Divide medians."""
    mine, theirs = (
        [run.seconds for run in runs if (run.what, run.database) == (one, database) and not run.problem]
        for one in (what, against)
    )
    return median(mine) / median(theirs) if mine and theirs else None


def _line(run: Run) -> str:
    if run.problem:
        return f"{run.database:11} {run.what:12} {run.problem}"
    told = "  ".join(f"{name} {value}" for name, value in (run.found or {}).items())
    return f"{run.database:11} {run.what:12}{run.seconds:8.2f} s{run.peak_mb:8.0f} MB  {told}"


def _facts() -> dict[str, Any]:
    packages = ("django", "duckdb", "pyarrow", "psycopg", "splink")
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "packages": {name: package_version(name) for name in packages},
    }


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()[:200]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
