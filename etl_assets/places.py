"""File and line of a class, so that a message leads to it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """Where something is written."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


def place_of(cls: type) -> Place | None:
    """Find where a class is written; None for one that was made without a file."""
    try:
        file = inspect.getsourcefile(cls)
        line = _class_lines(str(file)).get(cls.__qualname__) if file else None
    except (OSError, TypeError, SyntaxError):  # no file, or one that has changed since
        return None
    return Place(str(file), line) if line else None


@cache
def _class_lines(file: str) -> dict[str, int]:
    """Line of each class in a file, by qualified name. `inspect` would parse the file for each class anew."""
    return dict(_classes(ast.parse(Path(file).read_bytes()), ""))


def _classes(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield prefix + child.name, child.lineno
            yield from _classes(child, f"{prefix}{child.name}.")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _classes(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _classes(child, prefix)
