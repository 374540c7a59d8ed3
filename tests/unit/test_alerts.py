"""Alerts: what they say, what they keep to themselves, and that a way that is blocked is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from etl_assets import alerts
from etl_assets.alerts import Alert, Ended, alert_of_record, alert_of_report, send, without_values
from etl_assets.engine.report import Counts, RunReport, TransformerReport
from etl_assets.models import Run

COUNTS = {"read": 4, "created": 0, "updated": 0, "unchanged": 0, "rejected": 1, "skipped": 0}


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers with the server's status."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.got.append((self.path, dict(self.headers), json.loads(self.rfile.read(length))))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.got: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/s3cret?token=t0ken"


@pytest.fixture
def hook() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def failed_report() -> RunReport:
    places = TransformerReport(
        "places", status="failed", error="Database 'default' refuses the work: no space."
    )
    places.counts = Counts(read=4, rejected=1)
    visitors = TransformerReport("visitors", status="skipped", error="'places' has not been loaded.")
    documents = TransformerReport("documents", counts=Counts(read=2, created=2))
    ended = {one.name: one for one in (documents, places, visitors)}
    return RunReport("abc-123", dry_run=False, transformers=ended)


def monitoring(settings: Any, **given: Any) -> None:
    settings.ETL_CONFIG = {"PROJECT_NAME": "Hospital", "MONITORING": given}


def test_the_mail_names_run_failures_counts_and_where_to_look(settings: Any) -> None:
    monitoring(settings, ALERT_EMAIL="ops@example.org, dba@example.org")
    settings.DEFAULT_FROM_EMAIL = "etl@example.org"

    assert send(alert_of_report(failed_report(), "the cron job")) == []

    (sent,) = mail.outbox
    assert sent.to == ["ops@example.org", "dba@example.org"]
    assert sent.from_email == "etl@example.org"
    assert sent.subject == "Hospital: 1 of 3 transformers failed"
    assert sent.body == (
        "Hospital: 1 of 3 transformers failed.\n\n"
        "Run abc-123, started by the cron job.\n\n"
        "'places' failed: Database 'default' refuses the work: no space.\n\n"
        "documents: success (2 read, 2 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped)\n"
        "places: failed (4 read, 0 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped)\n"
        "visitors: skipped (0 read, 0 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped)\n\n"
        "Dagster: /runs/abc-123\n"
        "Admin: /admin/etl_assets/run/?q=abc-123\n"
    )


def test_addresses_of_the_settings_make_links(settings: Any) -> None:
    settings.ETL_CONFIG = {
        "DAGSTER_URL": "https://dagster.example.org",
        "SITE_URL": "https://hospital.example.org/",
    }

    assert alerts.where_to_look("abc") == [
        "Dagster: https://dagster.example.org/runs/abc",
        "Admin: https://hospital.example.org/admin/etl_assets/run/?q=abc",
    ]


def test_the_webhook_gets_the_same_as_json(settings: Any, hook: Server) -> None:
    monitoring(settings, WEBHOOK_URL=hook.url)
    alert = alert_of_report(failed_report(), "the cron job", ["The files of this run cannot be written."])

    assert send(alert) == []

    ((path, headers, got),) = hook.got
    assert path == "/hook/s3cret?token=t0ken"
    assert headers["Content-Type"] == "application/json"
    assert got["text"] == alert.text
    assert (got["project"], got["status"], got["run_id"], got["started_by"]) == (
        "Hospital", "failed", "abc-123", "the cron job"
    )  # fmt: skip
    assert got["errors"] == [
        "The files of this run cannot be written.",
        "'places' failed: Database 'default' refuses the work: no space.",
    ]
    assert got["transformers"]["places"] == {
        "status": "failed", "error": "Database 'default' refuses the work: no space.", **COUNTS
    }  # fmt: skip
    assert got["links"] == ["Dagster: /runs/abc-123", "Admin: /admin/etl_assets/run/?q=abc-123"]
    assert mail.outbox == []


def test_a_run_that_was_never_begun(settings: Any) -> None:
    monitoring(settings, ALERT_EMAIL="ops@example.org")
    report = RunReport("", dry_run=False, error="No transformer is named 'x'.")

    send(alert_of_report(report, "the cron job"))

    assert mail.outbox[0].subject == "Hospital: the run failed"
    assert mail.outbox[0].body == (
        "Hospital: the run failed.\n\nNo run was begun by the cron job.\n\nNo transformer is named 'x'.\n"
    )


@pytest.mark.parametrize("status", [404, 500])
def test_a_webhook_that_refuses_is_told_without_its_secret(settings: Any, hook: Server, status: int) -> None:
    monitoring(settings, WEBHOOK_URL=hook.url, ALERT_EMAIL="ops@example.org")
    hook.status = status

    problems = send(Alert("Hospital", "abc", "cron", ["It failed."]))

    assert problems == [
        f"The alert could not be posted to '127.0.0.1' (HTTP status {status}): check MONITORING WEBHOOK_URL."
    ]
    assert len(mail.outbox) == 1


def test_a_webhook_that_nobody_listens_at_is_told(settings: Any, hook: Server) -> None:
    hook.server_close()
    monitoring(settings, WEBHOOK_URL=hook.url)

    (problem,) = send(Alert("Hospital", "abc", "cron", ["It failed."]))

    assert problem.startswith("The alert could not be posted to '127.0.0.1' (")
    assert "Connection re" in problem  # refused or reset, as the port is being given up
    assert "s3cret" not in problem
    assert "t0ken" not in problem


def test_a_webhook_that_does_not_answer_is_given_up(
    settings: Any, monkeypatch: pytest.MonkeyPatch, hook: Server
) -> None:
    monkeypatch.setattr(alerts, "TIMEOUT", 0.2)
    monitoring(settings, WEBHOOK_URL=hook.url)
    silent = threading.Event()
    monkeypatch.setattr(Hook, "do_POST", lambda self: silent.wait(5))

    (problem,) = send(Alert("Hospital", "abc", "cron", ["It failed."]))
    silent.set()

    assert "timed out" in problem


def test_a_mail_server_that_is_not_there_is_told_and_the_webhook_still_called(
    settings: Any, hook: Server
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    monitoring(settings, WEBHOOK_URL=hook.url, ALERT_EMAIL="ops@example.org")

    (problem,) = send(Alert("Hospital", "abc", "cron", ["It failed."]))

    assert problem == (
        "The alert could not be mailed ([Errno 111] Connection refused): check EMAIL_HOST and ALERT_EMAIL."
    )
    assert len(hook.got) == 1


def test_the_mail_goes_the_way_of_the_project(settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    monitoring(settings, ALERT_EMAIL="ops@example.org")

    assert send(Alert("Hospital\nBcc: x", "abc", "cron", ["It failed."])) == []

    (written,) = tmp_path.iterdir()
    assert "Subject: Hospital Bcc: x: the run failed" in written.read_text()


def test_nobody_is_told_where_nobody_is_named(settings: Any) -> None:
    settings.ETL_CONFIG = {}

    assert not alerts.is_wanted()
    assert send(Alert("Hospital", "abc", "cron", ["It failed."])) == []
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            'invalid input syntax for type integer: "078-05-1120"',
            "invalid input syntax for type integer: ***",
        ),
        ("Key (ssn)=(078-05-1120) already exists", "Key (ssn)=*** already exists"),
        ("Duplicate entry '078-05-1120' for key 'ssn'", "Duplicate entry *** for key 'ssn'"),
        (
            "ValueError: could not convert string to float: 'Ann'",
            "ValueError: could not convert string to float: ***",
        ),
        ('relation "patients" does not exist', 'relation "patients" does not exist'),
        (
            "Database 'default' is locked by another process",
            "Database 'default' is locked by another process",
        ),
    ],
)
def test_values_that_an_error_quotes_stay_in_the_house(error: str, said: str) -> None:
    assert without_values(error) == said


@pytest.mark.django_db
def test_a_run_of_another_process_is_told_of_from_its_record(settings: Any) -> None:
    monitoring(settings)
    now = timezone.now()
    Run.objects.create(run_id="abc", transformer="a", status="success", started_at=now, read=3, created=3)
    Run.objects.create(
        run_id="abc", transformer="b", status="failed", started_at=now, error="It is full: 'Ann'.", read=2
    )
    Run.objects.create(run_id="other", transformer="c", status="failed", started_at=now)

    alert = alert_of_record("abc", "the schedule 'nightly'", "Steps failed.")

    assert alert.errors == ["'b' failed: It is full: ***."]
    assert alert.transformers == [
        Ended("a", "success", "", {**COUNTS, "read": 3, "created": 3, "rejected": 0}),
        Ended("b", "failed", "It is full: ***.", {**COUNTS, "read": 2, "rejected": 0}),
    ]
    assert alert_of_record("none", "the UI", "Steps failed.").errors == ["Steps failed."]
