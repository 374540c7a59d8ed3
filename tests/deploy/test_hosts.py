"""What runs without containers: nginx's configuration, systemd units, crontab."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.databases import Pair
from tests.deploy.files import DEPLOY, program, read, replaced
from tests.servers import free_port

BIN = Path(sys.executable).parent
UNITS = sorted((DEPLOY / "systemd").glob("*.service")) + sorted((DEPLOY / "systemd").glob("*.timer"))


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    nginx = program("nginx")
    if nginx is None:
        pytest.skip("no nginx is installed on this machine")
    here = {
        "django:8000": "127.0.0.1:8000",
        "webserver:3000": "127.0.0.1:3000",
        "viewer:3000": "127.0.0.1:3001",
    }
    here |= {"/tmp/": f"{tmp_path}/"}
    (tmp_path / "nginx.conf").write_text(replaced(read("nginx.conf"), here))

    done = subprocess.run(
        [nginx, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not re.search(r"\[(warn|emerg)\](?!.*\"user\")", done.stderr), done.stderr


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    verify = program("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd is installed on this machine")
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/srv/hospital/.venv/bin", str(BIN)))

    done = subprocess.run(
        [verify, "verify", *(tmp_path / unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.stem
)
def test_a_unit_is_not_root_and_listens_on_this_machine_only(unit: Path) -> None:
    text = unit.read_text()

    assert "\nUser=etl\n" in text
    assert "\nNoNewPrivileges=true\n" in text
    assert "0.0.0.0" not in text
    if "--port" in text:
        assert "--host 127.0.0.1 " in text


def test_units_are_what_compose_runs() -> None:
    """Same programs, same options; only addresses differ."""
    names = {unit.stem.removeprefix("etl-") for unit in UNITS}

    assert names == {"code", "webserver", "viewer", "daemon", "django", "migrate"}
    assert "--read-only" in (DEPLOY / "systemd" / "etl-viewer.service").read_text()
    assert "--read-only" not in (DEPLOY / "systemd" / "etl-webserver.service").read_text()
    for name in ("webserver", "viewer"):
        assert "--path-prefix /dagster " in (DEPLOY / "systemd" / f"etl-{name}.service").read_text()


def test_the_units_environment_is_whole() -> None:
    asked = set(re.findall(r"env: (\w+)", read("dagster.yaml")))
    example = set(re.findall(r"(?m)^(\w+)=", read("systemd/environment.example")))

    assert asked | {"DATABASE_URL", "LEGACY_DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS"} <= example


def test_readme_makes_the_folders_that_units_and_crontab_write_to() -> None:
    made = {word for line in re.findall(r"(?m)^.*install -d.*$", read("README.md")) for word in line.split()}
    written = set(re.findall(r"(/var/log/\w+)/", read("crontab") + read("systemd/etl-migrate.service")))
    written |= set(re.findall(r"(?m)^DAGSTER_HOME=(.+)$", read("systemd/environment.example")))

    assert written == {"/var/log/etl", "/var/lib/etl/dagster"}
    assert written <= made


def cron_lines() -> list[tuple[list[str], str]]:
    """The five fields and the command of each line, as cron reads them: \\% is %, and a bare % ends it."""
    lines = [line for line in read("crontab").splitlines() if line and not re.match(r"#|\w+=", line)]
    split = [line.split(None, 5) for line in lines]
    return [(fields[:5], re.split(r"(?<!\\)%", fields[5])[0].replace(r"\%", "%")) for fields in split]


def test_cron_lines_are_valid() -> None:
    from dagster._utils.schedules import is_valid_cron_string

    assert len(cron_lines()) == 2
    for fields, command in cron_lines():
        assert is_valid_cron_string(" ".join(fields))
        assert command.count('"') % 2 == 0, "a bare % has cut the command"


@pytest.mark.deploy
@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
@pytest.mark.parametrize("number", [0, 1], ids=["daily", "weekly"])
def test_cron_commands_run(pair: Pair, tmp_path: Path, number: int) -> None:
    (tmp_path / "log").mkdir()
    given = pair.environment(DJANGO_SETTINGS_MODULE="django_project.settings")
    names = ("DATABASE_URL", "LEGACY_DATABASE_URL", "DJANGO_SETTINGS_MODULE", "DAGSTER_HOME")
    (tmp_path / "environment").write_text("".join(f"{name}={shlex.quote(given[name])}\n" for name in names))
    _, command = cron_lines()[number]
    here = {"/srv/hospital": str(ROOT), "/etc/hospital/environment": str(tmp_path / "environment")}
    command = replaced(command, {**here, "/var/log/etl": str(tmp_path / "log")})
    bare = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    make = [sys.executable, "manage.py", "make_legacy_hospital", "--patients", "50"]
    subprocess.run(make, cwd=ROOT, env=given, check=True, capture_output=True)

    done = subprocess.run(["/bin/sh", "-c", command], env=bare, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    written = {re.sub(r"\d{8}", "<day>", path.name) for path in (tmp_path / "log").iterdir()}
    assert written == [{"daily_<day>.log"}, {"weekly_analysis.json", "weekly_migration.log"}][number]


def plain_host(text: str) -> str:
    """nginx.conf as README's `sed` leaves it on a host without containers."""
    written = r"(?ms)^(sed '[^']*') \\\n +deploy/nginx\.conf > /etc/nginx/nginx\.conf$"
    (command,) = re.findall(written, read("README.md"))
    done = subprocess.run(shlex.split(command), input=text, capture_output=True, text=True, check=True)
    return done.stdout


def test_nginx_starts_under_systemd_as_readme_says(tmp_path: Path) -> None:
    """Debian's unit waits for /run/nginx.pid, and gives nginx sockets for output, which cannot be opened."""
    nginx = program("nginx")
    if nginx is None:
        pytest.skip("no nginx is installed on this machine")
    pid_file = tmp_path / "nginx.pid"
    here = {
        "/tmp/": f"{tmp_path}/",
        "/run/nginx.pid": str(pid_file),
        "/var/log/nginx/": f"{tmp_path}/",
        "listen 127.0.0.1:8080": f"listen 127.0.0.1:{free_port()}",
    }
    (tmp_path / "nginx.conf").write_text(replaced(plain_host(read("nginx.conf")), here))
    journal, other_end = socket.socketpair()

    with journal, other_end:
        start = [str(nginx), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon on;"]
        done = subprocess.run(start, stdout=journal.fileno(), stderr=journal.fileno(), check=False)
        journal.close()
        said = other_end.recv(4096).decode()

    assert done.returncode == 0, said
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    assert (tmp_path / "error.log").exists()
    assert (tmp_path / "access.log").exists()


def test_nginx_on_a_plain_host_asks_this_machine_alone() -> None:
    text = plain_host(read("nginx.conf"))

    assert set(re.findall(r"(?m)^ +(?:server|listen) (.+?):\d+;", text)) == {"127.0.0.1"}
    assert not re.search(r"(?m)^ +listen \d+;", text)
