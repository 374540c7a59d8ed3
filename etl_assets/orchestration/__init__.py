"""Transformers as Dagster assets. Nothing outside this package and `definitions` imports Dagster.

For definitions of your own, after `django.setup()`::

    from etl_assets.orchestration import build_assets, build_asset_specs, build_definitions
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .assets import build_assets
    from .jobs import build_definitions
    from .options import MigrationOptions
    from .specs import build_asset_specs, build_legacy_specs

_MODULES = {
    "MigrationOptions": "options",
    "build_asset_specs": "specs",
    "build_assets": "assets",
    "build_definitions": "jobs",
    "build_legacy_specs": "specs",
}

__all__ = [
    "MigrationOptions",
    "build_asset_specs",
    "build_assets",
    "build_definitions",
    "build_legacy_specs",
]


def __getattr__(name: str) -> Any:
    """Import on first use: the component, which lives here too, is imported before Django is set up."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
