"""A run's options as Dagster's config, so that the run can be repeated from the UI."""

from __future__ import annotations

import dagster as dg
from pydantic import Field

from ..engine.options import MATCH_ROWS, RunOptions

KEY = "options"
"""Name of the resource, in the launchpad too."""


class MigrationOptions(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What the flags of `manage.py migrate_legacy_data` are in the launchpad."""

    batch_size: int | None = Field(
        default=None,
        description="Rows in one batch. Empty: as Meta and the settings say.",
    )
    validation: bool | None = Field(
        default=None,
        description="True: validate in the settings' mode. False: reject only what the database itself would "
        "refuse. Empty: as the settings say.",
    )
    rollback: bool = Field(
        default=True,
        description="True: each transformer is one transaction. False: each batch commits, and a run that "
        "was cut off is continued by the next one.",
    )
    full: bool = Field(
        default=False,
        description="Read everything, also where an unfinished run could be continued.",
    )
    match_rows: int = Field(
        default=MATCH_ROWS,
        description="Rows that the check matches_source looks for in the target, spread over the source.",
    )
    match_all: bool = Field(
        default=False,
        description="True: matches_source reads the whole source anew and looks for all of its rows.",
    )

    def run_options(self) -> RunOptions:
        """The same for the engine.

        Raises:
            ConfigurationError: the batch size, or `match_rows`, is below 1.
        """
        return RunOptions(
            rollback=self.rollback,
            validation=self.validation,
            batch_size=self.batch_size,
            full=self.full,
            match_rows=None if self.match_all else self.match_rows,
        )


def run_config(options: RunOptions) -> dict[str, object]:
    """Write options as the config of a run, whose lines go to Dagster's storage and not to the terminal."""
    config = {
        "batch_size": options.batch_size,
        "validation": options.validation,
        "rollback": options.rollback,
        "full": options.full,
    }
    return {
        "resources": {KEY: {"config": config}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
