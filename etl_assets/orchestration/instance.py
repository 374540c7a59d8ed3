"""The Dagster instance that runs are recorded on: its home, made on first use, and how it is opened."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import dagster as dg
from dagster._core.instance import InstanceRef
from django.conf import settings
from filelock import FileLock

from ..exceptions import ConfigurationError
from ..files import replaced
from .history import kept_open

HOME_VARIABLE = "DAGSTER_HOME"
CONFIG_FILE = "dagster.yaml"
LOCK_FILE = "opening.lock"
CONFIG = """\
# Made on first use; change it as you like. https://docs.dagster.io/deployment/oss/dagster-yaml
telemetry:
  enabled: false
nux:
  enabled: false
"""

WITHOUT_CAPTURE = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}
"""Dagster would put files in the place of stdout and stderr: no live progress, and lines in a wrong order."""


def open_instance() -> dg.DagsterInstance:
    """Open the instance at home for runs in this process; to be used in a `with` statement.

    Raises:
        ConfigurationError: the home cannot be made or written, or its dagster.yaml is wrong.
    """
    home = prepared_home()
    try:
        with _one_at_a_time(home):
            ref = InstanceRef.from_dir(str(home), overrides=WITHOUT_CAPTURE)
            return dg.DagsterInstance.from_ref(kept_open(ref))
    except Exception as error:  # of the file system, YAML, Dagster or its database
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigurationError(
            f"Dagster's home {str(home)!r} cannot be used ({first}): mend its {CONFIG_FILE}, or set "
            f"{HOME_VARIABLE} to a folder that can be written."
        ) from error


def _one_at_a_time(home: Path) -> AbstractContextManager[object]:
    """Wait for others who open this home: Dagster makes its SQLite files on first use, and two processes
    that do so at once leave files that nobody can open any more.

    Where home cannot be written, history is on a server, which sees to that itself.
    """
    return FileLock(home / LOCK_FILE) if os.access(home, os.W_OK) else nullcontext()


def prepared_home() -> Path:
    """Return Dagster's home, made with a configuration where there is none yet.

    Raises:
        ConfigurationError: it cannot be made.
    """
    home = find_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / CONFIG_FILE).exists():
            with replaced(home / CONFIG_FILE) as new:  # whole, for whoever reads it at this moment
                new.write_text(CONFIG, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"Dagster's home {str(home)!r} cannot be made ({error.strerror}): "
            f"set {HOME_VARIABLE} to a folder that can be written."
        ) from error
    return home


def find_home() -> Path:
    """DAGSTER_HOME where it is set, otherwise `.dagster` beside manage.py.

    Raises:
        ConfigurationError: DAGSTER_HOME is no absolute path, which Dagster's own programs refuse.
    """
    named = os.environ.get(HOME_VARIABLE)
    if not named:
        return _project_folder() / ".dagster"
    home = Path(named).expanduser()
    if not home.is_absolute():
        raise ConfigurationError(
            f"{HOME_VARIABLE} is {named!r}, which is no absolute path: write the whole path, from / on."
        )
    return home


def _project_folder() -> Path:
    """The folder of manage.py: BASE_DIR in most projects, else that of the program that is running."""
    base = getattr(settings, "BASE_DIR", None)
    program = Path(sys.argv[0] or ".").resolve().parent
    folders = [*([Path(base).resolve()] if base else []), program]
    with_manage = [folder for folder in folders if (folder / "manage.py").is_file()]
    return (with_manage or ([Path(base).resolve()] if base else []) or [Path.cwd()])[0]
