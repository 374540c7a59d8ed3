"""Files that a command writes: tried before the work, replaced whole after it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .exceptions import ConfigurationError


def check_writable(path: Path, what: str, option: str) -> None:
    """Find out before any work whether a file can be written, and leave what is in it alone.

    Args:
        path: the file; a missing folder for it is made where the one above is there.
        what: what the file is, for the message: "Log file".
        option: where another path can be given: "--log-file".

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        _make_folder(path.parent)
        if _is_replaceable(path):
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        if path.exists():
            with path.open("a"):
                pass
    except OSError as error:
        raise ConfigurationError(
            f"{what} {path} cannot be written: {_reason(error, path)}. Choose another place with {option}."
        ) from error


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary file to write to, which takes the place of `path` once it is complete."""
    if not _is_replaceable(path):  # a pipe or a device such as /dev/stdout cannot be swapped
        yield path
        return
    path = path.resolve()  # a link stays a link
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        yield Path(name)
        Path(name).chmod(mode)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, for people and programs."""
    with replaced(path) as new:
        new.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _is_replaceable(path: Path) -> bool:
    return path.is_file() or not path.exists()


def _make_folder(folder: Path) -> None:
    """Make a missing folder, though not several at once, nor one at the root: that is a slip of the pen."""
    above = folder.absolute().parent
    if not folder.exists() and above.exists() and above != above.parent:
        folder.mkdir(exist_ok=True)


def _reason(error: OSError, path: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the folder {path.parent} does not exist"
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        return f"{path.parent} is not a folder"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    return error.strerror or str(error)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
