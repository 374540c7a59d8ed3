"""PostgreSQL as a target."""

from __future__ import annotations

import io
from functools import cached_property
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import OperationalError
from pyarrow import csv

from ...exceptions import ConfigurationError, TargetBusy
from ..batch import Positions
from ..kinds import column_of, is_text
from .base import ROW, Packed, Part
from .sql import Sql, SqlTarget

SMALL = 1_000
"""Rows that a table may grow by before it matters."""

LOCK_TIMEOUT, LOCK_NOT_AVAILABLE = "5s", "55P03"

PLAIN_INDEXES = """
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE i.indrelid = %s::regclass AND t.relkind = 'r' AND NOT t.relispartition
    AND i.indisvalid AND NOT (i.indisunique OR i.indisclustered OR i.indisreplident)
    AND c.reltablespace = 0 AND obj_description(c.oid, 'pg_class') IS NULL
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = c.oid)
    AND NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND COALESCE(attstattarget, -1) >= 0)
    ORDER BY i.indexrelid
"""
LOOKED_UP_KEYS = """
    SELECT quote_ident(k.conname), pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    WHERE k.conrelid = %s::regclass AND t.relkind = 'r' AND k.contype = 'f' AND k.convalidated
    AND cardinality(k.conkey) = 1 AND k.conparentid = 0 AND a.attname = ANY(%s)
    AND obj_description(k.oid, 'pg_constraint') IS NULL
    AND has_table_privilege(k.confrelid, 'REFERENCES')
    ORDER BY k.oid
"""


