"""Rows that are there more than once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, Protocol, TypedDict

from ..exceptions import ConfigurationError
from .exact import exact_groups
from .groups import Group, Groups
from .plain import plain
from .table import LegacyTable


class Masker(Protocol):
    """Hides what is sensitive."""

    def mask(self, column: str, value: Any) -> Any: ...


class DuplicateGroup(TypedDict):
    """One group of rows that are the same in the chosen columns."""

    values: dict[str, Any]
    """Column -> value: folded where case is ignored, of the group's first row in a fuzzy search."""
    count: int
    rows: list[dict[str, Any]]
    """Whole rows in reading order, the first 100 of a larger group."""
    rows_left_out: NotRequired[int]
    """How many rows of the group are not listed; there only where some are not."""
    match_weight: NotRequired[float]
    """Of a fuzzy search: how strongly the values speak for one person, in bits; see `fuzzy`."""


class Duplicates(TypedDict):
    """What `duplicates` returns; JSON can hold it as it is."""

    table: str
    database: str
    columns: list[str]
    group_count: int
    duplicate_count: int
    """Rows in all groups."""
    surplus_count: int
    """Rows beyond the first of each group."""
    null_rows: int
    """Rows that lack a value in a chosen column, and so belong to no group."""
    groups: list[DuplicateGroup]


def duplicates(
    table: LegacyTable,
    columns: Sequence[str],
    limit: int = 10,
    *,
    ignore_case: bool = False,
    fuzzy: bool = False,
    masker: Masker | None = None,
) -> Duplicates:
    """Find rows that are the same in all of these columns.

    Counts are exact at any size and cover all groups; the groups listed are the largest, in order of their
    values where they are as large. Same means the same characters, whatever the database's collation says.

    Args:
        table: where to look.
        columns: what to compare.
        limit: most groups to list, with their rows.
        ignore_case: case, surrounding and repeated spaces make no difference.
        fuzzy: typing errors, swapped names and near dates make none either, where the rest of a row speaks
            for the same person; see `etl_assets.analysis.fuzzy`.
        masker: masks what is sensitive in every value returned.

    Raises:
        ConfigurationError: no columns, one twice, or a limit below 1.
        SourceError: the table has no such column.
    """
    _check(columns, limit)
    table.require(columns)
    found = _search(table, columns, limit, ignore_case, fuzzy)
    return {
        "table": table.name,
        "database": table.database,
        "columns": list(columns),
        "group_count": found.group_count,
        "duplicate_count": found.duplicate_count,
        "surplus_count": found.duplicate_count - found.group_count,
        "null_rows": found.null_rows,
        "groups": [_shown(group, masker) for group in found.groups],
    }


def _check(columns: Sequence[str], limit: int) -> None:
    if not columns:
        raise ConfigurationError(
            "Duplicates are looked for in columns that you name: give some, such as --columns email."
        )
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if list(columns).count(column) > 1)
        raise ConfigurationError(f"The column {twice!r} was given twice: name it once.")
    if limit < 1:
        raise ConfigurationError(f"A limit of {limit} lists nothing: --limit takes a number from 1.")


def _search(table: LegacyTable, columns: Sequence[str], limit: int, ignore_case: bool, fuzzy: bool) -> Groups:
    # Neither DuckDB nor Splink is imported where the database does the work.
    if fuzzy:
        from .fuzzy import fuzzy_groups

        return fuzzy_groups(table, columns, limit)
    if ignore_case:
        from .folded import folded_groups

        return folded_groups(table, columns, limit)
    return exact_groups(table, columns, limit)


def _shown(group: Group, masker: Masker | None) -> DuplicateGroup:
    shown: DuplicateGroup = {
        "values": _row(group.values, masker),
        "count": group.count,
        "rows": [_row(row, masker) for row in group.rows],
    }
    if len(group.rows) < group.count:
        shown["rows_left_out"] = group.count - len(group.rows)
    if group.match_weight is not None:
        shown["match_weight"] = group.match_weight
    return shown


def _row(row: dict[str, Any], masker: Masker | None) -> dict[str, Any]:
    return {column: plain(masker.mask(column, value) if masker else value) for column, value in row.items()}
