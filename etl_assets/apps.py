from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EtlAssetsConfig(AppConfig):
    name = "etl_assets"
    verbose_name = _("Legacy migration")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import system_checks

        system_checks.register()
