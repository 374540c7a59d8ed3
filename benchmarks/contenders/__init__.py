"""Those who do the job. Each is a process of its own, so that what it imports is paid for too."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from ..stage import Place, Situation, Vendor
from . import copiers, limit

Pair = tuple[Vendor, Vendor]

SQLITE: Pair = ("sqlite", "sqlite")
MIXED: Pair = ("sqlite", "postgresql")
POSTGRES: Pair = ("postgresql", "postgresql")
PAIRS: tuple[Pair, ...] = (SQLITE, MIXED, POSTGRES)
SITUATIONS: tuple[Situation, ...] = ("empty", "changed", "unchanged")


def python(module: str, *arguments: str) -> Callable[[Place], list[str]]:
    return lambda place: [sys.executable, "-m", f"benchmarks.contenders.{module}", *arguments]


def migrate_legacy_data(place: Place) -> list[str]:
    only = place.data.job.only
    options = ["--only", ",".join(only)] if only else []
    return [sys.executable, "manage.py", "migrate_legacy_data", "--full", *options]


@dataclass(frozen=True)
class Contender:
    name: str
    title: str
    """How the tables call it."""
    setting: str
    """How it is set up, at its best."""
    command: Callable[[Place], list[str]]
    jobs: tuple[str, ...] = ("patients",)
    """Names of the jobs that it can do; none are all."""
    pairs: tuple[Pair, ...] = PAIRS
    situations: tuple[Situation, ...] = SITUATIONS
    modules: tuple[str, ...] = ()
    """Packages that it needs besides the product's."""
    program: str = ""
    """A program that it needs on the path."""

    @property
    def missing(self) -> str | None:
        """What is not installed that it needs."""
        for module in self.modules:
            if find_spec(module) is None:
                return module
        if self.program and shutil.which(self.program) is None:
            return self.program
        return None

    def takes_part(self, job: str, pair: Pair, situation: Situation) -> bool:
        return (not self.jobs or job in self.jobs) and pair in self.pairs and situation in self.situations


CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (
        Contender(
            "limit",
            "limit: COPY of the cleaned file",
            "psql, `\\copy` of the rows already cleaned and linked, into the same indexed table",
            limit.command,
            jobs=("patients", "hospital", "copy"),
            pairs=(MIXED, POSTGRES),
            situations=("empty",),
        ),
        Contender(
            "engine",
            "etl_assets, the engine alone",
            "`run_transformer` with `full=True`, otherwise as it comes",
            python("engine"),
            jobs=(),
        ),
        Contender(
            "rebuild",
            "etl_assets, the engine with rebuild_indexes",
            "the same with `Meta.rebuild_indexes`: the table is locked for others meanwhile",
            python("engine", "--rebuild-indexes"),
            jobs=("patients", "hospital"),
            situations=("empty",),
        ),
        Contender(
            "command",
            "etl_assets, migrate_legacy_data",
            "the command with `--full`, otherwise as it comes, Dagster included",
            migrate_legacy_data,
            jobs=("patients", "hospital", "copy"),
        ),
        Contender(
            "django_loop",
            "Django loop",
            "`iterator`, plain Python, `bulk_create(update_conflicts=True)` by 5,000 in one transaction",
            python("django_loop"),
            jobs=("patients", "hospital"),
        ),
        Contender(
            "full_clean",
            "Django loop with full_clean",
            "the same with `full_clean()` for each object, then `bulk_create`",
            python("full_clean"),
            situations=("empty",),
        ),
        Contender(
            "import_export",
            "django-import-export, bulk",
            "`use_bulk`, `skip_diff`; `force_init_instance` into the empty table, else `skip_unchanged`",
            python("import_export"),
            modules=("import_export",),
        ),
        Contender(
            "petl",
            "petl",
            "`fromdb` on a server-side cursor, `rowmap`, `appenddb`",
            python("petl_rows"),
            situations=("empty",),
            modules=("petl",),
        ),
        Contender(
            "dlt",
            "dlt, sql_database",
            "read by ConnectorX, loaded as Parquet through ADBC",
            python("dlt_copy"),
            jobs=("copy",),
            # SQLite's integers come as 64 bits, which it does not narrow to the target's.
            pairs=(POSTGRES,),
            situations=("empty",),
            modules=("dlt", "psycopg2", "connectorx", "adbc_driver_postgresql"),
        ),
        Contender(
            "pgloader",
            "pgloader",
            "`data only`, two workers",
            copiers.pgloader,
            jobs=("copy",),
            pairs=(MIXED, POSTGRES),
            situations=("empty",),
            program="pgloader",
        ),
        Contender(
            "psql",
            "psql, COPY into COPY",
            "`COPY TO` piped into `COPY FROM`, binary",
            copiers.psql,
            jobs=("copy",),
            pairs=(POSTGRES,),
            situations=("empty",),
        ),
    )
}
