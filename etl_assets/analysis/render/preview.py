"""A previewed row, arranged so that each value stands beside what it became."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .wording import quoted

Sources = Mapping[str, tuple[str, ...]]
"""Target field -> the columns that it is made of; a field that is not named is made of its namesake."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a column held, and what the target field made of it will hold."""

    column: str
    before: str
    field: str = ""
    """Nothing where no field is made of the column."""
    after: str = ""
    is_changed: bool = False


def pairs(row: Mapping[str, Any], sources: Sources, most: int | None = None) -> Iterator[Pair]:
    """Yield the fields of a row with the columns they come from, then the columns that none comes from.

    Args:
        most: characters of a value that are shown.
    """
    original, changed = row["original"], set(row["changed"])
    used: set[str] = set()
    for field, value in (row["transformed"] or {}).items():
        columns = [one for one in sources.get(field, (field,)) if one in original]
        used.update(columns)
        before = " + ".join(quoted(original[one], most) for one in columns)
        yield Pair(" + ".join(columns), before, field, quoted(value, most), field in changed)
    for column, value in original.items():
        if column not in used:
            yield Pair(column, quoted(value, most))
