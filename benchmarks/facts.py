"""On what it was measured: machine, versions, the server's settings."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .stage import Stage

PACKAGES = (
    "etl-assets",
    "django",
    "dagster",
    "pyarrow",
    "pandas",
    "psycopg",
    "django-import-export",
    "petl",
    "dlt",
    "connectorx",
    "adbc-driver-postgresql",
)


def facts(stage: Stage, times: int) -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "taken": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "times": times,
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": stage.server.facts(),
        "pgloader": pgloader_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
    }


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def pgloader_version() -> str:
    try:
        done = subprocess.run(["pgloader", "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not installed"
    return done.stdout.partition("\n")[0].partition('"')[2].rstrip('"')
