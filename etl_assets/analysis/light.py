"""Starting quickly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

import pyarrow as pa


def do_without_pandas() -> None:
    """Keep pyarrow from importing pandas as soon as it makes an array.

    It only wants to know whether there is pandas, and importing it takes longer than all else that a look at
    a small table does. It is told once that there is none; what really needs pandas imports it all the same.
    """
    with _hidden("pandas"):
        pa.array([])


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    class Finder(MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            if name == module:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
