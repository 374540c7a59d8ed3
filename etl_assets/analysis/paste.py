"""Lines of a transformer, ready to paste."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def literal(value: Any) -> str:
    """Write a value as Python does, text in double quotes."""
    written = repr(value)
    if not isinstance(value, str) or written.startswith('"'):
        return written
    return '"' + written[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def raw_literal(regex: str) -> str:
    """Write a regular expression as a raw text."""
    return f'r"{regex}"' if '"' not in regex and not regex.endswith("\\") else literal(regex)


def call(verb: str, *arguments: Any, **named: Any) -> str:
    """Write a verb with its arguments: null_if("N/A")."""
    given = [literal(value) for value in arguments]
    given += [f"{name}={literal(value)}" for name, value in named.items()]
    return f"{verb}({', '.join(given)})"


def chain(column: str, verbs: Sequence[str], start: str = "col") -> str:
    """Write an expression: col("dob").strip().date("%d/%m/%Y")."""
    return ".".join([call(start, column), *verbs])
