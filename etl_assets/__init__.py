"""Move legacy databases into Django models: one declarative class per model, each a Dagster asset."""

from .columns import col, concat, const, key, link
from .source import Query
from .transformer import Transformer, rule, skip

__all__ = ["Query", "Transformer", "col", "concat", "const", "key", "link", "rule", "skip"]
