"""What the environment changes. Each case is a fresh process, as settings are read once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]

SHOW = """
import json
from django_project import settings
names = ("DEBUG", "ALLOWED_HOSTS", "DATABASES", "ETL_CONFIG", "EMAIL_HOST")
shown = {name: getattr(settings, name) for name in names}
print(json.dumps(shown, default=str))
"""


def read(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def shown(**environment: str) -> dict[str, Any]:
    done = read(**environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_sqlite_files_beside_manage_py_without_any_environment() -> None:
    settings = shown()

    assert settings["DEBUG"] is True
    assert settings["DATABASES"] == {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(ROOT / "db.sqlite3"),
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
        },
        "legacy": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(ROOT / "legacy.sqlite3"),
            "OPTIONS": {"timeout": 20},
        },
    }


def test_urls_point_the_databases_elsewhere() -> None:
    databases = shown(
        DATABASE_URL="postgresql://ward:s%40crets@db.example:5433/hospital",
        LEGACY_DATABASE_URL="sqlite:////srv/old.sqlite3",
    )["DATABASES"]

    target = databases["default"]
    assert (target["ENGINE"], target["NAME"], target["HOST"], target["PORT"], target["PASSWORD"]) == (
        "django.db.backends.postgresql",
        "hospital",
        "db.example",
        5433,
        "s@crets",
    )
    assert "transaction_mode" not in target.get("OPTIONS", {})
    assert databases["legacy"]["NAME"] == "/srv/old.sqlite3"


def test_production_needs_a_key_of_its_own() -> None:
    refused = read(DEBUG="0")

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "django.core.exceptions.ImproperlyConfigured: DEBUG is off and SECRET_KEY is not set: "
        "put a long random text into the variable SECRET_KEY."
    )


def test_variables_that_are_empty_are_as_good_as_none() -> None:
    """As a file for systemd or Compose has them before somebody fills it in."""
    names = ("NIGHTLY", "SENSORS", "ALERT_EMAIL", "WEBHOOK_URL", "EMAIL_HOST", "DAGSTER_URL", "SITE_URL")

    assert shown(**dict.fromkeys(names, "")) == shown()


def test_django_has_nothing_against_a_deployment_behind_https() -> None:
    key = "".join(map(chr, range(33, 127)))
    variables = {"DEBUG": "0", "SECRET_KEY": key, "ALLOWED_HOSTS": "hospital.example", "SECURE_COOKIES": "1"}

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "django_project.settings", **variables},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_production_with_a_key() -> None:
    settings = shown(DEBUG="0", SECRET_KEY="a long random text", ALLOWED_HOSTS="a.example, b.example")

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["a.example", "b.example"]
