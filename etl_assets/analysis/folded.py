"""Rows that are the same but for case and spaces, compared in a database of our own.

What a database calls lower case depends on its vendor, its collation and its settings. Here Python decides,
for all of them: values are folded as they stream by, and DuckDB groups them on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ..engine.frames import text_of
from .groups import MOST_ROWS, Group, Groups
from .table import LegacyTable

MEMORY = 160
"""Megabytes that DuckDB may use before it writes to disk."""
MEMORY_PER_COLUMN = 1
"""More of them for each column: to sort by it takes some that cannot be written to disk."""
FEW_ROWS = 20_000
"""Those of a smaller table are kept in memory, where a table costs no time to make."""

Key = tuple[str, ...]


def folded(text: str) -> str:
    """Return a text without what `ignore_case` ignores.

    Case is folded as Unicode has it ('STRASSE' is 'straße'), any white space around it goes, and any within
    it is one space.
    """
    return " ".join(text.split()).casefold()


def folded_groups(table: LegacyTable, columns: Sequence[str], limit: int) -> Groups:
    """Return the groups of rows with the same folded values in all of these columns.

    The chosen columns are read once to be grouped, and the table once more for the rows of what was found.
    """
    with scratch_database(table.row_count, len(columns)) as database:
        found = Groups(null_rows=copy_keys(table, columns, database))
        names = key_names(columns)
        database.execute(
            f"CREATE TABLE same AS SELECT {names}, COUNT(*) AS rows FROM keys"
            " GROUP BY ALL HAVING COUNT(*) > 1"
        )
        found.group_count, found.duplicate_count = counted(
            database, "SELECT COUNT(*), COALESCE(SUM(rows), 0)::BIGINT FROM same"
        )
        largest = database.execute(
            f"SELECT rows, {names} FROM same ORDER BY rows DESC, {_order(table, columns)} LIMIT ?", [limit]
        ).fetchall()
    found.groups = [Group(count) for count, *_ in largest]
    add_rows(
        table, columns, {tuple(key): group for (_, *key), group in zip(largest, found.groups, strict=True)}
    )
    for group in found.groups:
        group.values = {column: _value(group.rows[0][column]) for column in columns}
    return found


@contextmanager
def scratch_database(rows: int, columns: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB database of bounded memory that is removed at the end; one for many rows is on disk."""
    with TemporaryDirectory(prefix="etl-assets-") as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{MEMORY + columns * MEMORY_PER_COLUMN}MB",
            "temp_directory": str(Path(folder, "spilled")),
            "preserve_insertion_order": "false",
        }
        place = ":memory:" if rows <= FEW_ROWS else str(Path(folder, "scratch.duckdb"))
        with duckdb.connect(place, config=config) as database:
            yield database


def copy_keys(table: LegacyTable, columns: Sequence[str], database: duckdb.DuckDBPyConnection) -> int:
    """Write the folded values of rows that have them all to a table `keys`; return how many do not."""
    names = [f"key{number}" for number in range(len(columns))]
    database.execute(f"CREATE TABLE keys ({', '.join(f'{name} VARCHAR' for name in names)})")
    null_rows = 0
    for batch in table.batches(columns):
        keys = pa.table([fold_column(batch.column(column)) for column in columns], names)
        complete = keys.drop_null()
        null_rows += keys.num_rows - complete.num_rows
        database.register("batch", complete)
        database.execute("INSERT INTO keys SELECT * FROM batch")
        database.unregister("batch")
    return null_rows


def key_names(columns: Sequence[str]) -> str:
    """Return the columns of `keys`, as SQL lists them."""
    return ", ".join(f"key{number}" for number in range(len(columns)))


def counted(database: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """Return the one row that a select has."""
    row = database.execute(sql).fetchone()
    assert row is not None
    return row


def fold_column(column: pa.Array) -> pa.Array:
    """Return the values as folded text; each distinct one is folded once."""
    encoded = column.dictionary_encode()
    texts = [folded(text_of(value)) for value in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def add_rows(table: LegacyTable, columns: Sequence[str], groups: dict[Key, Group]) -> None:
    """Read the table in its order, and give each group its first rows; several keys may share a group."""
    wanted = [pa.array(sorted({key[place] for key in groups}), pa.string()) for place in range(len(columns))]
    for batch in table.batches(ordered=True) if groups else ():
        keys = [fold_column(batch.column(column)) for column in columns]
        likely = pc.is_in(keys[0], wanted[0])
        for key, known in zip(keys[1:], wanted[1:], strict=True):
            likely = pc.and_(likely, pc.is_in(key, known))
        places = pc.indices_nonzero(likely)
        for place, key in zip(
            places.to_pylist(), zip(*(k.take(places).to_pylist() for k in keys), strict=True), strict=True
        ):
            group = groups.get(key)
            if group is not None and len(group.rows) < MOST_ROWS:
                group.rows += batch.slice(place, 1).to_pylist()


def _order(table: LegacyTable, columns: Sequence[str]) -> str:
    """Sort numbers as numbers, though all keys are text here."""
    parts = []
    for number, column in enumerate(columns):
        if _is_number(table.columns[column]):
            parts.append(f"TRY_CAST(key{number} AS DOUBLE) NULLS LAST")
        parts.append(f"key{number}")
    return ", ".join(parts)


def _is_number(declared: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(declared) or pa.types.is_floating(declared) or pa.types.is_decimal(declared)
    )


def _value(value: Any) -> Any:
    return folded(value) if isinstance(value, str) else value
