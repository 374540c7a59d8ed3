"""The names that `etl_assets` gives to authors are a promise: no more, no fewer."""

from __future__ import annotations

from types import ModuleType

import dagster
import pytest

import etl_assets


def test_exactly_these_names_are_exported() -> None:
    assert etl_assets.__all__ == [
        "Query",
        "Transformer",
        "col",
        "concat",
        "const",
        "key",
        "link",
        "rule",
        "skip",
    ]


def test_they_are_sorted_and_there() -> None:
    assert etl_assets.__all__ == sorted(etl_assets.__all__)
    assert all(hasattr(etl_assets, name) for name in etl_assets.__all__)


def test_nothing_else_looks_public() -> None:
    others = {name for name in vars(etl_assets) if not name.startswith("_")} - set(etl_assets.__all__)

    # Modules appear as they are imported.
    assert {type(getattr(etl_assets, name)) for name in others} <= {ModuleType}


def test_the_component_is_there_for_dagster_alone() -> None:
    """Listed, so that Dagster's tools find it; not loaded, so that `import etl_assets` needs no Dagster."""
    assert "DjangoTransformersComponent" in dir(etl_assets)
    assert "DjangoTransformersComponent" not in vars(etl_assets)
    assert issubclass(etl_assets.DjangoTransformersComponent, dagster.Component)
    with pytest.raises(AttributeError, match="module 'etl_assets' has no attribute 'Transformr'"):
        etl_assets.Transformr  # noqa: B018
