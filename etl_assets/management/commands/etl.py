from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

ACTIONS = "analyze|duplicates|preview|estimate|checks"
REMEDY = "Run again with --traceback to see where."


class Command(BaseCommand):
    help = "Looks at a table or view before anything is moved, and at what the checks of a run found."
    # What is wrong elsewhere in the project must not keep anybody from looking.
    requires_system_checks: list[str] = []

    def __init__(
        self,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        no_color: bool = bool(os.environ.get("NO_COLOR")),
        force_color: bool = False,
    ) -> None:
        super().__init__(stdout, stderr, no_color and not force_color, force_color)

    def add_arguments(self, parser: CommandParser) -> None:
        # Values are checked by the request, so that each error is one sentence and the exit status is 1.
        add = parser.add_argument
        add(
            "action",
            nargs="?",
            metavar=ACTIONS,
            help="What is in it, which rows are there twice, what becomes of it, how long a load takes; and "
            "what the checks of a run found.",
        )
        add("--table", help="Table or view to look at. Required by all but checks.")
        add("--run", metavar="ID", help="checks: the run, or the beginning of its id. The last one.")
        add(
            "--database",
            metavar="ALIAS",
            help="Its database: default, or the only other one that has the table.",
        )
        add("--columns", metavar="NAMES", help="Only these columns; several have commas between them.")
        add("--limit", default=10, metavar="N", help="Groups or rows to show at most. 10.")
        add("--batch-size", default=1000, metavar="ROWS", help="Rows in a batch of the load. 1000.")
        add("--output", type=Path, metavar="FILE", help="Write the result to this .json or .html file.")
        add(
            "--format",
            metavar="table|json",
            help="How to print: a table on a terminal and JSON elsewhere, unless this says otherwise.",
        )
        add("--ignore-case", action="store_true", help="duplicates: case and extra spaces make none.")
        add("--fuzzy", action="store_true", help="duplicates: find the same one written differently.")
        add("--show-sensitive", action="store_true", help="Mask nothing.")

    def handle(self, **options: Any) -> None:
        from ...engine.failures import sentence
        from ...exceptions import Interrupted
        from ..inspection import Request, inspect
        from ..interrupts import interruptible
        from ..telling import tell
        from ..waiting import waiting

        self.stdout.ending = ""
        color = True if options["force_color"] else False if options["no_color"] else None
        try:
            request = Request.from_options(options)
            with interruptible(), waiting(request.table or request.action, sys.stderr) as progress:
                finding = inspect(request, note=self._note, progress=progress)
            tell(finding, request, cast(TextIO, self.stdout), color=color)
        except Interrupted as stop:
            self.stderr.write("Interrupted: nothing was written.")
            sys.exit(stop.exit_status)
        except Exception as error:  # whatever it was, it is told in one sentence
            raise CommandError(sentence(error, options["database"] or DEFAULT_DB_ALIAS, REMEDY)) from error

    def _note(self, text: str) -> None:
        self.stderr.write(text, self.style.WARNING)
