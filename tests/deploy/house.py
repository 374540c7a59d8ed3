"""The house of compose.yaml on this machine: its services' own commands and settings, on loopback.

Services get free ports of 127.0.0.1 in place of their names, and a folder of the test in place of /tmp and of
Dagster's home. Nothing else of their commands and of nginx.conf is changed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.deploy.files import ROOT, compose, program, read, replaced
from tests.postgres import Server, _free_port

START_SECONDS = 90
STOP_SECONDS = 20

SERVED = {"django": 8000, "webserver": 3000, "viewer": 3000, "code": 4000}
"""Port of each service inside its container."""


class House:
    """Django, both web servers, the code location and nginx, in front of a PostgreSQL server."""

    def __init__(self, folder: Path, postgres: Server) -> None:
        self.folder = folder
        self.ports = {name: _free_port() for name in (*SERVED, "proxy")}
        self._stack = ExitStack()
        self._urls = {name: postgres.create_database() for name in ("hospital", "legacy", "dagster")}
        for url in self._urls.values():
            self._stack.callback(postgres.drop_database, urlsplit(url).path[1:])
        given = {
            "POSTGRES_PASSWORD": "abc123",
            "SECRET_KEY": "a key for this test alone, and for nothing else",
            "LEGACY_DATABASE_URL": self._urls["legacy"],
            "ALLOWED_HOSTS": "hospital.example",
        }
        self.services = compose(given)["services"]
        self.environment = self._environment()
        self._write_files()

    @property
    def address(self) -> str:
        """Where nginx answers."""
        return f"http://127.0.0.1:{self.ports['proxy']}"

    def start(self, *services: str) -> None:
        """Start services, each when the one before it answers."""
        for name in services:
            log = self.folder / f"{name}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(
                    self._command(name),
                    cwd=ROOT,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            self._stack.callback(_end, process)
            _wait(name, process, log, self._health(name))

    def manage(self, *arguments: str, **environment: str) -> None:
        """Run manage.py to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        """Stop what was started, last first, and drop the databases."""
        self._stack.close()

    def _environment(self) -> dict[str, str]:
        """What compose.yaml and the Dockerfile set, with the databases where they are here."""
        wanted = self.services["django"]["environment"]
        dagster = urlsplit(self._urls["dagster"])
        here = {
            "DATABASE_URL": self._urls["hospital"],
            "DAGSTER_POSTGRES_HOST": str(dagster.hostname),
            "DAGSTER_POSTGRES_USER": str(dagster.username),
            "DAGSTER_POSTGRES_PASSWORD": str(dagster.password),
            "DAGSTER_POSTGRES_DB": dagster.path[1:],
        }
        assert here.keys() <= wanted.keys()
        image = {
            "DJANGO_SETTINGS_MODULE": "django_project.settings",
            "DEBUG": "0",
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "HOME": str(self.folder),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        return {**wanted, **image, **here}

    def _write_files(self) -> None:
        (self.folder / "dagster" / "storage").mkdir(parents=True)
        port = urlsplit(self._urls["dagster"]).port
        instance = replaced(read("dagster.yaml"), {"port: 5432": f"port: {port}"})
        (self.folder / "dagster" / "dagster.yaml").write_text(instance)
        here = {"host: code": "host: 127.0.0.1", "port: 4000": f"port: {self.ports['code']}"}
        (self.folder / "workspace.yaml").write_text(replaced(read("workspace.yaml"), here))
        here = {
            f"server {name}:{SERVED[name]};": f"server 127.0.0.1:{self.ports[name]};" for name in UPSTREAMS
        }
        here |= {"listen 8080;": f"listen 127.0.0.1:{self.ports['proxy']};", "/tmp/": f"{self.folder}/"}
        (self.folder / "nginx.conf").write_text(replaced(read("nginx.conf"), here))

    def _command(self, name: str) -> list[str]:
        if name == "proxy":
            return [str(program("nginx")), "-c", str(self.folder / "nginx.conf"), "-g", "daemon off;"]
        return [self._here(name, word) for word in self.services[name]["command"]]

    def _health(self, name: str) -> Callable[[], bool]:
        """How compose.yaml, or for nginx the Dockerfile, finds out whether a service is well."""
        if name == "proxy":
            return lambda: requests.get(f"{self.address}/accounts/login/", timeout=5).ok
        _, *command = self.services[name]["healthcheck"]["test"]
        words = [self._here(name, word) for word in command]

        def ask() -> bool:
            done = subprocess.run(words, cwd=ROOT, env=self.environment, check=False, capture_output=True)
            return done.returncode == 0

        return ask

    def _here(self, name: str, word: str) -> str:
        if name in SERVED:
            word = re.sub(rf"\b{SERVED[name]}\b", str(self.ports[name]), word)
        return word.replace("0.0.0.0", "127.0.0.1").replace(
            "deploy/workspace.yaml", str(self.folder / "workspace.yaml")
        )


UPSTREAMS = ("django", "webserver", "viewer")


def _wait(name: str, process: subprocess.Popen[bytes], log: Path, healthy: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if healthy():
                return
        except requests.ConnectionError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a service and the processes that it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
