"""Move legacy databases into Django models: one declarative class per model, each a Dagster asset."""

from __future__ import annotations as _annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from .columns import col, concat, const, key, link
from .source import Query
from .transformer import Transformer, rule, skip

if _TYPE_CHECKING:
    from .orchestration.component import DjangoTransformersComponent as DjangoTransformersComponent

__all__ = ["Query", "Transformer", "col", "concat", "const", "key", "link", "rule", "skip"]

_FOR_DAGSTER = "DjangoTransformersComponent"
"""Named by a defs.yaml. It loads Dagster, so it is imported on first use, and `import *` leaves it out."""


def __getattr__(name: str) -> _Any:
    if name == _FOR_DAGSTER:
        from .orchestration.component import DjangoTransformersComponent

        return DjangoTransformersComponent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Where `dg list components` looks."""
    return sorted({*globals(), _FOR_DAGSTER})
