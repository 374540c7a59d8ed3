"""Where a class is written."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from etl_assets.places import place_of

SOURCE = """\
# -*- coding: latin-1 -*-
import functools

class First:
    class Inner:
        pass

def make():
    class Local:
        pass
    return Local

if True:
    class Conditional: pass
else:
    class Other: pass

try:
    raise KeyError
except KeyError:
    class Handled: pass

@functools.total_ordering
class Decorated:
    def __lt__(self, other): return True

MADE = type("Made", (), {})
"""


@pytest.fixture
def module(tmp_path: Path) -> Iterator[ModuleType]:
    path = tmp_path / "placed.py"
    path.write_bytes((SOURCE + "# Müller\n").encode("latin-1"))
    spec = importlib.util.spec_from_file_location("placed", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["placed"] = made
    spec.loader.exec_module(made)
    yield made
    del sys.modules["placed"]


def line_of(text: str) -> int:
    (number,) = [number for number, line in enumerate(SOURCE.splitlines(), 1) if line.strip() == text]
    return number


def test_each_class_is_found_at_its_line(module: ModuleType) -> None:
    found = {
        "class First:": module.First,
        "class Inner:": module.First.Inner,
        "class Local:": module.make(),
        "class Conditional: pass": module.Conditional,
        "class Handled: pass": module.Handled,
        "class Decorated:": module.Decorated,
    }

    for text, cls in found.items():
        place = place_of(cls)
        assert place is not None
        assert (place.line, place.file) == (line_of(text), module.__file__), text
        assert str(place) == f"{module.__file__}, line {line_of(text)}"


def test_a_class_without_a_line_has_no_place(module: ModuleType) -> None:
    assert place_of(module.MADE) is None
    assert place_of(int) is None


def test_it_agrees_with_inspect() -> None:
    _, line = inspect.getsourcelines(Path)
    place = place_of(Path)
    assert place is not None
    assert place.line == line
