from __future__ import annotations

import sys
from argparse import BooleanOptionalAction
from pathlib import Path
from typing import Any, TextIO, cast

from django.core.management.base import CommandError, CommandParser

from ...conf import LOG_LEVELS
from ..base import EtlCommand


class Command(EtlCommand):
    help = "Loads legacy tables into models with the transformers of this project. Ends with 1 if one failed."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--dry-run", action="store_true", help="Do all of it, then roll it back: nothing is written.")
        add(
            "--only",
            action="append",
            metavar="NAMES",
            help="Run only these transformers; several names have commas between them.",
        )
        add(
            "--enable-rollback",
            action=BooleanOptionalAction,
            default=True,
            help="Make each transformer one transaction. Without it each batch is one, and the next run goes "
            "on after the last.",
        )
        add(
            "--enable-validation",
            action=BooleanOptionalAction,
            help="Validate as the settings say. Without it only what the database would refuse is rejected, "
            "and the rest is loaded with a warning.",
        )
        add("--batch-size", type=int, metavar="ROWS", help="Rows in a batch. Wins over Meta and settings.")
        add(
            "--transformer-paths",
            action="append",
            metavar="MODULES",
            help="Modules to find transformers in, instead of those of the installed apps.",
        )
        add("--log-file", type=Path, metavar="FILE", help="Append a detailed log to this file.")
        add("--log-level", type=str.upper, choices=LOG_LEVELS, help="Level from which log lines are written.")
        add("--output", type=Path, metavar="FILE", help="Write the results to this file as JSON.")
        add("--rejects", type=Path, metavar="FILE", help="Write the rejected rows to this file as CSV.")
        add("--full", action="store_true", help="Read everything, also where a run was cut off.")

    def handle(self, **options: Any) -> None:
        from ...screen import Screen
        from ..interrupts import ignore
        from ..migration import Migration, Request

        self.stdout.ending = ""
        color = True if options["force_color"] else False if options["no_color"] else None
        screen = Screen(cast(TextIO, self.stdout), color=color)
        migration = Migration(Request.from_options(options), screen)
        migration.run()
        if migration.interrupted:
            if getattr(self, "_called_from_command_line", False):
                ignore()
            self.stderr.write("\n".join(migration.failures()))
            sys.exit(migration.interrupted.exit_status)
        if failures := migration.failures():
            raise CommandError("\n".join(failures)) from migration.exception
