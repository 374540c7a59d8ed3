"""A hospital that the command has moved, the servers of Dagster and Django, and a browser before them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from tests.browser.chromium import installed
from tests.servers import ROOT, answers, daemon, free_port, started, wait_for, web_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENSHOTS = Path(__file__).parent / "screenshots"
PASSWORD = "throw-away"
ADD_STAFF = (
    "from django.contrib.auth.models import User; "
    f"User.objects.create_superuser('matron', password={PASSWORD!r})"
)


@dataclass(frozen=True)
class House:
    """All of it, running."""

    dagster: str
    """Address of Dagster's UI."""
    django: str
    """Address of the Django project."""
    history: dg.DagsterInstance
    command_run: str
    """Id of the run that the command made."""
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "servers.txt"

    def rows(self, database: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask `legacy` or `default`, past Django; what is written is committed."""
        with sqlite3.connect(self.folder / f"{database}.sqlite3", timeout=20) as connection:
            return connection.execute(query, values).fetchall()

    def runs(self, **tags: str) -> list[dg.DagsterRun]:
        """The runs with these tags (`_` stands for `/`), the newest first."""
        wanted = {name.replace("_", "/", 1): value for name, value in tags.items()}
        return list(self.history.get_runs(filters=dg.RunsFilter(tags=wanted)))

    def wait_for_run(self, **tags: str) -> dg.DagsterRun:
        """Wait until a run with these tags has succeeded."""
        wait_for(lambda: any(run.is_finished for run in self.runs(**tags)), self.log, seconds=90)
        run = self.runs(**tags)[-1]
        assert run.status is dg.DagsterRunStatus.SUCCESS
        return run


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser; without one, the tests that ask for it are skipped and say so."""
    program = installed()
    if program is None:
        pytest.skip("no Chromium is installed on this machine: see make test-browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        # Its own sandbox needs rights that a container does not give.
        browser = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of a module: starting it takes longer than most of them."""
    folder = tmp_path_factory.mktemp("house")
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    site, port = free_port(), free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.browser.ui_settings",
        "DATABASE_URL": f"sqlite:///{folder}/default.sqlite3",
        "LEGACY_DATABASE_URL": f"sqlite:///{folder}/legacy.sqlite3",
        "DAGSTER_HOME": str(home),
        "TEST_SITE_URL": f"http://127.0.0.1:{site}",
        "TEST_DAGSTER_URL": f"http://127.0.0.1:{port}",
    }

    def manage(*arguments: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)

    log = folder / "servers.txt"
    with ExitStack() as stack:
        history = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
        # These two take a while to start, and may do so while the rest goes on.
        stack.enter_context(daemon(environment, log))
        serve = (sys.executable, "manage.py", "runserver", "--noreload", str(site))
        stack.enter_context(started(*serve, environment=environment, log=log))
        manage("migrate", "--verbosity", "0")
        manage("make_legacy_hospital", "--patients", "400", "--seed", "1")
        manage("migrate_legacy_data")
        manage("shell", "--no-startup", "--no-imports", "-c", ADD_STAFF)
        (run,) = history.get_runs()
        address = stack.enter_context(web_server(environment, log, port=port))
        wait_for(lambda: answers(f"http://127.0.0.1:{site}/admin/login/"), log)
        yield House(address, f"http://127.0.0.1:{site}", history, run.run_id, folder)


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A new page. What it shows in the end is kept as a picture, whether the test passes or not."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    yield page
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{request.node.name.removeprefix('test_')}.png")
    context.close()
