"""PostgreSQL as a target."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
from pyarrow import csv

from ..kinds import column_of
from .base import ROW
from .sql import Sql, SqlTarget


class PostgresTarget(SqlTarget):
    """Stages by COPY, on Django's own connection and so in its transaction."""

    stage_table = "pg_temp.etl_stage"
    differs = "IS DISTINCT FROM"
    equals = "IS NOT DISTINCT FROM"
    zero = "0::integer"

    def open(self) -> None:
        super().open()
        self._staged = 0
        self._settle()
        if self.pk_is_drawn and not self.dry_run:
            self.advance_sequence()  # one left behind by hand-made keys would refuse every new row

    def _settle(self) -> None:
        """Set what the transaction needs; outside one, `stage` sets it anew for each batch."""
        # Each statement then speaks for its own rows, and no queue of deferred checks grows.
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # The planner does not know that a batch is small and the index of its key is warm.
        self.execute("SET LOCAL random_page_cost = 1.1")

    def stage(self, rows: pa.Table) -> None:
        self._settle()
        self._keep_statistics()
        self.execute(f"TRUNCATE {self.stage_table}")
        self.load(rows, self.stage_table)

    def append(self, rows: pa.Table) -> int:
        self._settle()
        self._keep_statistics()
        return super().append(rows)

    def _keep_statistics(self) -> None:
        """Tell the planner how large the target has grown, at each doubling.

        Nobody else sees uncommitted rows: a table that autovacuum visits during the load, or after one that
        was rolled back, counts as empty, and each batch would walk through all of it.
        """
        if self._staged and self._staged & (self._staged - 1) == 0:
            looked_up = {self.pk.name, *(field.name for field in self.keys)}
            looked_up |= {name for unique in self.unique_sets for name in unique.fields}
            fields = [field for field in self.meta.concrete_fields if field.name in looked_up]
            self.execute(f"ANALYZE {self.table} ({', '.join(map(self.column, fields))})")
        self._staged += 1

    def load(self, rows: pa.Table, table: str) -> int:
        columns = [_writable(rows.column(name)) for name in rows.column_names]
        buffer = io.BytesIO()
        csv.write_csv(
            pa.table(columns, names=rows.column_names), buffer, csv.WriteOptions(include_header=False)
        )
        names = ", ".join(map(self.quote, rows.column_names))
        statement = f"COPY {table} ({names}) FROM STDIN (FORMAT csv)".replace("%%", "%")
        with self.connection.wrap_database_errors, self.connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                copy.write(buffer.getbuffer())
            return int(cursor.rowcount)

    def among(self, rows: Sequence[int]) -> Sql:
        # Of the column's own type: only then does PostgreSQL hash the array instead of walking it per row.
        return f"{ROW} = ANY(%s::integer[])", [list(map(int, rows))]

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
    return column