class PostgresTarget(SqlTarget):
    """Stages by COPY, on Django's own connection and so in its transaction."""

    stage_table = "pg_temp.etl_stage"
    differs = "IS DISTINCT FROM"
    equals = "IS NOT DISTINCT FROM"
    zero = "0::integer"
    given_keys = "OVERRIDING SYSTEM VALUE"

    def open(self) -> None:
        self._require_exact_keys()
        super().open()
        self._grown = self._staged_before = 0
        self._is_one_transaction = self.connection.in_atomic_block
        self._known = self._known_rows()
        if self._known == 0 and not self.is_empty():
            self._known = -1
        self._settle()
        if self.pk_is_drawn and not self.dry_run:
            self.advance_sequence()  # one left behind by hand-made keys would refuse every new row

    def _require_exact_keys(self) -> None:
        """Refuse a key whose collation takes different texts for one: rows would be updated by another's."""
        names = [column_of(field) for field in self.keys if is_text(field)]
        if not names:
            return
        loose = self.fetch(
            "SELECT a.attname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation "
            "WHERE a.attrelid = %s::regclass AND a.attname = ANY(%s) AND NOT c.collisdeterministic",
            [self._plain_table, names],
        )
        for (name,) in loose:
            raise ConfigurationError(
                f"Column {name} of {self.meta.db_table} has a nondeterministic collation, which takes "
                "different texts for one and is not supported yet for a key: choose another key, or change "
                "the collation.",
                transformer=self.plan.transformer,
            )

    def _settle_batch(self) -> None:
        """Set what the transaction needs, where each batch has its own."""
        if not self._is_one_transaction:
            self._settle()

    def _settle(self) -> None:
        """Set what the transaction needs."""
        # Each statement then speaks for its own rows, and no queue of deferred checks grows.
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # The planner does not know that a batch is small and the index of its key is warm.
        self.execute("SET LOCAL random_page_cost = 1.1")

    def clear(self) -> None:
        """Empty the staging table; it takes milliseconds to truncate one, so a few rows are deleted."""
        if self._staged_before < SMALL:
            super().clear()
            return
        self.execute(f"TRUNCATE {self.stage_table}")
        self._staged_before = 0

    def stage(self, packed: Packed) -> None:
        self._settle_batch()
        self._keep_statistics()
        super().stage(packed)
        self._staged_before += self._staged

    def reserve(self, rows: int) -> None:
        if self.dry_run or not (self.pk_is_drawn and self._scattered and self._draws_plainly):
            return
        last = "CASE WHEN s.seqincrement > 0 THEN s.seqmax ELSE s.seqmin END"
        left = f"TRUNC(({last}::numeric - q.last_value) / s.seqincrement)"  # may be more than a bigint
        ((numbers,),) = self.fetch(
            "SELECT string_agg(n::text, ',') FROM (SELECT nextval(%s::regclass) AS n FROM generate_series(1, "
            f"(SELECT LEAST(%s, {left})::bigint FROM pg_sequence s, {self._quoted_sequence} q "
            "WHERE s.seqrelid = %s::regclass))) drawn",
            [self._sequence, rows, self._sequence],
        )
        self._numbers.add(np.fromstring(numbers or "", np.int64, sep=","))

    @cached_property
    def can_append(self) -> bool:  # type: ignore[override]
        """COPY fills tables only, and knows neither rules nor row security."""
        ((can,),) = self.fetch(
            "SELECT relkind IN ('r', 'p') AND NOT relhasrules AND NOT row_security_active(oid) "
            "FROM pg_class WHERE oid = %s::regclass",
            [self._plain_table],
        )
        return bool(can)

    def append(self, packed: Packed) -> int:
        self._settle_batch()
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
        statement = "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass"
        ((rows,),) = self.fetch(statement, [self._plain_table])
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

    can_rebuild = True

    def set_aside(self) -> list[Part]:
        self._require_ownership()
        parts = [*self._plain_indexes(), *self._looked_up_keys()]
        ((before,),) = self.fetch("SELECT current_setting('lock_timeout')")
        self.execute("SET LOCAL lock_timeout = %s", [LOCK_TIMEOUT])
        try:
            for part in parts:
                self.execute_as_written(part.drop)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != LOCK_NOT_AVAILABLE:
                raise
            raise TargetBusy(
                f"rebuild_indexes needs {self.meta.db_table} and the tables that it refers to alone, and "
                "somebody uses one of them: run again when nobody does, or take rebuild_indexes out of Meta."
            ) from error
        self.execute("SELECT set_config('lock_timeout', %s, true)", [before])
        return parts

    def _require_ownership(self) -> None:
        ((owned, owner),) = self.fetch(
            "SELECT pg_has_role(relowner, 'USAGE'), pg_get_userbyid(relowner) FROM pg_class "
            "WHERE oid = %s::regclass",
            [self._plain_table],
        )
        if not owned:
            raise ConfigurationError(
                f"rebuild_indexes is for the owner of {self.meta.db_table}, who is {owner!r}: connect as "
                "that user, or take rebuild_indexes out of Meta.",
                transformer=self.plan.transformer,
            )

    def _plain_indexes(self) -> list[Part]:
        """Indexes that refuse nothing, and that their definition describes in full."""
        found = self.fetch(PLAIN_INDEXES, [self._plain_table])
        return [Part(name, f"DROP INDEX {name}", definition) for name, definition in found]

    def _looked_up_keys(self) -> list[Part]:
        """Foreign keys of columns whose values this run takes from the parent itself."""
        columns = [column_of(plan.field) for plan in self.plan.fields.values() if plan.lookup is not None]
        found = self.fetch(LOOKED_UP_KEYS, [self._plain_table, columns])
        table = self._plain_table
        return [
            Part(
                name,
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
                f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}",
            )
            for name, definition in found
        ]

    @property
    def _plain_table(self) -> str:
        """The table's name, quoted, as it stands in a statement without parameters or in one of them."""
        return self.table.replace("%%", "%")

    def among(self, rows: Positions) -> Sql:
        # Of the column's own type: only then does PostgreSQL hash the array instead of walking it per row.
        # As text, which takes the driver a tenth of the time that a list does.
        return f"{ROW} = ANY(%s::integer[])", [f"{{{','.join(map(str, rows.tolist()))}}}"]

    def verify(self) -> None:
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @cached_property
    def _sequence(self) -> str | None:
        """The sequence that primary keys come from, quoted; None where there is none."""
        whose = [self._plain_table, column_of(self.pk)]
        ((sequence,),) = self.fetch("SELECT pg_get_serial_sequence(%s, %s)", whose)
        return cast("str | None", sequence)

    @cached_property
    def _draws_plainly(self) -> bool:
        """Tell whether a new row's key is what the sequence gives, and nothing reckoned from it."""
        if self._sequence is None:
            return False
        ((plain,),) = self.fetch(
            "SELECT a.attidentity <> '' OR "
            "pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\\(''[^'']*''::regclass\\)$' "
            "FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
            "WHERE a.attrelid = %s::regclass AND a.attname = %s",
            [self._plain_table, column_of(self.pk)],
        )
        return bool(plain)

    @property
    def _quoted_sequence(self) -> str:
        return (self._sequence or "").replace("%", "%%")

    def advance_sequence(self) -> None:
        if self._sequence is None:
            return
        key = self.column(self.pk)
        self.execute(
            f"SELECT setval(%s, m.largest) FROM {self._quoted_sequence} q, "
            f"(SELECT MAX({key}) AS largest FROM {self.table}) m "
            "WHERE m.largest > q.last_value OR m.largest = q.last_value AND NOT q.is_called",
            [self._sequence],
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
