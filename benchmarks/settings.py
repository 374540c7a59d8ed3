"""The hospital's settings with the jobs' models, as in production: `DEBUG` would keep queries in memory."""

from __future__ import annotations

import os

from django_project.settings import *  # noqa: F403
from django_project.settings import ETL_CONFIG, INSTALLED_APPS

DEBUG = False
INSTALLED_APPS = [*INSTALLED_APPS, *os.environ.get("BENCH_APPS", "benchmarks.job").split(",")]
ETL_CONFIG = {
    **ETL_CONFIG,
    # One job at a time: the hospital has departments and patients too.
    "TRANSFORMER_DISCOVERY_PATHS": [os.environ.get("BENCH_TRANSFORMERS", "benchmarks.job.patients")],
}
