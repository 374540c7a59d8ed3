"""The `migration` loggers: one for each transformer class, to the screen and to a file.

Handlers hang on the logger `migration` for the length of one run and nowhere else. The root logger is
never touched: Dagster configures it anew in each run.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

NAME = "migration"
FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
MEGABYTE = 1024 * 1024

PRINTED = {"etl_printed": True}
"""`extra` of a record that stdout has already: only the file wants it."""

Show = Callable[[str, int], None]


def logger(label: str) -> logging.Logger:
    """Return the logger of a transformer, by the name of its class."""
    return logging.getLogger(f"{NAME}.{label}")


@dataclass(frozen=True, slots=True)
class LogFile:
    """Where to log to, and when to begin a new file. No megabytes or no backups: never."""

    path: Path
    megabytes: float = 0
    backups: int = 0


class ScreenHandler(logging.Handler):
    """Hands each line over to be shown above the progress bar."""

    def __init__(self, show: Show) -> None:
        super().__init__()
        self.show = show
        self.addFilter(lambda record: not getattr(record, "etl_printed", False))

    def emit(self, record: logging.LogRecord) -> None:
        self.show(self.format(record), record.levelno)


class FileHandler(RotatingFileHandler):
    """Appends to a log file, and says once, in one sentence, when that no longer works.

    Dagster closes all handlers when a run begins. In mode "a" the next line opens the file again.
    """

    def __init__(self, file: LogFile) -> None:
        super().__init__(
            file.path,
            mode="a",
            maxBytes=int(file.megabytes * MEGABYTE) if file.backups else 0,
            backupCount=file.backups,
            encoding="utf-8",
            errors="backslashreplace",
        )
        self.is_broken = False

    def handleError(self, record: logging.LogRecord) -> None:
        self._say_broken()

    def close(self) -> None:
        try:
            super().close()
        except OSError:  # lines that were still to be written
            self._say_broken()

    def _say_broken(self) -> None:
        if not self.is_broken:
            self.is_broken = True
            sys.stderr.write(f"Log file {self.baseFilename} cannot be written any more: {sys.exception()}.\n")

    def write_total_time(self, seconds: float) -> None:
        """Write the last line, at every level.

        Scripts cut the duration out of it with `grep -o '[0-9.]*s'`, which also finds a bare "s": so the
        line has no other one, logger name included.
        """
        self.handle(
            logging.makeLogRecord(
                {
                    "name": NAME,
                    "levelno": logging.INFO,
                    "levelname": "INFO",
                    "msg": f"Total time: {seconds:.2f}s",
                }
            )
        )


@contextmanager
def attached(level: str, show: Show, file: LogFile | None = None) -> Iterator[FileHandler | None]:
    """Log from `level` up to the screen, and to the file, while the block runs; give the file's handler."""
    to_file = FileHandler(file) if file is not None else None
    handlers = [ScreenHandler(show), *([to_file] if to_file else [])]
    migration = logging.getLogger(NAME)
    before = migration.level, migration.propagate
    migration.setLevel(level)
    # A handler that the project put on the root logger would write each line a second time, to stderr.
    migration.propagate = False
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT, TIME_FORMAT))
        migration.addHandler(handler)
    try:
        yield to_file
    finally:
        for handler in handlers:
            migration.removeHandler(handler)
            handler.close()
        level_before, migration.propagate = before
        migration.setLevel(level_before)
