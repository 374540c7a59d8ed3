from __future__ import annotations

from django.apps import AppConfig


class HospitalConfig(AppConfig):
    name = "django_project.hospital"
    verbose_name = "Hospital"
