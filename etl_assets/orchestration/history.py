"""Dagster's local history, written by a run in this process. The private parts for that are named here only.

Dagster opens the SQLite file of a run and that of all assets anew for each event, compiles its statements
again, and waits for the disk each time: 5 ms for an event, of which an asset with its checks has two dozen.
Here the files stay open until the run is over. Others read and write them meanwhile as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.instance import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool


class EventLog(SqliteEventLogStorage):
    """Dagster's event log with one connection to each of its files, all the time."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.get(shard) or self._open(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _open(self, shard: str) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=QueuePool,
            pool_size=1,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )
        event.listen(engine, "connect", _do_not_wait_for_the_disk)
        self._initdb(engine)
        self._engines[shard] = engine
        return engine

    def dispose(self) -> None:
        super().dispose()
        while self._engines:
            _, engine = self._engines.popitem()
            engine.dispose()


def _do_not_wait_for_the_disk(connection: Any, _: Any) -> None:
    """Survive a killed process with all events, and a power cut with a sound file that may lack the last."""
    connection.execute("PRAGMA synchronous = NORMAL")


class LocalStorage(DagsterSqliteStorage):
    """Dagster's storage in files, with the event log above."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = EventLog(self._event_log_storage._base_dir)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> LocalStorage:
        return cls(inst_data=inst_data, **config_value)


def kept_open(ref: InstanceRef) -> InstanceRef:
    """Keep the files of an instance open where its history is in files."""
    storage = ref.storage_data
    if storage is None or storage.class_name != DagsterSqliteStorage.__name__:
        return ref
    mine = ConfigurableClassData(__name__, LocalStorage.__name__, storage.config_yaml)
    return ref._replace(storage_data=mine)
