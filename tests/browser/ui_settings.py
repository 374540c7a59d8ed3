"""The hospital's settings with links both ways, and a schedule that need not be waited for all night."""

from __future__ import annotations

import os
from typing import Any

from django_project.settings import *  # noqa: F403
from django_project.settings import ETL_CONFIG

ETL_CONFIG: dict[str, Any] = {  # type: ignore[no-redef]
    **ETL_CONFIG,
    "SCHEDULES": {"every_minute": {"cron": "* * * * *", "only": "departments", "enabled": False}},
    "SENSORS": {"ENABLED": False, "INTERVAL": 5},
    "DAGSTER_URL": os.environ.get("TEST_DAGSTER_URL"),
    "SITE_URL": os.environ.get("TEST_SITE_URL"),
}
