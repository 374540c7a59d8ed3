"""Somebody else's project: a clinic with one transformer, which knows nothing of this repository."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import textwrap
from pathlib import Path

FILES = {
    "mysite/__init__.py": "",
    "mysite/settings.py": """
        from pathlib import Path

        BASE_DIR = Path(__file__).parent.parent
        SECRET_KEY = "not a secret"
        INSTALLED_APPS = ["django.contrib.contenttypes", "etl_assets", "clinic"]
        DATABASES = {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "new.sqlite3"},
            "legacy": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "old.sqlite3"},
        }
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        TIME_ZONE = "UTC"
        USE_TZ = True
        ETL_CONFIG = {"PROJECT_NAME": "Clinic"}
    """,
    "manage.py": """
        import os
        import sys

        from django.core.management import execute_from_command_line

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
        execute_from_command_line(sys.argv)
    """,
    "clinic/__init__.py": "",
    "clinic/models.py": """
        from django.db import models

        class Ward(models.Model):
            legacy_id = models.PositiveIntegerField(unique=True)
            name = models.CharField(max_length=40, help_text="As on the door.")

        class Bed(models.Model):
            legacy_id = models.PositiveIntegerField(unique=True)
            ward = models.ForeignKey(Ward, on_delete=models.PROTECT)
    """,
    "clinic/transformers.py": """
        from etl_assets import Transformer, col, key, link

        from .models import Bed, Ward

        class WardTransformer(Transformer):
            class Meta:
                source = "old_wards"
                model = Ward

            legacy_id = key("id")
            name = col("name").strip().title()

        class BedTransformer(Transformer):
            class Meta:
                source = "old_beds"
                model = Bed

            legacy_id = key("id")
            ward = link("wards", "ward_id")
    """,
}
WARDS = [(1, " surgery "), (2, "x-ray")]
BEDS = [(10, 1), (11, 2), (12, 2)]


def make_project(folder: Path) -> Path:
    """Write the project and its legacy database; its new one is still to be migrated."""
    write(folder, FILES)
    with sqlite3.connect(folder / "old.sqlite3") as old:
        old.execute("CREATE TABLE old_wards (id integer primary key, name varchar(40))")
        old.execute("CREATE TABLE old_beds (id integer primary key, ward_id integer)")
        old.executemany("INSERT INTO old_wards VALUES (?, ?)", WARDS)
        old.executemany("INSERT INTO old_beds VALUES (?, ?)", BEDS)
    old.close()
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))


def run(
    python: Path | str, folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in the project, with nothing of this process's environment but PATH and HOME."""
    home = folder / "dagster_home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [python, *arguments],
        cwd=folder,
        env={**kept, "DAGSTER_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
