"""Settings of the hospital. Everything that a deployment changes comes from the environment.

| variable | meaning | default |
|---|---|---|
| `DATABASE_URL` | the new database, `postgresql://user:password@host/name` | `db.sqlite3` beside manage.py |
| `LEGACY_DATABASE_URL` | the old system's database | `legacy.sqlite3` beside manage.py |
| `SECRET_KEY` | Django's signing key; required where `DEBUG` is off | a development key |
| `DEBUG` | `0` in production | `1` |
| `ALLOWED_HOSTS` | host names to answer to, with commas between them | this machine's |
| `CSRF_TRUSTED_ORIGINS` | origins behind a proxy, `https://hospital.example` | none |
| `SECURE_COOKIES` | `1` where people come by https only: their session's cookie goes no other way | `0` |
| `NIGHTLY` | `1` loads everything every night at two, where the Dagster daemon runs | `0` |
| `SENSORS` | `1` loads what changes in the old system, where the Dagster daemon runs | `0` |
| `ALERT_EMAIL` | whom to write to when a run fails, with commas between them | nobody |
| `WEBHOOK_URL` | where to post to when a run fails | nowhere |
| `EMAIL_HOST` | the mail server | `localhost` |
| `DAGSTER_URL` | address of the Dagster UI, for links in the admin and in alerts | none |
| `SITE_URL` | address of this project, for links in Dagster and in alerts | none |
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

INSECURE_DEVELOPMENT_KEY = "insecure-development-key-never-use-it-where-others-can-reach-the-server"


def _listed(variable: str) -> list[str]:
    return [part.strip() for part in os.environ.get(variable, "").split(",") if part.strip()]


def _is_on(variable: str, default: str = "0") -> bool:
    return os.environ.get(variable, default).lower() not in ("0", "false", "no", "off", "")


def _database(variable: str, file_name: str, **sqlite_options: Any) -> dict[str, Any]:
    """The database that `variable` names, or an SQLite file beside manage.py."""
    url = os.environ.get(variable)
    config: dict[str, Any] = (
        dict(dj_database_url.parse(url))
        if url
        else {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / file_name}
    )
    if config["ENGINE"] == "django.db.backends.sqlite3":
        # A second writer waits for the first one instead of failing at once.
        config["OPTIONS"] = {"timeout": 20, **sqlite_options, **config.get("OPTIONS", {})}
    return config


# Security

DEBUG = _is_on("DEBUG", "1")
SECRET_KEY = os.environ.get("SECRET_KEY") or INSECURE_DEVELOPMENT_KEY
if not DEBUG and SECRET_KEY == INSECURE_DEVELOPMENT_KEY:
    raise ImproperlyConfigured(
        "DEBUG is off and SECRET_KEY is not set: put a long random text into the variable SECRET_KEY."
    )
ALLOWED_HOSTS = _listed("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = _listed("CSRF_TRUSTED_ORIGINS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_on("SECURE_COOKIES")
# Redirects to https and HSTS are for whatever ends TLS, which is before us.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]

# Applications

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "etl_assets",
    "django_project.hospital",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "django_project.urls"
WSGI_APPLICATION = "django_project.wsgi.application"

# Databases

DATABASES = {
    # IMMEDIATE takes the write lock when a transaction begins. Taken later, at its first write, SQLite
    # refuses without waiting where somebody else wrote in between.
    "default": _database("DATABASE_URL", "db.sqlite3", transaction_mode="IMMEDIATE"),
    "legacy": _database("LEGACY_DATABASE_URL", "legacy.sqlite3"),
}
DATABASE_ROUTERS = ["django_project.routers.LegacyRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Language, time, static files

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
EMAIL_HOST = os.environ.get("EMAIL_HOST") or "localhost"

# Moving the old data in: every key is explained in the documentation of etl_assets

ETL_CONFIG = {
    "PROJECT_NAME": "Hospital",
    "DEFAULT_LEGACY_DB": "legacy",
    "TRANSFORMATION": {
        "BATCH_SIZE": 10_000,
        "VALIDATION_MODE": "lenient",
    },
    "SCHEDULES": {
        "nightly": {"cron": "0 2 * * *", "timezone": "Europe/London", "enabled": _is_on("NIGHTLY")},
    },
    "SENSORS": {"ENABLED": _is_on("SENSORS")},
    "MONITORING": {
        "ALERT_EMAIL": os.environ.get("ALERT_EMAIL") or None,
        "WEBHOOK_URL": os.environ.get("WEBHOOK_URL") or None,
    },
    "DAGSTER_URL": os.environ.get("DAGSTER_URL") or None,
    "SITE_URL": os.environ.get("SITE_URL") or None,
    # Shown as *** in messages, reports and files; the raw row that a reject keeps has them.
    "SENSITIVE_COLUMNS": ["ssn", "national_id"],
}
