from __future__ import annotations

from django.apps import AppConfig


class JobConfig(AppConfig):
    name = "benchmarks.job"
    label = "bench"
    default_auto_field = "django.db.models.BigAutoField"
