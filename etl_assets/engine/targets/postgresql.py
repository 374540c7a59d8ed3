"""PostgreSQL as a target."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ..batch import Positions
from ..kinds import column_of
from .base import ROW, Packed
from .sql import Sql, SqlTarget

SMALL = 1_000
"""Rows that a table may grow by before the planner needs to know."""


class PostgresTarget(SqlTarget):
    """Stages by COPY, on Django's own connection and so in its transaction."""

    stage_table = "pg_temp.etl_stage"
    differs = "IS DISTINCT FROM"
    equals = "IS NOT DISTINCT FROM"
    zero = "0::integer"

    def open(self) -> None:
        super().open()
        self._grown = 0
        self._known = self._known_rows()
        if self._known == 0 and not self.is_empty():
            self._known = -1
        self._settle()
        if self.pk_is_drawn and not self.dry_run:
            self.advance_sequence()  # one left behind by hand-made keys would refuse every new row

    def _settle(self) -> None:
        """Set what the transaction needs; outside one, `stage` sets it anew for each batch."""
        # Each statement then speaks for its own rows, and no queue of deferred checks grows.
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # The planner does not know that a batch is small and the index of its key is warm.
        self.execute("SET LOCAL random_page_cost = 1.1")

    def clear(self) -> None:
        # Quick where the table was made in this very transaction, which its savepoints are not.
        self.execute(f"TRUNCATE {self.stage_table}")

    def stage(self, packed: Packed) -> None:
        self._settle()
        self._keep_statistics()
        super().stage(packed)

    def append(self, packed: Packed) -> int:
        self._settle()
        created = super().append(packed)
        self._grown += created
        return created

    def insert(self, chosen: Positions) -> int:
        created = super().insert(chosen)
        self._grown += created
        return created

    def _keep_statistics(self) -> None:
        """Tell the planner how large the target is, each time that it has become four times as large.

        Nobody else sees uncommitted rows: a table that autovacuum visits during the load, or after one that
        was rolled back, counts as empty, and each batch would walk through all of it.
        """
        if self._known >= 0 and self._grown < 4 * self._known + SMALL:
            return
        looked_up = {self.pk.name, *(field.name for field in self.keys)}
        looked_up |= {name for unique in self.unique_sets for name in unique.fields}
        fields = [field for field in self.meta.concrete_fields if field.name in looked_up]
        self.execute(f"ANALYZE {self.table} ({', '.join(map(self.column, fields))})")
        self._known, self._grown = self._known_rows(), 0

    def _known_rows(self) -> int:
        """Return how many rows the planner believes to be there; -1 where it has never been told."""
        table = self.table.replace("%%", "%")
        ((rows,),) = self.fetch("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        return int(rows)

    def pack(self, rows: pa.Table) -> Packed:
        """Write rows as CSV, beside the names of their columns."""
        columns = [_writable(rows.column(name)) for name in rows.column_names]
        buffer = io.BytesIO()
        csv.write_csv(
            pa.table(columns, names=rows.column_names), buffer, csv.WriteOptions(include_header=False)
        )
        return rows.column_names, buffer.getbuffer()

    def load(self, packed: Packed, table: str) -> int:
        names, data = packed
        columns = ", ".join(map(self.quote, names))
        statement = f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)".replace("%%", "%")
        with self.connection.wrap_database_errors, self.connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                copy.write(data)
            return int(cursor.rowcount)

    def among(self, rows: Positions) -> Sql:
        # Of the column's own type: only then does PostgreSQL hash the array instead of walking it per row.
        # As text, which takes the driver a tenth of the time that a list does.
        return f"{ROW} = ANY(%s::integer[])", [f"{{{','.join(map(str, rows.tolist()))}}}"]

    def verify(self) -> None:
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def advance_sequence(self) -> None:
        table, column = self.table.replace("%%", "%"), column_of(self.pk)
        ((sequence,),) = self.fetch("SELECT pg_get_serial_sequence(%s, %s)", [table, column])
        if sequence is None:
            return
        key = self.column(self.pk)
        self.execute(
            f"SELECT setval(%s, m.largest) FROM {sequence} q, "
            f"(SELECT MAX({key}) AS largest FROM {self.table}) m "
            "WHERE m.largest > CASE WHEN q.is_called THEN q.last_value ELSE q.last_value - 1 END",
            [sequence],
        )


def _writable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn what Arrow does not write as CSV into text that PostgreSQL reads."""
    if pa.types.is_binary(column.type):
        return pa.chunked_array(
            [[None if value is None else f"\\x{value.hex()}" for value in column.to_pylist()]], pa.string()
        )
    if pa.types.is_duration(column.type):
        micros = column.cast(pa.int64()).to_pylist()
        return pa.chunked_array(
            [[None if value is None else f"{value} microseconds" for value in micros]], pa.string()
        )
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        # Arrow looks the time zone up for each value, be it UTC.
        utc = column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).cast(pa.string())
        return pc.binary_join_element_wise(utc, "+00", "")
    return column
