"""Tags that this package puts on Dagster's runs."""

from __future__ import annotations

STARTED_BY = "etl_assets/started_by"
"""On runs of the command."""
TRANSFORMER_PATHS = "etl_assets/transformer_paths"
ABANDONED = "etl_assets/found_dead_by"
"""On a run whose process died: the run that noticed."""
CHANGE = "etl_assets/change"
"""On a run that a sensor launched: what it saw."""
