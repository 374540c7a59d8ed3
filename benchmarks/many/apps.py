from __future__ import annotations

from django.apps import AppConfig


class ManyConfig(AppConfig):
    name = "benchmarks.many"
    label = "many"
    default_auto_field = "django.db.models.BigAutoField"
