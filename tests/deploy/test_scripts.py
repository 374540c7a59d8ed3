"""The GitLab example and the metrics example, run line by line on a small hospital."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import yaml

from tests.databases import Pair
from tests.deploy.files import DEPLOY, ROOT, read, schema_errors

ON_SQLITE = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
THE_CUSTOMERS_LINE = "tail -1 migration.log | grep -o '[0-9.]*s'"
CI = yaml.safe_load(read("gitlab-ci.yml"))
JOBS = ("test_migration", "deploy_migration")


@pytest.fixture
def project(pair: Pair, tmp_path: Path) -> Path:
    """A folder with manage.py and a small legacy hospital, as a job's checkout."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "manage.py").symlink_to(ROOT / "manage.py")
    done = shell("python manage.py make_legacy_hospital --patients 50 --seed 1", tmp_path / "job", pair)
    assert done.returncode == 0, done.stderr
    return tmp_path / "job"


def shell(script: str, folder: Path, pair: Pair, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = pair.environment(
        PATH=path, PYTHONPATH=str(ROOT), DJANGO_SETTINGS_MODULE="django_project.settings", **environment
    )
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=given, capture_output=True, text=True, check=False
    )


def test_gitlabs_own_schema_takes_the_example() -> None:
    assert schema_errors("gitlab-ci", DEPLOY / "gitlab-ci.yml") == []


def test_on_branches_it_rehearses_and_on_main_it_loads() -> None:
    assert [CI[job]["stage"] for job in JOBS] == CI["stages"]
    assert "rules" not in CI["test_migration"]
    assert CI["deploy_migration"]["rules"] == [{"if": '$CI_COMMIT_BRANCH == "main"'}]
    assert all("--dry-run" in line for line in CI["test_migration"]["script"] if "migrate_legacy" in line)
    assert all("reports" not in CI[job]["artifacts"] for job in JOBS)


def test_no_rejected_row_leaves_as_an_artifact() -> None:
    assert "--rejects" not in read("gitlab-ci.yml")


@pytest.mark.deploy
@ON_SQLITE
@pytest.mark.parametrize("job", JOBS)
def test_a_jobs_lines_run_and_leave_its_artifacts(pair: Pair, project: Path, job: str) -> None:
    done = shell("set -e\n" + "\n".join(CI[job]["script"]), project, pair)

    assert done.returncode == 0, done.stderr
    for name in CI[job]["artifacts"]["paths"]:
        written = (project / name).read_text()
        if name.endswith(".json"):
            assert json.loads(written)
        else:
            assert "patients" in written


class Monitoring(HTTPServer):
    """Remembers what is posted to it, and answers with a status."""

    def __init__(self) -> None:
        self.posted: list[dict[str, list[str]]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/metrics"


class Handler(BaseHTTPRequestHandler):
    server: Monitoring

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posted.append(parse_qs(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def monitoring() -> Iterator[Monitoring]:
    with Monitoring() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def metrics(project: Path, pair: Pair, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return shell(f"sh {DEPLOY / 'metrics.sh'} {' '.join(arguments)}", project, pair, METRICS_URL=url)


def test_the_example_has_the_customers_line_word_for_word() -> None:
    assert f"$({THE_CUSTOMERS_LINE})" in read("metrics.sh")


@ON_SQLITE
@pytest.mark.parametrize("level", [pytest.param("DEBUG", marks=pytest.mark.deploy), "ERROR"])
def test_the_customers_line_prints_the_duration_alone(pair: Pair, project: Path, level: str) -> None:
    ran = shell(
        f"python manage.py migrate_legacy_data --log-file migration.log --log-level {level}", project, pair
    )
    printed = re.search(r"complete in ([\d.]+s)", ran.stdout)

    cut = shell(THE_CUSTOMERS_LINE, project, pair)

    assert printed is not None, ran.stderr
    assert cut.stdout == printed[1] + "\n"


@pytest.mark.deploy
@ON_SQLITE
def test_a_success_is_posted(pair: Pair, project: Path, monitoring: Monitoring) -> None:
    done = metrics(project, pair, monitoring.url, "--only", "departments")

    assert done.returncode == 0, done.stderr
    (posted,) = monitoring.posted
    assert posted["migration_status"] == ["success"]
    assert re.fullmatch(r"\d+\.\d\ds", posted["duration"][0])


@pytest.mark.deploy
@ON_SQLITE
def test_a_failure_is_posted_and_stays_one(pair: Pair, project: Path, monitoring: Monitoring) -> None:
    done = metrics(project, pair, monitoring.url, "--only", "nobody")

    assert done.returncode == 1
    assert monitoring.posted[0]["migration_status"] == ["failure"]


@pytest.mark.deploy
@ON_SQLITE
def test_a_deaf_monitoring_system_does_not_fail_the_migration(
    pair: Pair, project: Path, monitoring: Monitoring
) -> None:
    monitoring.status = 500

    done = metrics(project, pair, monitoring.url, "--only", "departments")

    assert done.returncode == 0
    assert f"{monitoring.url} did not take the result." in done.stderr
