"""One run of a transformer at a time: a lock that goes when its holder dies."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper
from filelock import FileLock, Timeout

from ..exceptions import TransformerBusy


@contextmanager
def exclusive(connection: BaseDatabaseWrapper, transformer: str) -> Iterator[None]:
    """Hold a transformer's lock on the target database.

    Raises:
        TransformerBusy: another run holds it.
    """
    if connection.vendor == "postgresql":
        with _session_lock(
            connection,
            transformer,
            "SELECT pg_try_advisory_lock(%s)",
            "SELECT pg_advisory_unlock(%s)",
            _number(transformer),
        ):
            yield
    elif connection.vendor == "mysql":
        with _session_lock(
            connection,
            transformer,
            "SELECT GET_LOCK(%s, 0)",
            "SELECT RELEASE_LOCK(%s)",
            # Such a lock is the server's, so that it has to name the database.
            f"etl_assets.{_number('.'.join([str(connection.settings_dict['NAME']), transformer]))}",
        ):
            yield
    else:
        with _file_lock(connection, transformer):
            yield


@contextmanager
def _session_lock(
    connection: BaseDatabaseWrapper, transformer: str, take: str, give: str, name: int | str
) -> Iterator[None]:
    """Hold a lock of the database session, which the server frees when the session ends."""
    with connection.cursor() as cursor:
        cursor.execute(take, [name])
        if not cursor.fetchone()[0]:
            raise _busy(transformer)
    try:
        yield
    finally:
        if connection.is_usable():  # a lost connection has freed the lock already
            with connection.cursor() as cursor:
                cursor.execute(give, [name])


@contextmanager
def _file_lock(connection: BaseDatabaseWrapper, transformer: str) -> Iterator[None]:
    """Hold a lock of the operating system on a file beside the database."""
    path = _lock_file(connection, transformer)
    if path is None:
        yield
        return
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise _busy(transformer) from error
    try:
        yield
    finally:
        lock.release()


def _lock_file(connection: BaseDatabaseWrapper, transformer: str) -> Path | None:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite":
        # No lock that all such servers know; this one holds among the processes of one machine.
        where = repr(sorted((key, str(value)) for key, value in connection.settings_dict.items()))
        return Path(tempfile.gettempdir()) / f"etl-{_number(where)}.{transformer}.lock"
    if name == ":memory:" or "mode=memory" in name:
        return None  # nobody else can see this database
    path = Path(name).resolve()
    return path.with_name(f"{path.name}.{transformer}.lock")


def _busy(transformer: str) -> TransformerBusy:
    return TransformerBusy(
        f"{transformer!r} is being run by another process: wait until it has finished, then run it again."
    )


def _number(name: str) -> int:
    digest = blake2b(f"etl_assets:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
