"""What the commands of this package have in common."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn, TextIO

from django.core.management.base import BaseCommand, CommandParser


class EtlCommand(BaseCommand):
    """A command whose every error is one sentence on stderr and exit status 1."""

    # What a command needs it checks itself, in a sentence; system checks would answer with a page.
    requires_system_checks: list[str] = []

    def __init__(
        self,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        no_color: bool = bool(os.environ.get("NO_COLOR")),
        force_color: bool = False,
    ) -> None:
        super().__init__(stdout, stderr, no_color and not force_color, force_color)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let a wrong option be one sentence too, instead of argparse's usage text and exit status 2."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if parser.called_from_command_line:
            parser.error = self._refuse  # type: ignore[method-assign]
        return parser

    def _refuse(self, message: str) -> NoReturn:
        self.stderr.write(f"CommandError: {message[:1].upper()}{message[1:]}: see --help.")
        sys.exit(1)
