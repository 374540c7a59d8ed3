"""Dagster's web server and daemon in processes of their own, and how a test talks to them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOCATION = "etl_assets.definitions"

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
"""What the button Materialize sends."""


@contextmanager
def started(
    *command: str | Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[str]]:
    """Start a program in the project's folder, and end it; what it prints goes to a file."""
    with log.open("a") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()


@contextmanager
def web_server(environment: Mapping[str, str], log: Path, port: int | None = None) -> Iterator[str]:
    """Start Dagster's web server, and give its address."""
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    command = (BIN / "dagster-webserver", "-h", "127.0.0.1", "-p", str(port), "-w", ROOT / "workspace.yaml")
    with started(*command, environment=environment, log=log) as process:
        wait_for(lambda: process.poll() is not None or answers(f"{address}/server_info"), log)
        assert process.poll() is None, log.read_text()
        yield address


@contextmanager
def daemon(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Start Dagster's daemon: queued runs, schedules, sensors."""
    command = (BIN / "dagster-daemon", "run", "-w", ROOT / "workspace.yaml")
    with started(*command, environment=environment, log=log):
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], log: Path, seconds: float = 120) -> None:
    """Wait until it is true; if it never is, the end of the log says why."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in time: {log.read_text()[-3000:]}"
        time.sleep(0.3)


def answers(address: str) -> bool:
    try:
        return bool(urllib.request.urlopen(address, timeout=5).status == 200)
    except OSError:
        return False


def ask(address: str, query: str, **variables: Any) -> Any:
    """Send GraphQL to a web server."""
    request = urllib.request.Request(
        f"{address}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def launch(address: str, *assets: str) -> str:
    """Have assets materialized, and return the run's id."""
    selector = {
        "repositoryLocationName": LOCATION,
        "repositoryName": "__repository__",
        "jobName": "migrate_legacy_data",
        "assetSelection": [{"path": [name]} for name in assets],
    }
    answer = ask(address, LAUNCH, params={"selector": selector, "mode": "default", "runConfigData": {}})
    launched = answer["data"]["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", answer
    return str(launched["run"]["runId"])
