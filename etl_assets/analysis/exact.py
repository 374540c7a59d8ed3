"""Rows that are the same to the last character, found by the database's own GROUP BY."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from .groups import MOST_ROWS, Group, Groups
from .same import Sameness, sameness
from .table import LegacyTable

PLACE = "etl_duplicates_place"
AT_ONCE = 100
"""Groups whose rows one statement looks for."""

Key = Sequence[Any]


def exact_groups(table: LegacyTable, columns: Sequence[str], limit: int) -> Groups:
    """Return the groups of rows with the same values in all of these columns.

    It takes three scans: to group, to count the nulls, and to fetch the rows of small groups. Large groups
    are fetched one by one, since the first rows of each are found soon.
    """
    search = _Search(table, columns)
    found, keys = search.largest(limit)
    found.null_rows = search.null_rows()
    search.same.keep_stored_order()
    small = [place for place, group in enumerate(found.groups) if group.count <= MOST_ROWS]
    for start in range(0, len(small), AT_ONCE):
        places = small[start : start + AT_ONCE]
        for place, row in search.rows_of_small({place: keys[place] for place in places}):
            found.groups[place].rows.append(row)
    for place, group in enumerate(found.groups):
        if group.count > MOST_ROWS:
            group.rows = search.first_rows(keys[place])
        group.values = {column: group.rows[0][column] for column in columns}
    return found


class _Search:
    """Statements about one table and some of its columns."""

    def __init__(self, table: LegacyTable, columns: Sequence[str]) -> None:
        self.table = table
        self.columns = columns
        self.same: Sameness = sameness(table.reader)
        self.source = f"{table.reader.relation.sql} etl_source"
        self.names = [f"etl_key{number}" for number in range(len(columns))]
        self.keys = [self.same.key(column) for column in columns]
        self.quoted = [table.reader.quote(column) for column in columns]

    def null_rows(self) -> int:
        missing = " OR ".join(f"{column} IS NULL" for column in self.quoted)
        return int(self.same.fetch(f"SELECT COUNT(*) FROM {self.source} WHERE {missing}")[0][0])

    def largest(self, limit: int) -> tuple[Groups, list[Key]]:
        """Return the counts, and the largest groups with their keys but without their rows."""
        named = list(zip(self.names, self.columns, strict=True))
        shown = ", ".join(self.same.shown(name, column) for name, column in named)
        # Unqualified it would mean the column as shown: on PostgreSQL a text, in which 10 comes before 9.
        order = ", ".join(self.same.order(f"etl_same.{name}", column) for name, column in named)
        rows = self.same.fetch(
            f"SELECT etl_count, COUNT(*) OVER (), SUM(etl_count) OVER (), {shown}"
            f" FROM ({self._grouped()}) etl_same ORDER BY etl_count DESC, {order}{self._limit(limit)}"
        )
        groups = [Group(int(count)) for count, *_ in rows]
        if not rows:
            return Groups(), []
        found = Groups(group_count=int(rows[0][1]), duplicate_count=int(rows[0][2]), groups=groups)
        return found, [row[3:] for row in rows]

    def rows_of_small(self, keys: dict[int, Key]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the rows of some groups, each with its group's place, in one scan."""
        selects, parameters = [], []
        for place, key in keys.items():
            marks, values = self._given(key)
            named = ", ".join(f"{mark} AS {name}" for mark, name in zip(marks, self.names, strict=True))
            selects.append(f"SELECT {place} AS {PLACE}, {named}{self._bare_select}")
            parameters += values
        wanted = f"({' UNION ALL '.join(selects)}) etl_wanted"
        same = " AND ".join(f"{key} = {name}" for key, name in zip(self.keys, self.names, strict=True))
        # Looked up in a list, the first column spares most rows the comparison with each group.
        listed, firsts = self._listed([key[0] for key in keys.values()])
        order = ", ".join([PLACE, *self._reading_order()])
        sql = (
            f"SELECT {PLACE}, {self._everything()} FROM {self.source} CROSS JOIN {wanted}"
            f" WHERE {self.keys[0]} IN ({listed}) AND {same} ORDER BY {order}"
        )
        for batch in self.table.select(sql, [*parameters, *firsts], {PLACE: pa.int64()}):
            for row in batch.to_pylist():
                yield int(row.pop(PLACE)), row

    def first_rows(self, key: Key) -> list[dict[str, Any]]:
        """Return the first rows of one group in the order stored."""
        marks, parameters = self._given(key)
        same = " AND ".join(f"{mine} = {mark}" for mine, mark in zip(self.keys, marks, strict=True))
        sql = f"SELECT {self._everything()} FROM {self.source} WHERE {same}{self._limit(MOST_ROWS)}"
        return [row for batch in self.table.select(sql, parameters) for row in batch.to_pylist()]

    def _grouped(self) -> str:
        named = ", ".join(f"{key} AS {name}" for key, name in zip(self.keys, self.names, strict=True))
        present = " AND ".join(f"{column} IS NOT NULL" for column in self.quoted)
        return (
            f"SELECT {named}, COUNT(*) AS etl_count FROM {self.source} WHERE {present}"
            f" GROUP BY {', '.join(self.keys)} HAVING COUNT(*) > 1"
        )

    def _given(self, key: Key) -> tuple[list[str], list[Any]]:
        pairs = [self.same.given(column, value) for column, value in zip(self.columns, key, strict=True)]
        return [mark for mark, _ in pairs], [value for _, value in pairs]

    def _listed(self, values: list[Any]) -> tuple[str, list[Any]]:
        pairs = [self.same.given(self.columns[0], value) for value in values]
        return ", ".join(mark for mark, _ in pairs), [value for _, value in pairs]

    def _everything(self) -> str:
        return ", ".join(map(self.table.reader.quote, self.table.columns))

    def _reading_order(self) -> list[str]:
        """The order that tells rows apart; where nothing does, that of the columns that can be compared."""
        reader = self.table.reader
        order = [reader.quote(by.column) for by in reader.order]
        if reader.tie_break:
            order.append(f"etl_source.{reader.tie_break}")
        return order or [self.same.key(column) for column in self.table.columns]

    def _limit(self, rows: int) -> str:
        return f" {self.table.reader.connection.ops.limit_offset_sql(0, rows)}"

    @property
    def _bare_select(self) -> str:
        return self.table.reader.connection.features.bare_select_suffix
