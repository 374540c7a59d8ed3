"""The names that `etl_assets` gives to authors are a promise: no more, no fewer."""

from __future__ import annotations

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
    modules = {"columns", "conf", "exceptions", "source", "transformer"}  # imported along the way
    public = {name for name in vars(etl_assets) if not name.startswith("_")}

    assert public - set(etl_assets.__all__) >= modules
    assert all(
        type(getattr(etl_assets, name)).__name__ == "module" for name in public - set(etl_assets.__all__)
    )
