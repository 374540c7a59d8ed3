"""Runs and rejected rows in Django's admin: to be read, never to be changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from . import conf, spreadsheet
from .download import rejects_as_csv
from .models import CheckResult, Reject, Run

RECENT_RUNS = 500
"""How many runs the filters of rejects are made of. An open reject is met again by each run of all rows."""
OFFERED_RUNS = 20
LONGEST_NUMBER = 18
"""Digits that a number of the database may have."""


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic to type checkers only
    """What a run has recorded is evidence: staff with the view permission may look at it."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def listing(self, model: type[Model], text: object, **query: object) -> SafeString:
        """Link to a list of this site, filtered."""
        address = reverse(
            f"{self.admin_site.name}:{model._meta.app_label}_{model._meta.model_name}_changelist"
        )
        return format_html('<a href="{}?{}">{}</a>', address, urlencode(query), text)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """One line for each transformer in each run."""

    list_display = (
        "transformer",
        "status",
        "started_at",
        "read",
        "rejected_rows",
        "failed_checks",
        "created",
        "updated",
        "unchanged",
        "skipped",
        "warnings",
        "duration",
        "in_dagster",
    )
    list_filter = ("status", "transformer", "started_at")
    search_fields = ("run_id", "transformer", "error")
    search_help_text = _("A run's id, a transformer, or a part of an error.")
    date_hierarchy = "started_at"
    fieldsets = (
        (None, {"fields": ("transformer", "status", "error", "whole_run", "dagster_run")}),
        (_("Time"), {"fields": ("started_at", "finished_at", "duration", "rows_per_second", "stage_times")}),
        (
            _("Rows"),
            {
                "fields": (
                    "read",
                    "created",
                    "updated",
                    "unchanged",
                    "rejected_rows",
                    "skipped",
                    "warnings",
                    "reasons",
                )
            },
        ),
        (_("Checks"), {"fields": ("checks",)}),
        (_("Options"), {"fields": ("option_values",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        failed = CheckResult.objects.filter(run=OuterRef("pk"), passed=False).order_by()
        count = failed.values("run").annotate(found=Count("pk")).values("found")
        return super().get_queryset(request).annotate(failed_checks=Coalesce(Subquery(count), 0))

    @admin.display(description=_("failed checks"), ordering="failed_checks")
    def failed_checks(self, run: Any) -> int:
        return run.failed_checks

    @admin.display(description=_("checks"))
    def checks(self, run: Run) -> SafeString | str:
        """Show what each check found, those that failed first, with rows at fault."""
        kept = sorted(run.checks.all(), key=lambda one: (one.passed, one.severity))
        lines = [(one.name, _outcome(one), one.description, _rows(one.samples)) for one in kept]
        return _table((_("check"), _("result"), _("found"), _("rows at fault")), lines)

    @admin.display(description=_("rejected"), ordering="rejected")
    def rejected_rows(self, run: Run) -> SafeString | int:
        """Link to the rejects that this run was the last to meet."""
        return self.listing(Reject, run.rejected, run__id__exact=run.pk) if run.rejected else 0

    @admin.display(description=_("rejected rows by reason"))
    def reasons(self, run: Run) -> SafeString | str:
        """Count them, and lead to those that no later run has met."""
        lines = []
        for reason, rows in sorted(run.reject_reasons.items(), key=lambda one: -one[1]):
            field, _colon, code = reason.partition(":")
            link = self.listing(Reject, rows, run__id__exact=run.pk, field=field, code=code)
            lines.append((field, code, link))
        return _table((_("field"), _("code"), _("rows")), lines)

    @admin.display(description=_("stages"))
    def stage_times(self, run: Run) -> SafeString | str:
        lines = [(name, f"{one['seconds']:.3f}", one["count"]) for name, one in run.stages.items()]
        return _table((_("stage"), _("seconds"), _("batches")), lines)

    @admin.display(description=_("options"))
    def option_values(self, run: Run) -> SafeString | str:
        return _table(
            (_("option"), _("value")), [(name, json.dumps(one)) for name, one in run.options.items()]
        )

    @admin.display(description=_("duration"))
    def duration(self, run: Run) -> str | None:
        return f"{_seconds(run):,.2f} s" if run.finished_at else None

    @admin.display(description=_("rows per second"))
    def rows_per_second(self, run: Run) -> str | None:
        return f"{run.read / _seconds(run):,.0f}" if run.finished_at and _seconds(run) else None

    @admin.display(description=_("same run"))
    def whole_run(self, run: Run) -> SafeString:
        """Lead to all transformers of the run."""
        return self.listing(Run, _("all transformers of this run"), run_id=run.run_id)

    @admin.display(description=_("Dagster"))
    def in_dagster(self, run: Run) -> SafeString | str:
        return _dagster_link(run, run.run_id[:8])

    @admin.display(description=_("Dagster run"))
    def dagster_run(self, run: Run) -> SafeString | str:
        return _dagster_link(run, run.run_id)


class FromRecentRuns(admin.SimpleListFilter):
    """Offers what the latest runs have counted: reading it off the rejects would take all of them."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        known = self.known(Run.objects.filter(rejected__gt=0), request)
        chosen = self.value()  # a link may ask for what is not known any more
        values = sorted(known if chosen is None else {*known, chosen})
        return [(value, value or _("(whole row)")) for value in values]

    def known(self, runs: QuerySet[Run], request: HttpRequest) -> set[str]:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reject]) -> QuerySet[Reject]:
        if self.value() is None:
            return queryset
        return queryset.filter(**{str(self.parameter_name): self.value()})


class TransformerFilter(FromRecentRuns):
    title = _("transformer")
    parameter_name = "transformer"

    def known(self, runs: QuerySet[Run], request: HttpRequest) -> set[str]:
        return set(runs.order_by().values_list("transformer", flat=True).distinct())


class ReasonFilter(FromRecentRuns):
    """A part of what `Run.reject_reasons` counts under `field:code`."""

    part: int

    def known(self, runs: QuerySet[Run], request: HttpRequest) -> set[str]:
        if transformer := request.GET.get("transformer"):
            runs = runs.filter(transformer=transformer)
        counted = runs.values_list("reject_reasons", flat=True)[:RECENT_RUNS]
        return {reason.partition(":")[self.part] for reasons in counted for reason in reasons}


class FieldFilter(ReasonFilter):
    title = _("field")
    parameter_name = "field"
    part = 0


class CodeFilter(ReasonFilter):
    title = _("code")
    parameter_name = "code"
    part = 2


class RunFilter(admin.SimpleListFilter):
    """The latest runs that rejected something, and the one that a link has chosen."""

    title = _("run that met it last")
    parameter_name = "run__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        latest = Run.objects.filter(rejected__gt=0)[:OFFERED_RUNS]
        offered = {str(run.pk): f"{run} ({run.started_at:%Y-%m-%d %H:%M})" for run in latest}
        chosen = self._chosen()
        if chosen is not None and chosen not in offered:
            offered[chosen] = str(Run.objects.filter(pk=chosen).first() or chosen)
        return list(offered.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reject]) -> QuerySet[Reject]:
        chosen = self._chosen()
        return queryset if chosen is None else queryset.filter(run=int(chosen))

    def _chosen(self) -> str | None:
        value = self.value()
        if value is not None and not (value.isdecimal() and len(value) <= LONGEST_NUMBER):
            raise IncorrectLookupParameters(f"{value!r} is no run.")
        return value


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

    list_display = ("transformer", "legacy_key", "field", "reason", "code", "run", "resolved_run")
    list_filter = (OpenFilter, TransformerFilter, FieldFilter, CodeFilter, RunFilter)
    list_select_related = ("run", "resolved_run")
    search_fields = ("legacy_key", "reason")
    search_help_text = _("A whole legacy key; where there is no such key, a part of a reason.")
    actions = ("export",)
    show_facets = admin.ShowFacets.NEVER  # counting each value of each filter takes a minute
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for a key, which has an index, before going through all reasons."""
        term = search_term.strip()
        if not term:
            return queryset, False
        with_key = queryset.filter(legacy_key=term)
        return (with_key if with_key.exists() else queryset.filter(reason__icontains=term)), False

    @admin.action(permissions=["view"], description=_("Export as CSV"))
    def export(self, request: HttpRequest, queryset: QuerySet[Reject]) -> StreamingHttpResponse:
        return rejects_as_csv(request, queryset)

    @admin.display(description=_("raw values"))
    def raw_values(self, reject: Reject) -> SafeString:
        """Show the legacy row, with what the settings call sensitive masked."""
        raw = spreadsheet.masked(reject.raw, conf.load().sensitive_columns)
        return format_html("<pre>{}</pre>", json.dumps(raw, indent=2, ensure_ascii=False))


def _table(head: Iterable[object], rows: Iterable[tuple[object, ...]]) -> SafeString | str:
    lines = [(format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows]
    if not lines:
        return "-"
    return format_html(
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>",
        format_html_join("", "<th>{}</th>", ((cell,) for cell in head)),
        format_html_join("", "<tr>{}</tr>", lines),
    )


def _outcome(check: CheckResult) -> object:
    return _("passed") if check.passed else format_html("<strong>{}</strong>", check.get_severity_display())


def _rows(samples: list[dict[str, Any]]) -> SafeString:
    texts = [(", ".join(f"{name}: {value}" for name, value in one.items()),) for one in samples]
    return format_html_join("", "<div>{}</div>", texts)


def _seconds(run: Run) -> float:
    assert run.finished_at is not None
    return (run.finished_at - run.started_at).total_seconds()


def _dagster_link(run: Run, text: str) -> SafeString | str:
    """Link to the run in the Dagster UI, where the settings say where that is."""
    url = conf.load().dagster_url
    return format_html('<a href="{}/runs/{}">{}</a>', url, run.run_id, text) if url else text
