"""How one run is to be done: what the command's flags and the launchpad's fields become."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .. import conf
from ..conf import RejectLimit, ValidationMode
from ..exceptions import ConfigurationError

MATCH_ROWS = 500
"""Finds what is wrong with one row in a hundred in 99 of 100 runs."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run, the same for all its transformers."""

    rollback: bool = True
    """One transaction for each transformer; off, one for each batch, with a checkpoint."""
    validation: bool | None = None
    """None: as the settings say. False: `warning_only`. True: the settings' mode, or `lenient` where that
    would reject nothing."""
    batch_size: int | None = None
    """Rows in a batch; wins over Meta and the settings."""
    full: bool = False
    """Read everything, wherever a checkpoint stands."""
    dry_run: bool = False
    match_rows: int | None = MATCH_ROWS
    """Source rows that the check `matches_source` reads anew, spread over the source; None for all."""

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size < 1:
            raise ConfigurationError(
                f"The batch size is {self.batch_size}, and a batch needs a row: give a number from 1 up."
            )
        if self.match_rows is not None and self.match_rows < 1:
            raise ConfigurationError(
                f"match_rows is {self.match_rows}, and a sample needs a row: give a number from 1 up."
            )

    @property
    def validation_mode(self) -> ValidationMode:
        config = conf.load()
        validates = config.enable_validation if self.validation is None else self.validation
        if not validates:
            return "warning_only"
        mode = config.validation_mode
        return "lenient" if self.validation and mode == "warning_only" else mode

    @property
    def reject_limit(self) -> RejectLimit | None:
        """How many rejects are too many; in strict mode one is."""
        if self.validation_mode == "strict":
            return RejectLimit(count=0)
        return conf.load().max_rejected

    def rows_per_batch(self, of_transformer: int | None) -> int:
        return self.batch_size or of_transformer or conf.load().batch_size

    def as_dict(self) -> dict[str, Any]:
        """Give what a run's record keeps: the options that decide what is loaded."""
        return {name: value for name, value in asdict(self).items() if name != "match_rows"}
