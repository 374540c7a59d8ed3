"""Tells people that a run has failed: by mail, and by a post to a webhook.

Knows no Dagster, so that the command can tell of its own runs where nothing else is installed or running.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.mail import get_connection, send_mail
from django.db import DEFAULT_DB_ALIAS
from django.urls import NoReverseMatch, reverse

from . import conf
from .models import Run

if TYPE_CHECKING:
    from .engine.report import RunReport

TIMEOUT = 10
"""Seconds that the webhook has, and a mail server where EMAIL_TIMEOUT does not say."""
COUNTS = ("read", "created", "updated", "unchanged", "rejected", "skipped")
VALUE = re.compile(r"""(: |=|entry )("[^"]*"|'[^']*'|\([^)]*\))""")
"""Where databases and Python repeat a value in their messages."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one transformer of the run ended."""

    name: str
    status: str
    error: str
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_failure(self) -> bool:
        return self.status not in ("success", "skipped")

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        return f"{self.name}: {self.status}{f' ({counts})' if counts else ''}"


@dataclass(frozen=True, slots=True)
class Alert:
    """A run that failed, in a form that may leave the house."""

    project: str
    run_id: str
    """Dagster's; empty where the command failed before there was a run."""
    started_by: str
    errors: Sequence[str]
    transformers: Sequence[Ended] = ()

    @property
    def subject(self) -> str:
        failed = sum(one.is_failure for one in self.transformers)
        what = f"{failed} of {len(self.transformers)} transformers failed" if failed else "the run failed"
        return f"{self.project}: {what}"

    @property
    def text(self) -> str:
        """The mail's body: what failed, what came of the others, where to look."""
        run = f"Run {self.run_id}, started by" if self.run_id else "No run was begun by"
        parts = [
            [f"{self.subject}."],
            [f"{run} {self.started_by}."],
            self.errors,
            list(map(str, self.transformers)),
            where_to_look(self.run_id),
        ]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def as_dict(self) -> dict[str, object]:
        """The webhook's JSON. `text` alone is what chat services show."""
        return {
            "text": self.text,
            "project": self.project,
            "status": "failed",
            "run_id": self.run_id,
            "started_by": self.started_by,
            "errors": list(self.errors),
            "transformers": {one.name: _without_name(one) for one in self.transformers},
            "links": where_to_look(self.run_id),
        }


def alert_of_report(report: RunReport, started_by: str, problems: Sequence[str] = ()) -> Alert:
    """Make the alert of a run in this process.

    Args:
        problems: what went wrong beside the run.
    """
    ended = [
        Ended(one.name, one.status, without_values(one.error or ""), _counts(one.counts.as_dict()))
        for one in report.transformers.values()
    ]
    return _alert(report.run_id, started_by, [*([report.error] if report.error else []), *problems], ended)


def alert_of_record(run_id: str, started_by: str, error: str | None = None) -> Alert:
    """Make the alert of a run of another process, from what it recorded in `Run`.

    Args:
        error: what ended the run, where no transformer recorded it.
    """
    runs = Run.objects.using(DEFAULT_DB_ALIAS).filter(run_id=run_id).order_by("started_at", "pk")
    ended = [
        Ended(one.transformer, one.status, without_values(one.error), _counts(vars(one))) for one in runs
    ]
    is_explained = any(one.is_failure for one in ended)
    return _alert(run_id, started_by, [error] if error and not is_explained else [], ended)


def is_wanted() -> bool:
    """Tell whether the settings name anybody to tell."""
    config = conf.load()
    return bool(config.alert_emails or config.webhook_url)


def send(alert: Alert) -> list[str]:
    """Tell everybody whom MONITORING names; return a sentence for each way that did not work."""
    config = conf.load()
    problems: list[str] = []
    if config.alert_emails:
        problems += _mail(alert, config.alert_emails)
    if config.webhook_url:
        problems += _post(alert, config.webhook_url)
    return problems


def where_to_look(run_id: str) -> list[str]:
    """Name the run's pages: addresses where the settings have them, otherwise paths."""
    if not run_id:
        return []
    config = conf.load()
    pages = [f"Dagster: {config.dagster_url or ''}/runs/{run_id}"]
    try:
        path = reverse("admin:etl_assets_run_changelist")
    except NoReverseMatch:  # a project without the admin
        return pages
    return [*pages, f"Admin: {config.site_url or ''}{path}?q={run_id}"]


def without_values(error: str) -> str:
    """Hide what a database or Python quotes of a row: an alert leaves the house."""
    return VALUE.sub(r"\1***", error)


def _alert(run_id: str, started_by: str, said: Sequence[str], ended: Sequence[Ended]) -> Alert:
    errors = [without_values(error) for error in said]
    errors += [f"{one.name!r} {one.status}: {one.error}" for one in ended if one.is_failure]
    return Alert(conf.load().project_name, run_id, started_by, errors, ended)


def _counts(values: Mapping[str, int]) -> dict[str, int]:
    return {name: values[name] for name in COUNTS}


def _without_name(one: Ended) -> dict[str, object]:
    values = asdict(one)
    values.update(values.pop("counts"))
    return {name: value for name, value in values.items() if name != "name"}


def _mail(alert: Alert, addressees: list[str]) -> list[str]:
    try:
        connection = get_connection()
        if getattr(connection, "timeout", TIMEOUT) is None:  # a mail server that hangs must not hold the run
            connection.timeout = TIMEOUT  # type: ignore[attr-defined]
        send_mail(" ".join(alert.subject.split()), alert.text, None, addressees, connection=connection)
    except Exception as error:  # whatever a mail backend raises: the run's own failure is told all the same
        return [f"The alert could not be mailed ({_brief(error)}): check EMAIL_HOST and ALERT_EMAIL."]
    return []


def _post(alert: Alert, url: str) -> list[str]:
    # The settings let http and https through only.
    request = urllib.request.Request(  # noqa: S310
        url, json.dumps(alert.as_dict()).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
            return []
    except urllib.error.HTTPError as error:
        why = f"HTTP status {error.code}"
        error.close()
    except Exception as error:  # of the network, TLS or HTTP
        why = _brief(error)
    # The path may hold a token.
    host = urlsplit(url).hostname
    return [f"The alert could not be posted to {host!r} ({why}): check MONITORING WEBHOOK_URL."]


def _brief(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    first = str(reason).strip().splitlines()
    return (first[0] if first else type(error).__name__).rstrip(".")
