"""One call of `migrate_legacy_data`: prepare, run, and leave the files that were asked for."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import DEFAULT_DB_ALIAS

from .. import conf, logs
from ..console import RunConsole
from ..engine.failures import sentence
from ..engine.options import RunOptions
from ..engine.report import RunReport
from ..exceptions import ConfigurationError, Interrupted
from ..files import check_writable, replaced, write_json
from ..screen import Screen
from .interrupts import interruptible

STARTED_BY = "manage.py migrate_legacy_data"


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for; None where it leaves a matter to the settings."""

    dry_run: bool = False
    only: list[str] | None = None
    rollback: bool = True
    validation: bool | None = None
    batch_size: int | None = None
    transformer_paths: list[str] | None = None
    log_file: Path | None = None
    log_level: str | None = None
    output: Path | None = None
    rejects: Path | None = None
    full: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Request:
        """Take what Django hands to `handle`, from a command line or from `call_command`."""
        return cls(
            dry_run=options["dry_run"],
            only=_names(options["only"]),
            rollback=options["enable_rollback"],
            validation=options["enable_validation"],
            batch_size=options["batch_size"],
            transformer_paths=_names(options["transformer_paths"]),
            log_file=_path(options["log_file"]),
            log_level=options["log_level"],
            output=_path(options["output"]),
            rejects=_path(options["rejects"]),
            full=options["full"],
        )

    def run_options(self) -> RunOptions:
        """The part that the engine is told.

        Raises:
            ConfigurationError: the batch size is below 1.
        """
        return RunOptions(self.rollback, self.validation, self.batch_size, self.full, self.dry_run)


