"""The checks of a run as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .wording import number, plural, quoted, shown

STYLES = {"passed": "green", "success": "green", "warning": "yellow", "failed": "red", "error": "red"}


def checks(found: Mapping[str, Any]) -> RenderableType:
    """Lay out what `checks` returned: all checks, and below each that failed the rows at fault."""
    head = Text.assemble(("Run ", "dim"), (shown(found["run_id"]), "bold"))
    head.append(f"  {shown(found['started_at'])}", "dim")
    head.append("\nChecks ").append(found["status"], f"bold {STYLES[found['status']]}")
    head.append(
        f"  {number(found['passed'])} passed, {plural(found['warnings'], 'warning')}, "
        f"{plural(found['errors'], 'error')}"
    )
    parts: list[RenderableType] = [head]
    for name, transformer in found["transformers"].items():
        parts += ["", *_transformer(name, transformer)]
    return Group(*parts)


def verdict(check: Mapping[str, Any]) -> str:
    """Say in one word how a check ended."""
    return "passed" if check["passed"] else str(check["severity"])


def _transformer(name: str, transformer: Mapping[str, Any]) -> Iterator[RenderableType]:
    title = Text.assemble((shown(name), "bold"), "  ")
    title.append(shown(transformer["status"]), STYLES.get(transformer["status"], "yellow"))
    if transformer["error"]:
        title.append(f"  {shown(transformer['error'])}")
    yield title
    table = Table.grid(padding=(0, 2))
    for check in transformer["checks"]:
        word = verdict(check)
        what = Text(shown(check["description"]))
        for row in check["samples"]:
            values = ", ".join(f"{shown(column)} {quoted(value, 40)}" for column, value in row.items())
            what.append(f"\n{values}", "dim")
        table.add_row(Text(word, STYLES[word]), Text(shown(check["name"])), what)
    yield Padding(table, (0, 0, 0, 2))
    if not transformer["checks"]:
        yield Text("  It ended before any check was made.", "dim")
