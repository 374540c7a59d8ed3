"""What Dagster and the system checks cost in a project of many transformers.

    python benchmarks/dagster_overhead.py [--transformers 300] [--assets 30]

Writes a project into a temporary folder: apps with models, a transformer for each, legacy tables of ten rows.
Then prints, each from a fresh process,

- what `manage.py check` takes beyond Django, which is what it takes in the same project without etl_assets,
- what the code location takes beyond imports: definitions, repository, and the snapshot that the web server
  asks for,
- what an asset takes in the command besides the engine. A run of one asset and a run of many tell what each
  asset costs from what a run costs once.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_ONE_APP = 30
ROWS = 10

SETTINGS = """
import os
SECRET_KEY = "x"
INSTALLED_APPS = {apps!r}
if "WITHOUT" not in os.environ:
    INSTALLED_APPS = ["etl_assets", *INSTALLED_APPS]
DATABASES = {{
    alias: {{"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/{{alias}}.sqlite3"}}
    for alias in ("default", "legacy")
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
MODEL = """
class M{number}(models.Model):
    legacy_id = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=40, help_text="As it is said.")
    code = models.CharField(max_length=8, blank=True)
    born = models.DateField(null=True)
    amount = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    is_active = models.BooleanField(default=True)
    class Meta:
        verbose_name_plural = "m{number}"
"""
TRANSFORMER = """
class M{number}Transformer(Transformer):
    '''Rows of table {number}.'''
    class Meta:
        source = "old_{number}"
        model = models.M{number}
        {after}
    legacy_id = key("id")
    name = col("name").strip().collapse_spaces().title()
    code = col("code").strip().upper().matches(r"[A-Z0-9]{{0,8}}")
    born = col("born").strip().null_if("", "0000-00-00").date("%d/%m/%Y", "%Y-%m-%d")
    amount = col("amount").strip().replace("£", "").decimal(2)
    is_active = col("active").boolean(true=("Y",), false=("N",))

    @rule("is not born yet")
    def born_already(self, rows):
        return rows["amount"] >= 0
"""

CHECK = """
import sys, time
started = time.perf_counter()
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
print(time.perf_counter() - started)
"""
LOCATION = """
import time
import django
django.setup()
import dagster as dg
from dagster._core.remote_representation.external_data import RepositorySnap
import etl_assets.orchestration.location, etl_assets.orchestration.in_process
started = time.perf_counter()
from etl_assets.definitions import defs
repository = defs.get_repository_def()
repository.load_all_definitions()
RepositorySnap.from_def(repository)
print(time.perf_counter() - started)
"""
RUNS = """
import json, sys, time
import django
django.setup()
from django.core.management import call_command
from etl_assets.engine.options import RunOptions
from etl_assets.orchestration.in_process import materialize
from etl_assets.registry import discover
call_command("migrate", run_syncdb=True, verbosity=0)
registry = discover()

def besides(count):
    names = list(registry)[:count]
    started = time.perf_counter()
    report = materialize(registry.choose(names), registry, RunOptions())
    total = time.perf_counter() - started
    assert report.succeeded, report.as_dict()
    return total - sum(one.duration_seconds for one in report.transformers.values())

besides(1)  # makes Dagster's home
print(json.dumps([besides(1), besides(int(sys.argv[1]))]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--transformers", type=int, default=300)
    parser.add_argument("--assets", type=int, default=30, help="in the longer run of the command")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_project(folder, options.transformers)
        beyond_django = min(_seconds(folder, CHECK) - _seconds(folder, CHECK, WITHOUT="1") for _ in range(3))
        _say(f"check: {beyond_django:.2f} s beyond Django (goal: 1)")
        location = min(_seconds(folder, LOCATION) for _ in range(3))
        _say(f"code location: {location:.2f} s beyond imports (goal: 4)")
        one, many = json.loads(_last_line(folder, RUNS, str(options.assets)))
        each = (many - one) / (options.assets - 1)
        _say(f"command: {1000 * each:.0f} ms for each asset (goal: 60), {one - each:.2f} s once for a run")


def _write_project(folder: Path, count: int) -> None:
    apps = [f"app_{first}" for first in range(0, count, IN_ONE_APP)]
    (folder / "site_settings.py").write_text(SETTINGS.format(apps=apps, folder=folder))
    (folder / "dagster_home").mkdir()
    for index, app in enumerate(apps):
        numbers = range(index * IN_ONE_APP, min((index + 1) * IN_ONE_APP, count))
        models = "".join(MODEL.format(number=number) for number in numbers)
        # Each app comes after the one before, so that there is a graph to be drawn.
        after = f'after = ("m{(index - 1) * IN_ONE_APP}",)' if index else ""
        written = "".join(TRANSFORMER.format(number=number, after=after) for number in numbers)
        (folder / app).mkdir()
        (folder / app / "__init__.py").touch()
        (folder / app / "models.py").write_text(f"from django.db import models\n{models}")
        (folder / app / "transformers.py").write_text(
            f"from etl_assets import Transformer, col, key, rule\nfrom . import models\n{written}"
        )
    with sqlite3.connect(folder / "legacy.sqlite3") as legacy:
        for number in range(count):
            legacy.execute(
                f"CREATE TABLE old_{number} (id integer primary key, name text, code text, born text, "
                "amount text, active text)"
            )
            rows = [(row, f" name {row}", "ab", "01/02/1990", "£1.50", "Y") for row in range(ROWS)]
            legacy.executemany(f"INSERT INTO old_{number} VALUES (?, ?, ?, ?, ?, ?)", rows)


def _seconds(folder: Path, program: str, **variables: str) -> float:
    return float(_last_line(folder, program, **variables))


def _last_line(folder: Path, program: str, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "site_settings",
            "DAGSTER_HOME": str(folder / "dagster_home"),
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            **variables,
        },
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.splitlines()[-1]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
