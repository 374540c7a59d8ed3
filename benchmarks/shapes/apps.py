from __future__ import annotations

from django.apps import AppConfig


class ShapesConfig(AppConfig):
    name = "benchmarks.shapes"
    label = "shapes"
    default_auto_field = "django.db.models.BigAutoField"
