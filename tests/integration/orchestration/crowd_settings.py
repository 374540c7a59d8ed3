"""The tests' settings for the processes of crowd.py."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, ETL_CONFIG

for database in DATABASES.values():
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # As in the hospital's settings: a second writer waits.
        database["OPTIONS"] = {"timeout": 60, "transaction_mode": "IMMEDIATE"}

ETL_CONFIG = {**ETL_CONFIG, "TRANSFORMER_DISCOVERY_PATHS": ["tests.integration.orchestration.crowd"]}
