"""The hospital's settings with the tests' own apps, on databases that live in memory.

The environment's DATABASE_URL is not looked at, so that no test can reach a database that matters. Tests
that need real files, real commits or PostgreSQL take the fixtures of conftest.py. A command run in a
process of its own is pointed to their databases by `Pair.environment()`.
"""

from __future__ import annotations

import os

import dj_database_url

from django_project.settings import *  # noqa: F403
from django_project.settings import ETL_CONFIG, INSTALLED_APPS

TEST_APPS: list[str] = [
    # Legacy samples that nobody here wrote; their transformers are discovered only where a test asks.
    "tests.samples.attic",
    "tests.samples.chinook",
    "tests.samples.employees",
    "tests.samples.sakila",
    "tests.targets",
]
INSTALLED_APPS = [*INSTALLED_APPS, *TEST_APPS]

DATABASES = {
    "default": dict(dj_database_url.parse(os.environ.get("ETL_TEST_DEFAULT_URL", "sqlite://:memory:"))),
    "legacy": {
        **dj_database_url.parse(os.environ.get("ETL_TEST_LEGACY_URL", "sqlite://:memory:")),
        # Nobody migrates a legacy database.
        "TEST": {"MIGRATE": False},
    },
}

ETL_CONFIG = {**ETL_CONFIG, "DEFAULT_LEGACY_DB": "legacy"}

# Hashing that is slow on purpose would be most of an admin test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
