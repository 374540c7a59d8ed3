"""Tests of deploy/. Those with the mark `deploy` start servers or install packages: make test-deploy."""

from __future__ import annotations

import pytest

MARK = "deploy"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{MARK}: starts servers or installs packages; run by make test-deploy"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow ones out, unless they were asked for: by their mark, or by their own name."""
    asked = MARK in config.option.markexpr or any("::" in argument for argument in config.args)
    if asked:
        return
    slow = [item for item in items if item.get_closest_marker(MARK)]
    items[:] = [item for item in items if item not in slow]
    config.hook.pytest_deselected(items=slow)
