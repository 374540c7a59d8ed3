"""How true `manage.py etl estimate` is: estimates the load of a hospital's patients, does it, and compares.

    python -m benchmarks.estimate [--patients 1000000] [--pairs sqlite-sqlite,...] [--batch-size 10000]

For each pair of databases into an empty target, and once more into the full one. The estimate is the real
command, the load a process of its own; both have the machine to themselves. Prints what the constants of
`etl_assets/analysis/forecast.py` are made of, too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .analysis import KEPT, ROOT, kept_sqlite
from .estimate_probe import EARLY
from .measure import Measurement, measure
from .server import DurableServer
from .stage import fill_from_sqlite

PAIRS = ("sqlite-sqlite", "sqlite-postgresql", "postgresql-postgresql")
SITUATIONS = ("empty", "full")
WIDEST = 0.30
"""Range over middle: what the estimate promises at most."""
LIMIT = 900.0


class Databases:
    """Makes what a pair needs; the server starts when it is first asked for."""

    def __init__(self, stack: ExitStack, legacy: Path) -> None:
        self._stack = stack
        self._legacy = legacy
        self._server: DurableServer | None = None
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=KEPT)))

    def environment(self, pair: str) -> dict[str, str]:
        source, target = pair.split("-")
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "django_project.settings",
            "DEBUG": "0",
            "SECRET_KEY": "benchmark",
            "LEGACY_DATABASE_URL": self._source(source),
            "DATABASE_URL": self._target(target, pair),
        }

    @property
    def server(self) -> DurableServer:
        if self._server is None:
            self._server = DurableServer.start()
            self._stack.callback(self._server.remove)
        return self._server

    def _source(self, vendor: str) -> str:
        if vendor == "sqlite":
            return f"sqlite:///{quote(str(self._legacy))}"
        url = self.server.create_database("legacy")
        fill_from_sqlite(url, self._legacy)
        return url

    def _target(self, vendor: str, pair: str) -> str:
        if vendor == "sqlite":
            return f"sqlite:///{quote(str(self._folder / pair))}.sqlite3"
        return self.server.create_database(f"target_{pair.replace('-', '_')}")


def main() -> None:
    options = _parse()
    options.kept.mkdir(parents=True, exist_ok=True)
    failed = False
    with ExitStack() as stack:
        databases = Databases(stack, kept_sqlite(options.kept, options.patients))
        for pair in options.pairs:
            environment = databases.environment(pair)
            _run(["manage.py", "migrate", "--verbosity", "0"], environment)
            for situation in SITUATIONS:
                found, loaded = (
                    _estimated(environment, options.batch_size),
                    _loaded(environment, options.batch_size),
                )
                failed |= not _is_inside(*found, *loaded)
                _say("\n".join(_lines(pair, situation, *found, *loaded)))
    sys.exit(1 if failed else 0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.estimate", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--patients", type=int, default=1_000_000, help="rows of the table (1000000)")
    parser.add_argument("--pairs", type=_pairs, default=PAIRS, help=",".join(PAIRS))
    parser.add_argument("--batch-size", type=int, default=10_000, help="of estimate and load (10000)")
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder for rows that are made once")
    return parser.parse_args()


def _pairs(text: str) -> tuple[str, ...]:
    given = tuple(text.split(","))
    if unknown := set(given) - set(PAIRS):
        raise argparse.ArgumentTypeError(f"no {unknown.pop()!r} here: choose from {', '.join(PAIRS)}")
    return given


# Measuring


def _estimated(environment: Mapping[str, str], batch_size: int) -> tuple[Mapping[str, Any], Measurement]:
    command = ["manage.py", "etl", "estimate", "--table", "legacy_patients", "--database", "legacy"]
    return _run([*command, "--batch-size", str(batch_size), "--format", "json"], environment)


def _loaded(environment: Mapping[str, str], batch_size: int) -> tuple[Mapping[str, Any], Measurement]:
    return _run(["-m", "benchmarks.estimate_probe", str(batch_size)], environment)


def _run(command: list[str], environment: Mapping[str, str]) -> tuple[Mapping[str, Any], Measurement]:
    done = measure([sys.executable, *command], environment, ROOT, None, LIMIT)
    if done.status:
        sys.exit(f"{' '.join(command)} failed:\n{done.errors[-2000:]}")
    return json.loads(done.output) if done.output.strip() else {}, done


# Telling


def _is_inside(
    found: Mapping[str, Any], estimating: Measurement, truth: Mapping[str, Any], loading: Measurement
) -> bool:
    low, high = found["estimated_seconds_low"], found["estimated_seconds_high"]
    return low <= truth["seconds"] <= high and _width(found) <= WIDEST


def _width(found: Mapping[str, Any]) -> float:
    return (
        float(found["estimated_seconds_high"] - found["estimated_seconds_low"]) / found["estimated_seconds"]
    )


def _lines(
    pair: str,
    situation: str,
    found: Mapping[str, Any],
    estimating: Measurement,
    truth: Mapping[str, Any],
    loading: Measurement,
) -> Iterator[str]:
    low, middle, high = (found[f"estimated_seconds{end}"] for end in ("_low", "", "_high"))
    inside = "inside" if _is_inside(found, estimating, truth, loading) else "OUTSIDE"
    yield (
        f"{pair}, {situation} target, {found['row_count']:,} rows in batches of {found['batch_size']:,}: "
        f"estimate {low:.1f} - {middle:.1f} - {high:.1f} s, truth {truth['seconds']:.1f} s: "
        f"{inside}, {middle / truth['seconds'] - 1:+.1%}, range {_width(found):.0%} of the middle"
    )
    yield (
        f"    the estimate took {estimating.seconds:.1f} s for {found['sample_rows']:,} rows, "
        f"{estimating.seconds / truth['seconds']:.0%} of the load; memory "
        f"{found['memory_bytes'] / 2**20:.0f} MB told, {loading.peak_mb:.0f} MB in the load"
    )
    yield (
        f"    a row of the whole took {truth['pace']:.3f} times as long as one of the first in {EARLY}: "
        f"{truth['growth']:.3f} more each time the created rows doubled; "
        f"keeping a reject took {1e6 * truth['reject_seconds']:.0f} millionths of a second"
    )
    yield from (f"    {one}" for one in found["suggestions"])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
