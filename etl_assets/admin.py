"""Runs and rejected rows in Django's admin: to be read, never to be changed."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from . import conf
from .models import Reject, Run


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic to type checkers only
    """What a run has recorded is evidence: staff with the view permission may look at it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """One line for each transformer in each run."""

    list_display = (
        "transformer",
        "status",
        "started_at",
        "read",
        "created",
        "updated",
        "unchanged",
        "rejected_rows",
        "skipped",
        "warnings",
    )
    list_filter = ("status", "transformer", "started_at")
    search_fields = ("run_id", "transformer", "error")
    date_hierarchy = "started_at"

    @admin.display(description=_("rejected"), ordering="rejected")
    def rejected_rows(self, run: Run) -> SafeString | int:
        """Link to the rejects that this run was the last to meet."""
        if not run.rejected:
            return 0
        address = reverse(f"{self.admin_site.name}:etl_assets_reject_changelist")
        return format_html('<a href="{}?run__id__exact={}">{}</a>', address, run.pk, run.rejected)


class OpenFilter(admin.SimpleListFilter):
    """Rows that are still not loaded, or that a later run has loaded."""

    title = _("resolved")
    parameter_name = "resolved"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("still open")), ("yes", _("loaded after all"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() is None:
            return queryset
        return queryset.filter(resolved_run__isnull=self.value() == "no")


@admin.register(Reject)
class RejectAdmin(ReadOnlyAdmin):
    """One line for each row that was not loaded and each reason."""

    list_display = ("transformer", "legacy_key", "field", "code", "reason", "run", "resolved_run")
    list_filter = (OpenFilter, "transformer", "field", "code")
    list_select_related = ("run", "resolved_run")
    search_fields = ("legacy_key", "reason")
    fields = (
        "transformer",
        "legacy_key",
        "field",
        "code",
        "reason",
        "raw_values",
        "run",
        "first_run",
        "resolved_run",
    )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("raw values"))
    def raw_values(self, reject: Reject) -> SafeString:
        """Show the legacy row, with what the settings call sensitive masked."""
        sensitive = conf.load().sensitive_columns
        raw = {name: "***" if name in sensitive else value for name, value in reject.raw.items()}
        return format_html("<pre>{}</pre>", json.dumps(raw, indent=2, ensure_ascii=False))
