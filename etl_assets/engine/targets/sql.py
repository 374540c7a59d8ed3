"""Targets that merge in SQL: a temporary staging table, joined with the model's own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pyarrow as pa
from django.db.models import CheckConstraint, Field
from django.db.models.expressions import OrderBy
from django.db.models.sql import Query

from ..batch import Positions
from ..kinds import column_of
from .base import ROW, Clash, Matches, Packed, Part, Target, UniqueSet
from .locality import leading_fields, together
from .numbers import Counted, Drawn, Numbers

Sql = tuple[str, list[Any]]


class SqlTarget(Target):
    """Composes the statements; a dialect says how it loads rows, compares nulls and passes arrays."""

    stage_table: ClassVar[str]
    differs: ClassVar[str]
    """Operator that is true of different values, null being one."""
    equals: ClassVar[str]
    """Operator that is true of equal values, null being one."""

    # What differs by dialect

    @abstractmethod
    def pack(self, rows: pa.Table) -> Packed: ...

    @abstractmethod
    def load(self, packed: Packed, table: str) -> int:
        """Put rows into a table whose columns have their names, and return how many."""

    @abstractmethod
    def among(self, rows: Positions) -> Sql:
        """Return the condition that `ROW` is one of these numbers."""

    # What does not

    def open(self) -> None:
        held = [*self.staged_fields, *self.filled_by_database]
        columns = ", ".join(map(self.column, held))
        self.execute(f"DROP TABLE IF EXISTS {self.stage_table}")
        self.execute(
            f"CREATE TEMPORARY TABLE {self.stage_table.rpartition('.')[2]} AS "
            f"SELECT {self.zero} AS {ROW}, {columns} FROM {self.table} WHERE 1 = 0"
        )

    zero: ClassVar[str] = "0"
    given_keys: ClassVar[str] = ""
    """Says in an INSERT that primary keys are to be taken as they are given."""

    def close(self) -> None:
        self.execute(f"DROP TABLE IF EXISTS {self.stage_table}")

    def clear(self) -> None:
        self.execute(f"DELETE FROM {self.stage_table}")

    def stage(self, packed: Packed) -> None:
        self._staged = self.load(packed, self.stage_table)

    @property
    def can_append(self) -> bool:  # type: ignore[override]
        return True

    @property
    def _numbers_rows(self) -> bool:
        """A sequence does not roll back: a dry run numbers new rows itself, past the largest key."""
        return self.pk_is_drawn and self.dry_run

    def pack_new(self, rows: pa.Table) -> Packed:
        new = rows.drop_columns([ROW])
        if self.pk_is_drawn:
            numbers = self._numbers.take(rows.num_rows)
            if numbers is None:
                return self.pack(new)  # the database numbers them as they come
            new = new.append_column(column_of(self.pk), pa.array(numbers))
        return self.pack(together(new, self._scattered))

    def append(self, packed: Packed) -> int:
        return self.load(packed, self.table)

    def put_back(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self.execute_as_written(part.create)

    @cached_property
    def _numbers(self) -> Numbers:
        return Counted() if self._numbers_rows else Drawn()

    @cached_property
    def _scattered(self) -> list[Field[Any, Any]]:
        """Fields by whose values new rows are sorted."""
        return leading_fields(self.meta, self.staged_fields)

    def match(self) -> Matches:
        different = " OR ".join(
            f"t.{self.column(one)} {self.differs} s.{self.column(one)}" for one in self.compared
        )
        joined = f"{self.table} t ON {self._same_key('s', 't')}"
        found = self.fetch(
            f"WITH j AS (SELECT s.{ROW} AS n, t.{self.column(self.pk)} AS pk, ({different or '1 = 0'}) "
            f"AS differs FROM {self.stage_table} s LEFT JOIN {joined}) "
            "SELECT n, pk FROM j WHERE pk IS NULL OR differs "
            "UNION ALL SELECT -COUNT(*) - 1, NULL FROM j ORDER BY 1"
        )
        (count, _), *found = found
        ambiguous = []
        if -count - 1 > self._staged:
            ambiguous = self.fetch(
                f"SELECT s.{ROW} FROM {self.stage_table} s JOIN {joined} GROUP BY s.{ROW} HAVING COUNT(*) > 1"
            )
        self._adopt()
        return Matches.of(found, [row for (row,) in ambiguous])

    def failing(self, constraint: CheckConstraint) -> list[int]:
        condition, parameters = self._condition(constraint.condition)
        found = self.fetch(f"SELECT {ROW} FROM {self.stage_table} WHERE NOT ({condition})", parameters)
        return [row for (row,) in found]

    def clashes(self, unique: UniqueSet, rows: Positions) -> list[Clash]:
        mine, mine_parameters = self._values_of(unique, self.stage_table, ROW)
        theirs, their_parameters = self._values_of(unique, self.table, self.column(self.pk))
        count = self._value_count(unique)
        chosen, chosen_parameters = self.among(rows)
        same = self._joined(" AND ", "m.v{n} {equals} t.v{n}", count, unique)
        shared = self._joined(" AND ", "m.v{n} {equals} d.v{n}", count, unique)
        other_key = self._joined(" AND ", "m.k{n} = t.k{n}", len(self.keys))
        values = ", ".join(f"m.v{n}" for n in range(count))
        names = ", ".join(f"v{n}" for n in range(count))
        found = self.fetch(
            f"WITH m AS (SELECT * FROM ({mine}) q WHERE {chosen.replace(ROW, 'id')}), t AS ({theirs}) "
            f"SELECT m.id, t.id, {values} FROM m JOIN t ON {same} AND NOT ({other_key}) "
            f"UNION ALL SELECT m.id, NULL, {values} FROM m JOIN "
            f"(SELECT {names} FROM m GROUP BY {names} HAVING COUNT(*) > 1) d ON {shared}",
            [*mine_parameters, *chosen_parameters, *their_parameters],
        )
        return [Clash(row, tuple(values), owner) for row, owner, *values in found]

    def insert(self, chosen: Positions) -> int:
        if not len(chosen):
            return 0
        condition, parameters = self.among(chosen)
        columns = [self.column(field) for field in self.staged_fields]
        values = list(columns)
        if self._numbers_rows:
            key = self.column(self.pk)
            columns.insert(0, key)
            values.insert(
                0,
                f"GREATEST((SELECT MAX({key}) FROM {self.table}), {self._first_of(len(chosen)) - 1}) "
                f"+ ROW_NUMBER() OVER (ORDER BY {ROW})",
            )
        return self.execute(
            f"INSERT INTO {self.table} ({', '.join(columns)}) {self.given_keys} SELECT {', '.join(values)} "
            f"FROM {self.stage_table} WHERE {condition} ORDER BY {ROW}",
            parameters,
        )

    def _first_of(self, count: int) -> int:
        """Take so many numbers and return the first."""
        numbers = self._numbers.take(count)
        assert numbers is not None, "a dry run has numbers without end"
        return int(numbers[0])

    def update(self, chosen: Positions) -> int:
        if not len(chosen):
            return 0
        written = [self.column(field) for field in (*self.compared, *self.touched)]
        assigned = ", ".join(f"{column} = s.{column}" for column in written)
        condition, parameters = self.among(chosen)
        return self.execute(
            f"UPDATE {self.table} SET {assigned} FROM {self.stage_table} s "
            f"WHERE {self._same_key('s', self.table)} AND {condition.replace(ROW, f's.{ROW}')}",
            parameters,
        )

    # SQL

    @property
    def table(self) -> str:
        return self.quote(self.meta.db_table)

    def column(self, field: Field[Any, Any]) -> str:
        return self.quote(column_of(field))

    def quote(self, name: str) -> str:
        return self.connection.ops.quote_name(name).replace("%", "%%")

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it wrote."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, list(parameters))
            return int(cursor.rowcount)

    def execute_as_written(self, sql: str) -> None:
        """Run a statement that the database has given: no parameters, and a `%` is one."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, list(parameters))
            return cursor.fetchall()

    def _same_key(self, staged: str, target: str) -> str:
        columns = [self.column(field) for field in self.keys]
        return " AND ".join(f"{target}.{column} = {staged}.{column}" for column in columns)

    def _adopt(self) -> None:
        """Give staged rows what their target rows have in columns that the transformer does not map.

        Constraints may look at these columns, and an update leaves them as they are.
        """
        looked_at = self._looked_at
        if looked_at.isdisjoint(field.name for field in (*self.unmapped, *self.filled_by_database)):
            return
        defaults = [field for field in self.filled_by_database if not field.generated]
        self._compute({field: field._db_default_expression for field in defaults})  # type: ignore[attr-defined]
        kept = [
            field
            for field in (*self.unmapped, *defaults)
            if field is not self.pk and field not in self.touched
        ]
        if kept:
            assigned = ", ".join(f"{self.column(one)} = t.{self.column(one)}" for one in kept)
            self.execute(
                f"UPDATE {self.stage_table} SET {assigned} FROM {self.table} t "
                f"WHERE {self._same_key(self.stage_table.rpartition('.')[2], 't')}"
            )
        self._compute({field: field.expression for field in self.filled_by_database if field.generated})  # type: ignore[attr-defined]

    @cached_property
    def _looked_at(self) -> set[str]:
        """Names of the fields that constraints look at."""
        names = {name for unique in self.unique_sets for name in unique.looks_at}
        return names.union(*(check.condition.referenced_base_fields for check in self.checks))  # type: ignore[union-attr]

    def _compute(self, expressions: Mapping[Field[Any, Any], Any]) -> None:
        """Give staged rows what the database would put into these columns."""
        if not expressions:
            return
        query = Query(self.plan.model, alias_cols=False)
        compiler = query.get_compiler(connection=self.connection)
        compiled = {
            field: compiler.compile(expression.resolve_expression(query))
            for field, expression in expressions.items()
        }
        assigned = ", ".join(f"{self.column(field)} = {sql}" for field, (sql, _) in compiled.items())
        parameters = [one for _, given in compiled.values() for one in given]
        self.execute(f"UPDATE {self.stage_table} SET {assigned}", parameters)

    def _values_of(self, unique: UniqueSet, table: str, identity: str) -> Sql:
        """Select each row's identity as `id`, its unique values as v0.. and its key as k0.."""
        expressions, parameters = self._expressions(unique)
        chosen = [f"{identity} AS id"]
        chosen += [f"{expression} AS v{n}" for n, expression in enumerate(expressions)]
        chosen += [f"{self.column(field)} AS k{n}" for n, field in enumerate(self.keys)]
        where = ""
        if unique.constraint is not None and unique.constraint.condition is not None:
            condition, given = self._condition(unique.constraint.condition)
            where = f" WHERE {condition}"
            parameters = [*parameters, *given]
        return f"SELECT {', '.join(chosen)} FROM {table}{where}", parameters

    def _expressions(self, unique: UniqueSet) -> tuple[list[str], list[Any]]:
        if unique.constraint is None or not unique.constraint.expressions:
            fields: list[Field[Any, Any]] = [self.meta.get_field(name) for name in unique.fields]  # type: ignore[misc]
            return [self.column(field) for field in fields], []
        query = Query(self.plan.model, alias_cols=False)
        compiler = query.get_compiler(connection=self.connection)
        compiled = []
        for expression in unique.constraint.expressions:
            inner = expression.expression if isinstance(expression, OrderBy) else expression
            compiled.append(compiler.compile(inner.resolve_expression(query)))  # type: ignore[union-attr]
        return [sql for sql, _ in compiled], [one for _, given in compiled for one in given]

    def _value_count(self, unique: UniqueSet) -> int:
        return len(self._expressions(unique)[0])

    def _condition(self, condition: Any) -> Sql:
        """Compile a Q as the database itself has it: columns without a table's name."""
        query = Query(self.plan.model, alias_cols=False)
        where = query.build_where(condition)
        sql, parameters = where.as_sql(query.get_compiler(connection=self.connection), self.connection)
        return sql, list(parameters)

    def _joined(self, glue: str, pattern: str, count: int, unique: UniqueSet | None = None) -> str:
        nulls_are_equal = (
            unique is not None
            and unique.constraint is not None
            and (unique.constraint.nulls_distinct is False)
        )
        equals = self.equals if nulls_are_equal else "="
        return glue.join(pattern.format(n=n, equals=equals) for n in range(count))
