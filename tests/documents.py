"""The documentation as the tests read it: code blocks and tables, in the order written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

CODE_SPAN = re.compile(r"`([^`]+)`")
TITLE = re.compile(r"`([^`]+)`:$")


@dataclass(frozen=True)
class Code:
    """A fenced block."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Table:
    """A table, with the name that the line before it ends in: "and `Reject`:"."""

    name: str
    header: list[str]
    rows: list[list[str]]
    line: int

    def values(self) -> list[dict[str, Any]]:
        """Its cells as values: nothing is null, what is in quotes is Python's, digits are a number."""
        return [dict(zip(self.header, map(value_of, row), strict=True)) for row in self.rows]


def value_of(cell: str) -> Any:
    if not cell:
        return None
    if cell.startswith("`"):
        return ast.literal_eval(cell.strip("`"))
    return int(cell) if re.fullmatch(r"[1-9]\d*|0", cell) else cell


def blocks(page: Path) -> Iterator[Code | Table]:
    """Read a page's code blocks and tables."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    before = ""
    for number, line in lines:
        if line.startswith("```"):
            body = list(iter(lambda: next(lines)[1], "```"))
            yield Code(line.removeprefix("```"), "\n".join(body) + "\n", number)
        elif line.startswith("|"):
            rows = [_cells(line)]
            for _, more in lines:
                if not more.startswith("|"):
                    break
                rows.append(_cells(more))
            title = TITLE.search(before)
            yield Table(title[1] if title else "", rows[0], rows[2:], number)
            before = ""
        elif line.strip():
            before = line


def code(page: Path, language: str = "") -> list[Code]:
    return [one for one in blocks(page) if isinstance(one, Code) and language in ("", one.language)]


def reference(first_heading: str) -> list[list[str]]:
    """Rows of all the tables whose first column has this heading, on whatever page."""
    tables = (one for page in PAGES for one in blocks(page) if isinstance(one, Table))
    return [row for table in tables if table.header[0] == first_heading for row in table.rows]


def span(cell: str) -> str:
    """Return what a cell has in its first code span."""
    found = CODE_SPAN.match(cell)
    assert found, f"{cell!r} does not begin with `code`"
    return found[1]


def _cells(line: str) -> list[str]:
    # A bar within a code span is none of the table's.
    parts = re.split(r"(`[^`]*`)", line.strip().strip("|"))
    cells = [""]
    for part in parts:
        if part.startswith("`"):
            cells[-1] += part
        else:
            first, *others = part.split("|")
            cells[-1] += first
            cells += others
    return [cell.strip() for cell in cells]
