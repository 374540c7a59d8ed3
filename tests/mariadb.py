"""A real MariaDB for the tests: a private instance of the installed server, or the server that is named.

Unlike PostgreSQL it comes in no wheel, so tests that need it are skipped where there is none:

    from tests.mariadb import mariadb_server  # noqa: F401 - a fixture

The private server belongs to the user `mysql` where root runs the tests, listens on a free port of 127.0.0.1
and keeps its data in `<tmp>/etl-assets-mariadb-<uid>/run-...`. Whoever starts one first removes those whose
owner is gone: their `owner.lock` is free.
"""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import psutil
import pytest
from filelock import FileLock, Timeout

from tests.databases import Database
from tests.postgres import Account, _free_port

if TYPE_CHECKING:
    import pymysql  # type: ignore[import-untyped,unused-ignore]

URL = "ETL_TEST_MYSQL_URL"
START_SECONDS = 30
STOP_SECONDS = 15


class MariaDb:
    """A server on which tests make and drop databases."""

    def __init__(self, url: str) -> None:
        self._url = url

    @classmethod
    def named(cls, url: str) -> MariaDb:
        return cls(url)

    def connect(self, **options: Any) -> pymysql.Connection:
        """Connect beneath Django, as somebody else would: `database`, `init_command` and so on."""
        import pymysql  # here, since without it these tests are skipped

        parts = urlsplit(self._url)
        return pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or "root"),
            password=unquote(parts.password or ""),
            charset="utf8mb4",
            autocommit=True,
            **options,
        )

    def execute(self, *statements: str, database: str | None = None) -> None:
        with self.connect(database=database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def create(self, name: str | None = None, options: str = "CHARACTER SET utf8mb4") -> Database:
        """Make an empty database, with a name that no other test run uses."""
        name = name or f"etl_test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE `{name}` {options}")
        parts = urlsplit(self._url)
        return Database("mysql", parts._replace(path=f"/{quote(name)}").geturl())  # type: ignore[arg-type]

    def run_script(self, script: str, database: Database) -> None:
        """Run what mysqldump wrote, without the client program: statements end where a line does."""
        delimiter, statement = ";", ""
        with self.connect(database=database.name) as connection, connection.cursor() as cursor:
            for line in script.splitlines(keepends=True):
                if line.startswith("DELIMITER"):
                    delimiter = line.split()[1]
                    continue
                statement += line
                if line.rstrip().endswith(delimiter):
                    cursor.execute(statement.rstrip()[: -len(delimiter)])
                    statement = ""

    def drop(self, database: Database) -> None:
        self.execute(f"DROP DATABASE IF EXISTS `{database.name}`")


class PrivateMariaDb(MariaDb):
    """A server of our own, gone with its data after `remove()`."""

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._lock = lock
        self._owner_pid = os.getpid()
        self._account = Account(_server_user())
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"mysql://root@127.0.0.1:{self._port}/")

    @classmethod
    def start(cls) -> PrivateMariaDb:
        server = cls(*_claim_folder())
        atexit.register(server.remove)  # for exits that skip fixtures
        try:
            server._initialise()
            server._launch()
        except BaseException:
            server.remove()
            raise
        return server

    def remove(self) -> None:
        """Stop it and delete its folder. Harmless when that has been done, or in a forked child."""
        if os.getpid() != self._owner_pid:
            return
        atexit.unregister(self.remove)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()  # nobody wants its data
            self._process.wait(STOP_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def _initialise(self) -> None:
        self._account.make_folder(self.data)
        command = [
            _program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={self.data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            **self._account.run_as(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed: {done.stdout}{done.stderr}")

    def _launch(self) -> None:
        command = [
            _program("mariadbd"),
            "--no-defaults",
            f"--datadir={self.data}",
            f"--port={self._port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.data / 'socket'}",
            f"--pid-file={self.data / 'server.pid'}",
            "--skip-name-resolve",
            # Tests may lose data when the machine crashes.
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
            # The usual server's own time is not UTC.
            "--default-time-zone=+05:30",
        ]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server
                **self._account.run_as(),
            )
        self._wait_until_it_answers(self._process)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        # Not by `pymysql.err`: where it stands in for MySQLdb, Django's imports put a copy in its place.
        from pymysql.err import OperationalError  # type: ignore[import-untyped,unused-ignore]

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect().close()
                return
            except OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "server.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"MariaDB did not start: {error}\n{log}") from error
                time.sleep(0.05)


def reason_to_skip() -> str | None:
    """Say why there is no MariaDB here, or nothing where there is."""
    if find_spec("pymysql") is None:
        return "PyMySQL is not installed"
    if not os.environ.get(URL) and not (_program("mariadbd") and _program("mariadb-install-db")):
        return f"neither is there a MariaDB server on PATH nor is {URL} set"
    return None


def _program(name: str) -> str:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])) or ""


def _server_user() -> pwd.struct_passwd | None:
    """The server refuses to be root; what belongs to whom matters nowhere else."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("mysql") or known["nobody"]


def _claim_folder() -> tuple[Path, FileLock]:
    """A new folder, locked for the life of this process; those of dead processes are removed first."""
    base = Path(tempfile.gettempdir()).resolve() / f"etl-assets-mariadb-{os.geteuid()}"
    base.mkdir(mode=0o711, exist_ok=True)
    if base.is_symlink() or base.lstat().st_uid != os.geteuid():
        raise RuntimeError(f"{base} belongs to somebody else: delete it, or set TMPDIR.")
    with FileLock(base / "claim.lock"):
        for abandoned in base.glob("run-*"):
            _remove_if_abandoned(abandoned)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=base))
        folder.chmod(0o711)
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
        _stop_server_of(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        lock.release()


def _stop_server_of(data: Path) -> None:
    try:
        process = psutil.Process(int((data / "server.pid").read_text()))
        if f"--datadir={data}" in process.cmdline():  # else the number belongs to somebody else by now
            process.send_signal(signal.SIGKILL)
            process.wait(STOP_SECONDS)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDb]:
    """The server, running; skips the test where there is none."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    import pymysql

    pymysql.install_as_MySQLdb()  # Django asks for MySQLdb
    if url := os.environ.get(URL):
        yield MariaDb.named(url)
        return
    server = PrivateMariaDb.start()
    yield server
    server.remove()
