"""A column's values in a temporary file, batch after batch, to be read again without the other columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from ..engine.verbs import as_text
from ..engine.verbs.plain import plain

LOST_IN_FLOAT = 2**53
DUCKDB_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.time64("us"): "TIME",
    pa.binary(): "BLOB",
}


@dataclass
class CopiedColumn:
    """One column of a table.

    The batches of a dirty SQLite column may be of several types. Each is written as it comes; what they are
    together is known at the end, and they are read as that.
    """

    place: Path
    """Where its files are written; their names go on with a number."""
    declared: pa.DataType
    batches: list[tuple[pa.DataType | None, int]] = field(default_factory=list)
    """Type and rows of each; a batch of nulls has no type, and is not written."""
    kinds: list[pa.DataType] = field(default_factory=list)
    """Type of each file: a new one is begun where the type changes."""

    def add(self, values: pa.Array) -> None:
        """Write one more batch."""
        values = storable(values)
        if values.null_count == len(values):
            self.batches.append((None, len(values)))
            return
        batch = pa.RecordBatch.from_arrays([values], ["v"])
        self.batches.append((values.type, len(values)))
        is_new = not self.kinds or self.kinds[-1] != values.type
        if is_new:
            self.kinds.append(values.type)
        with self._file(len(self.kinds) - 1).open("ab") as file:
            if is_new:
                file.write(batch.schema.serialize())
            file.write(batch.serialize())

    @cached_property
    def type(self) -> pa.DataType:
        """What its values are together, once all are there; text where no other type fits all."""
        kinds = set(self.kinds)
        if not kinds:
            return storable(pa.nulls(0, self.declared)).type
        if kinds == {pa.int64(), pa.float64()}:
            return pa.float64() if self._is_exact_in_float() else pa.string()
        return kinds.pop() if len(kinds) == 1 else pa.string()

    def reader(self) -> pa.RecordBatchReader:
        """Read the column `v`; nulls may be left out."""
        if len(self.kinds) == 1:  # by Arrow alone, while Python does something else
            return pa.ipc.open_stream(pa.OSFile(str(self._file(0))))
        to = self.type
        schema = pa.schema([("v", to)])
        batches = (pa.RecordBatch.from_arrays([values], schema=schema) for values in self.arrays())
        return pa.RecordBatchReader.from_batches(schema, batches)

    def arrays(self) -> Iterator[pa.Array]:
        """Yield the values of each batch, nulls too."""
        to = self.type
        written = self._written()
        for kind, rows in self.batches:
            yield pa.nulls(rows, to) if kind is None else _as(next(written), to)

    def _written(self) -> Iterator[pa.Array]:
        for number in range(len(self.kinds)):
            with pa.OSFile(str(self._file(number))) as file:
                for batch in pa.ipc.open_stream(file):
                    yield batch.column(0)

    def _is_exact_in_float(self) -> bool:
        """Tell whether whole numbers and fractions can be one column of floats."""
        ends = (pc.min_max(values) for values in self._written() if types.is_integer(values.type))
        return all(max(-end["min"].as_py(), end["max"].as_py()) <= LOST_IN_FLOAT for end in ends)

    def _file(self, number: int) -> Path:
        return self.place.with_suffix(f".{number}")


def together(columns: Sequence[CopiedColumn]) -> pa.RecordBatchReader:
    """Read several columns, `v0`, `v1` and so on, row by row."""
    schema = pa.schema([(f"v{place}", column.type) for place, column in enumerate(columns)])
    rows = zip(*(column.arrays() for column in columns), strict=True)
    batches = (pa.RecordBatch.from_arrays(list(arrays), schema=schema) for arrays in rows)
    return pa.RecordBatchReader.from_batches(schema, batches)


def storable(values: pa.Array) -> pa.Array:
    """Return an array in a type that DuckDB has too; what it has no type for is text."""
    values = plain(values)
    kind = values.type
    if types.is_timestamp(kind):
        return values.cast(pa.timestamp("us"))
    if kind in DUCKDB_TYPES or duckdb_type(kind) != "VARCHAR":
        return values
    return as_text(values)


def duckdb_type(kind: pa.DataType) -> str:
    """Return DuckDB's name for the type of a storable array."""
    if types.is_decimal128(kind) and 0 <= kind.scale <= kind.precision:
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return DUCKDB_TYPES.get(kind, "VARCHAR")


def _as(values: pa.Array, to: pa.DataType) -> pa.Array:
    if values.type == to:
        return values
    return as_text(values) if types.is_string(to) else values.cast(to)