class Migration:
    """Runs what was asked for, and tells of it on the screen, in the log file and in the other files."""

    def __init__(self, request: Request, screen: Screen) -> None:
        self.request = request
        self.screen = screen
        self.console = RunConsole(screen, dry_run=request.dry_run, rollback=request.rollback)
        self.report = RunReport("", request.dry_run)
        self.problems: list[str] = []
        """What went wrong beside the run: a file that could not be written after it."""
        self.interrupted: Interrupted | None = None
        self._cause: Exception | None = None
        self._usable: set[str] = set()
        self._started = time.perf_counter()

    def run(self) -> None:
        """Do it all. Whatever happens is in `report` and `failures()` afterwards, and in the files."""
        with ExitStack() as stack:
            stopper = stack.enter_context(interruptible())
            stack.enter_context(self.screen)
            log_file: logs.FileHandler | None = None
            try:
                log_file = stack.enter_context(self._logging())
                self._refuse_unusable_files()
                self._migrate()
            except Interrupted as stop:
                self._note_interruption(stop)
            except Exception as error:  # any reason not to run is told in one sentence, in the files too
                self._note_failure(error)
            stopper.disarm()
            self.report.duration_seconds = time.perf_counter() - self._started
            self._tell()
            self._write_files()
            self._alert()
            if log_file is not None:
                log_file.write_total_time(self.report.duration_seconds)

    def failures(self) -> list[str]:
        """Return a sentence for each thing that went wrong."""
        found = [self.report.error] if self.report.error else []
        if self.interrupted is None:
            ended = self.report.transformers.values()
            found += [f"{one.name!r} failed: {one.error}" for one in ended if one.status == "failed"]
        return found + self.problems

    @property
    def exception(self) -> Exception | None:
        """What --traceback shows."""
        failed = (one.exception for one in self.report.transformers.values() if one.exception is not None)
        return self._cause or next(failed, None)

    def _migrate(self) -> None:
        """Run the chosen transformers. A dry run has nothing to do with Dagster, and does not import it."""
        from .preflight import prepare  # imports Arrow, which takes a while: a Ctrl-C then is heeded already

        request, options = self.request, self.request.run_options()
        registry, chosen = prepare(request.only, request.transformer_paths)
        self.console.begin()
        if options.dry_run:
            from ..engine.pipeline import rehearse

            self.report = rehearse(chosen, registry, options, run_id=str(uuid4()), progress=self.console)
        else:
            from ..orchestration.in_process import materialize

            paths = request.transformer_paths
            self.report = materialize(
                chosen, registry, options, transformer_paths=paths, progress=self.console
            )

    def _note_interruption(self, stop: Interrupted) -> None:
        self.interrupted = stop
        self.report.transformers = dict(self.console.reports)
        self.report.error = self.console.interruption()

    def _note_failure(self, error: Exception) -> None:
        self._cause = error
        self.report.error = sentence(error, DEFAULT_DB_ALIAS)

    # What is told and left behind

    def _logging(self) -> AbstractContextManager[logs.FileHandler | None]:
        """Log to the screen and to the file that was asked for, or else to that of the settings."""
        try:
            config = conf.load()
        except ConfigurationError:  # told when the run is prepared, and in the log
            config = conf.read({})
        path = self.request.log_file or (Path(config.log_file) if config.log_file else None)
        usable = self._try_file("Log file", "--log-file", path)
        file = (
            logs.LogFile(path, config.log_file_megabytes, config.log_file_backups)
            if path and usable
            else None
        )
        return logs.attached(self.request.log_level or config.log_level, self.console.show_log, file)

    def _refuse_unusable_files(self) -> None:
        """Try the other files too before any work; those that can be written tell why nothing was done."""
        self._try_file("Report", "--output", self.request.output)
        self._try_file("Reject file", "--rejects", self.request.rejects)
        if self.problems:
            problem, *self.problems = self.problems
            raise ConfigurationError(problem)

    def _try_file(self, what: str, option: str, path: Path | None) -> bool:
        try:
            if path is not None:
                check_writable(path, what, option)
                self._usable.add(option)
        except ConfigurationError as error:
            self.problems.append(str(error))
        return option in self._usable

    def _tell(self) -> None:
        """Sum up on the screen; what stderr will say is said in the log file too."""
        if self.report.error is None:
            self.console.end(self.report)
        else:
            logger = logging.getLogger(logs.NAME)
            cause = self._cause if logger.isEnabledFor(logging.DEBUG) else None
            logger.error(self.report.error, exc_info=cause, extra=logs.PRINTED)

    def _write_files(self) -> None:
        """Write the report and the rejects, of a run that failed too."""
        from ..engine.rejects import write_csv

        output, rejects = self.request.output, self.request.rejects
        found = [one.rejects for one in self.report.transformers.values() if one.rejects is not None]
        try:
            if rejects is not None and "--rejects" in self._usable:
                with replaced(rejects) as new:
                    write_csv(new, found, self._sensitive())
            if output is not None and "--output" in self._usable:
                write_json(output, self.report.as_dict())
        except OSError as error:
            self.problems.append(f"The files of this run cannot be written: {error}.")
        for log in found:
            log.close()

    def _alert(self) -> None:
        """Tell those whom MONITORING names of a failure; a rehearsal or a Ctrl-C is none to tell of."""
        if self.request.dry_run or self.interrupted or not self.failures() or any(conf.problems()):
            return
        from .. import alerts  # mail and HTTP are loaded only where there is something to tell

        if not alerts.is_wanted():
            return
        for problem in alerts.send(alerts.alert_of_report(self.report, STARTED_BY, self.problems)):
            logging.getLogger(logs.NAME).error(problem, extra=logs.PRINTED)
            self.problems.append(problem)

    def _sensitive(self) -> frozenset[str]:
        return frozenset(conf.load().sensitive_columns) if not any(conf.problems()) else frozenset()


def _names(given: str | Sequence[str] | None) -> list[str] | None:
    """Split names at commas; an option may also be given several times."""
    if given is None:
        return None
    parts = ",".join([given] if isinstance(given, str) else given).split(",")
    return [part.strip() for part in parts if part.strip()]


def _path(given: str | Path | None) -> Path | None:
    return Path(given).expanduser() if given is not None else None
