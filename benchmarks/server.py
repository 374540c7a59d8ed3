"""The PostgreSQL server that is measured: the tests' own, but as durable as in production."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from tests.postgres import EmbeddedServer

GIGABYTE = 2**30


def shared_buffers() -> str:
    """A quarter of the memory, as PostgreSQL's manual says, and no more than 2 GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(memory // 4, 2 * GIGABYTE) // 2**20}MB"


class DurableServer(EmbeddedServer):
    """Everything that is committed outlives a power cut; the rest are PostgreSQL's defaults."""

    settings: ClassVar[dict[str, Any]] = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "autovacuum": "on",
        "shared_buffers": shared_buffers(),
        "max_wal_size": "4GB",
    }

    def facts(self) -> dict[str, str]:
        """What the results say about it."""
        with psycopg.connect(self.url()) as connection:
            version = connection.execute("SHOW server_version").fetchone()
        assert version is not None
        return {"version": version[0], **{name: str(value) for name, value in self.settings.items()}}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def programs(self) -> Path:
        """Where psql is."""
        return self._binaries / "bin"
