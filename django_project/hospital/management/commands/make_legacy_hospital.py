from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_project.hospital.legacy import CannotMakeHospital, make_legacy_hospital


class Command(BaseCommand):
    help = "Writes a messy legacy hospital to try the migration with. It replaces the one that is there."
    # It touches no model, and is what one runs before anything else works.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patients", type=int, default=10_000, help="rows in legacy_patients (10000)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed writes the same rows (1)")
        parser.add_argument("--database", default="legacy", help="alias of the legacy database (legacy)")

    def handle(self, *, patients: int, seed: int, database: str, **options: Any) -> None:
        try:
            made = make_legacy_hospital(patients, seed, database)
        except CannotMakeHospital as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(made))
