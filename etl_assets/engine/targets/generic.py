"""Any other database as a target: keys are looked up through the ORM, and rows are compared in Python."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
from django.core.management.color import no_style
from django.db.models import CheckConstraint, F, Field, GeneratedField, JSONField, Max, QuerySet, Value
from django.db.models.expressions import OrderBy

from ..batch import Positions
from ..collation import Fold, fold_of, folded
from ..kinds import column_of, kind, stored_field
from .base import ROW, Clash, Matches, Packed, Target, UniqueSet
from .compiled import Compiled, compile_condition, compile_expression
from .conditions import TUPLES_AT_ONCE, Part, any_of, chunks

SPEAKS_WHEN_ASKED = ("oracle", "postgresql")
"""Vendors whose deferred constraints can be made immediate."""

Row = dict[str, Any]


class GenericTarget(Target):
    """Needs nothing of the database but what Django needs too.

    Rows are written by the driver's `executemany`, with values as Django prepares them. `bulk_create` would
    put the time of the run over a mapped `auto_now` field. Updates go one by one in reading order, so that
    a unique value which a row gives up is free for the rows after it.
    """

    def open(self) -> None:
        self._rows: dict[int, Row] = {}
        self._pks: dict[int, Any] = {}
        self._folds: dict[Field[Any, Any], Fold | None] = {}
        if self.pk_is_drawn and not self.dry_run:
            self.advance_sequence()  # one left behind by hand-made keys would refuse every new row

    def close(self) -> None:
        self._rows.clear()
        self._pks.clear()

    def stage(self, packed: Packed) -> None:
        rows: pa.Table = packed
        if self.connection.vendor in SPEAKS_WHEN_ASKED:
            with self.connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        names = [field.attname for field in self.staged_fields]
        columns = [_loaded(field, rows.column(column_of(field))) for field in self.staged_fields]
        staged = zip(*columns, strict=True)
        numbers = rows.column(ROW).to_pylist()
        self._rows = {
            row: dict(zip(names, values, strict=True)) for row, values in zip(numbers, staged, strict=True)
        }
        self._pks = {}

    # Look up

    def match(self) -> Matches:
        parts = self._parts(self.keys)
        numbers = list(self._rows)
        keys = [tuple(self._rows[row][part.name] for part in parts) for row in numbers]
        identities = self._identities(parts, keys)
        there = self._there(parts, dict(zip(identities, keys, strict=True)))
        matches: list[tuple[int, Any]] = []
        ambiguous = []
        for row, identity in zip(numbers, identities, strict=True):
            same = there.get(identity, ())
            for found in same:
                if self._differs(self._rows[row], found):
                    matches.append((row, found["pk"]))
                self._pks[row] = found["pk"]
                self._rows[row] |= {field.attname: found[field.attname] for field in self._kept}
            if not same:
                matches.append((row, None))
            if len(same) > 1:
                ambiguous.append(row)
        self._foresee()
        return Matches.of(matches, ambiguous)

    @cached_property
    def _kept(self) -> list[Field[Any, Any]]:
        """Fields that an update leaves as they are, and that constraints look at."""
        left = [field for field in self.unmapped if field is not self.pk and field not in self.touched]
        left += [field for field in self.filled_by_database if not field.generated]
        return [field for field in left if not self._looked_at.isdisjoint({field.name, field.attname})]

    @cached_property
    def _looked_at(self) -> set[str]:
        """Names of the fields that constraints look at, directly or through a generated one."""
        conditions: list[Any] = [one.condition for one in self.checks]
        names = {name for condition in conditions for name in condition.referenced_base_fields}
        names |= {name for one in self.unique_sets for name in one.looks_at}
        for field in self.meta.concrete_fields:
            if isinstance(field, GeneratedField) and field.name in names:
                parts: list[Any] = list(field.expression.flatten())  # type: ignore[attr-defined]
                names |= {part.name for part in parts if isinstance(part, F)}  # type: ignore[attr-defined]
        return names

    def _foresee(self) -> None:
        """Compute what the database will fill in by itself, where a constraint looks at it."""
        for field in self.filled_by_database:
            if field.name not in self._looked_at:
                continue
            filled: Any = field
            expression = filled.expression if field.generated else filled._db_default_expression
            compiled = compile_expression(self.plan.model, self.connection, expression)
            rows = list(self._rows if field.generated else self._rows.keys() - self._pks)
            for row, (value,) in self._evaluate([compiled], None, rows):
                self._rows[row][field.attname] = value

    def _there(
        self, parts: Sequence[Part], wanted: dict[tuple[Any, ...], tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Row]]:
        """Return the target's rows by key."""
        names = ["pk", *dict.fromkeys(field.attname for field in (*self.keys, *self.compared, *self._kept))]
        there: dict[tuple[Any, ...], list[Row]] = {}
        for condition in any_of(parts, list(wanted.values())):
            found = [
                dict(zip(names, row, strict=True)) for row in self._all.filter(condition).values_list(*names)
            ]
            keys = [tuple(row[part.name] for part in parts) for row in found]
            for identity, row in zip(self._identities(parts, keys), found, strict=True):
                there.setdefault(identity, []).append(row)
        return there

    @property
    def _all(self) -> QuerySet[Any]:
        return self.plan.model._base_manager.using(self.connection.alias).order_by()

    def _differs(self, staged: Row, found: Row) -> bool:
        return any(
            self._comparable(field, staged[field.attname]) != self._comparable(field, found[field.attname])
            for field in self.compared
        )

    # Compare

    def _comparable(self, field: Field[Any, Any], value: Any) -> Any:
        """Turn a value, staged or found, into what can be compared and hashed."""
        if value is None or isinstance(value, Value):  # JSON's null is read back as none at all
            return None
        stored = stored_field(field)
        if isinstance(stored, JSONField):
            return json.dumps(value, sort_keys=True, cls=stored.encoder)
        plain = stored.get_prep_value(value)
        if isinstance(plain, memoryview):
            return bytes(plain)
        if isinstance(plain, float) and plain != plain:
            return "NaN"
        if plain == "" and self.connection.features.interprets_empty_strings_as_nulls:
            return None
        return plain

    def _identities(self, parts: Sequence[Part], rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Turn tuples of values into such as are equal where the database takes the values for equal."""
        columns = []
        for number, part in enumerate(parts):
            values = [self._comparable(part.field, row[number]) for row in rows]
            columns.append(folded(part.fold, values))
        return list(zip(*columns, strict=True))

    def _parts(self, fields: Iterable[Field[Any, Any]]) -> list[Part]:
        return [Part(field.attname, field, self.fold(field)) for field in fields]

    def fold(self, field: Field[Any, Any]) -> Fold | None:
        if field not in self._folds:
            self._folds[field] = fold_of(self.connection, field)
        return self._folds[field]

    # Constraints

    def failing(self, constraint: CheckConstraint) -> list[int]:
        condition = compile_condition(self.plan.model, self.connection, constraint.condition)
        refused = Compiled(
            f"NOT ({condition.sql})", condition.parameters, condition.fields, condition.resolved
        )
        return [row for row, _ in self._evaluate([], refused, list(self._rows))]

    def clashes(self, unique: UniqueSet, rows: Positions) -> list[Clash]:
        constraint = unique.constraint
        expressions = _expressions(unique)
        condition = None
        if constraint is not None and constraint.condition is not None:
            condition = compile_condition(self.plan.model, self.connection, constraint.condition)
        compiled = [compile_expression(self.plan.model, self.connection, one) for one in expressions]
        found: QuerySet[Any] = self._all
        if expressions:
            parts = [self._part_of(number, one) for number, one in enumerate(compiled)]
            found = found.annotate(**{part.name: one for part, one in zip(parts, expressions, strict=True)})
        else:
            parts = self._parts(self.meta.get_field(name) for name in unique.fields)  # type: ignore[misc]
        if constraint is not None and constraint.condition is not None:
            found = found.filter(constraint.condition)
        mine = self._unique_values(parts, compiled, condition, rows.tolist())
        if constraint is None or constraint.nulls_distinct is not False:
            mine = {row: values for row, values in mine.items() if None not in values}
        return self._shared(parts, mine, found)

    def _unique_values(
        self,
        parts: Sequence[Part],
        compiled: Sequence[Compiled],
        condition: Compiled | None,
        rows: Sequence[int],
    ) -> dict[int, tuple[Any, ...]]:
        """Return the values of those of the rows that the constraint is about."""
        if compiled or condition is not None:
            evaluated = dict(self._evaluate(compiled, condition, rows))
            if compiled:
                return evaluated
            rows = [row for row in rows if row in evaluated]
        return {row: tuple(self._rows[row][part.name] for part in parts) for row in rows}

    def _shared(
        self, parts: Sequence[Part], mine: dict[int, tuple[Any, ...]], found: QuerySet[Any]
    ) -> list[Clash]:
        identities = dict(zip(mine, self._identities(parts, list(mine.values())), strict=True))
        rows_with: dict[tuple[Any, ...], list[int]] = {}
        for row, identity in identities.items():
            rows_with.setdefault(identity, []).append(row)
        keys = self._keys_of(mine)
        clashes = [
            Clash(row, mine[row], None, identity)
            for identity, rows in rows_with.items()
            if len(rows) > 1
            for row in rows
        ]
        wanted = [mine[rows[0]] for rows in rows_with.values()]
        for owner, key, identity in self._owners(parts, wanted, found):
            clashes += [
                Clash(row, mine[row], owner, identity)
                for row in rows_with.get(identity, ())
                if keys[row] != key
            ]
        return clashes

    def _owners(
        self, parts: Sequence[Part], wanted: Sequence[tuple[Any, ...]], found: QuerySet[Any]
    ) -> Iterator[tuple[Any, tuple[Any, ...], tuple[Any, ...]]]:
        """Give the target rows that have wanted values: primary key, key, values."""
        keys = self._parts(self.keys)
        names = ["pk", *(part.name for part in keys), *(part.name for part in parts)]
        for condition in any_of(parts, wanted):
            rows = list(found.filter(condition).values_list(*names))
            key_of = self._identities(keys, [row[1 : 1 + len(keys)] for row in rows])
            value_of = self._identities(parts, [row[1 + len(keys) :] for row in rows])
            yield from zip((row[0] for row in rows), key_of, value_of, strict=True)

    def _keys_of(self, rows: Iterable[int]) -> dict[int, tuple[Any, ...]]:
        parts = self._parts(self.keys)
        numbers = list(rows)
        keys = [[self._rows[row][part.name] for part in parts] for row in numbers]
        return dict(zip(numbers, self._identities(parts, keys), strict=True))

    def _part_of(self, number: int, expression: Compiled) -> Part:
        """Describe the value of an expression; it compares as the text that it is made of."""
        folds = (self.fold(field) for field in expression.fields)
        output = expression.resolved.output_field
        is_text = kind(output) in ("CharField", "TextField")
        return Part(f"etl_value_{number}", output, next(filter(None, folds), None) if is_text else None)

    def _evaluate(
        self, expressions: Sequence[Compiled], condition: Compiled | None, rows: Sequence[int]
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Let the database compute expressions over staged rows, those that meet a condition only.

        The rows are sent as literals, below an empty selection from the table itself: columns get their
        names, types and collations from there.
        """
        both = [*expressions, *([condition] if condition else [])]
        fields = list(dict.fromkeys(field for one in both for field in one.fields))
        columns = ", ".join([f"0 AS {ROW}", *(self._column(field) for field in fields)])
        empty = f"SELECT {columns} FROM {self._table} WHERE 1 = 0"
        marks = ", ".join(["%s", *(self._mark(field) for field in fields)])
        literal = f"SELECT {marks}{self.connection.features.bare_select_suffix}"
        chosen = ", ".join([ROW, *(one.sql for one in expressions)])
        where = f" WHERE {condition.sql}" if condition else ""
        for some in chunks(rows, TUPLES_AT_ONCE):
            relation = " UNION ALL ".join([empty, *[literal] * len(some)])
            parameters = [one for expression in expressions for one in expression.parameters]
            for row in some:
                parameters += [
                    row,
                    *(self._stored(field, self._rows[row][field.attname]) for field in fields),
                ]
            parameters += condition.parameters if condition else ()
            with self.connection.cursor() as cursor:
                cursor.execute(f"SELECT {chosen} FROM ({relation}) etl_rows{where}", parameters)
                found = cursor.fetchall()
            for row, *values in found:
                pairs = zip(expressions, values, strict=True)
                yield row, tuple(self._converted(one.resolved, value) for one, value in pairs)

    def _converted(self, expression: Any, value: Any) -> Any:
        """Turn what the driver gives into what the ORM would give."""
        converters = self.connection.ops.get_db_converters(expression)
        for convert in [*converters, *expression.get_db_converters(self.connection)]:
            value = convert(value, expression, self.connection)
        return value

    # Write

    def insert(self, chosen: Positions) -> int:
        if not len(chosen):
            return 0
        rows = chosen.tolist()
        fields = list(self.staged_fields)
        if self.pk_is_drawn and self.dry_run:
            fields.insert(0, self.pk)
            for row, pk in zip(rows, self.keys_to_try(len(rows)), strict=True):
                self._rows[row][self.pk.attname] = pk
        columns = ", ".join(map(self._column, fields))
        marks = ", ".join(["%s"] * len(fields))
        values = [self._parameters(fields, row) for row in rows]
        return self.write(f"INSERT INTO {self._table} ({columns}) VALUES ({marks})", values)

    def update(self, chosen: Positions) -> int:
        if not len(chosen):
            return 0
        rows = chosen.tolist()
        fields = [*self.compared, *self.touched]
        assigned = ", ".join(f"{self._column(field)} = %s" for field in fields)
        values = [[*self._parameters(fields, row), self._stored(self.pk, self._pks[row])] for row in rows]
        return self.write(f"UPDATE {self._table} SET {assigned} WHERE {self._column(self.pk)} = %s", values)

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run a statement once for each row, and return how many rows that wrote."""
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, rows)
            return int(cursor.rowcount)

    def keys_to_try(self, count: int) -> Iterable[int]:
        """Return primary keys for a dry run, since what is drawn from a sequence is not given back."""
        largest = self._all.aggregate(largest=Max("pk"))["largest"] or 0
        return range(largest + 1, largest + 1 + count)

    def advance_sequence(self) -> None:
        with self.connection.cursor() as cursor:
            for statement in self.connection.ops.sequence_reset_sql(no_style(), [self.plan.model]):
                cursor.execute(statement)

    def verify(self) -> None:
        if self.connection.features.can_defer_constraint_checks:
            self.connection.check_constraints(table_names=[self.meta.db_table])

    def _parameters(self, fields: Sequence[Field[Any, Any]], row: int) -> list[Any]:
        return [self._stored(field, self._rows[row][field.attname]) for field in fields]

    def _stored(self, field: Field[Any, Any], value: Any) -> Any:
        if kind(field).endswith("AutoField"):
            return value  # Django would refuse a legacy key that is 0
        typed: Any = field.output_field if isinstance(field, GeneratedField) else field
        return typed.get_db_prep_save(value, self.connection)

    def _mark(self, field: Field[Any, Any]) -> str:
        """Return a placeholder for a column's value, as its type where its text would compare otherwise."""
        return (
            f"CAST(%s AS {stored_field(field).cast_db_type(self.connection)})"
            if self.is_cast(field)
            else "%s"
        )

    def is_cast(self, field: Field[Any, Any]) -> bool:
        return kind(field) == "DecimalField"

    @property
    def _table(self) -> str:
        return self._quote(self.meta.db_table)

    def _column(self, field: Field[Any, Any]) -> str:
        return self._quote(column_of(field))

    def _quote(self, name: str) -> str:
        return self.connection.ops.quote_name(name).replace("%", "%%")


def _expressions(unique: UniqueSet) -> list[Any]:
    """Return what an index is made of where it is not of columns."""
    given = unique.constraint.expressions if unique.constraint is not None else ()
    return [one.expression if isinstance(one, OrderBy) else one for one in given]


def _loaded(field: Field[Any, Any], column: pa.ChunkedArray) -> list[Any]:
    """Return staged values as the ORM has them."""
    values = column.to_pylist()
    if kind(field) == "UUIDField":
        return [None if value is None else uuid.UUID(value) for value in values]
    if kind(field) == "JSONField":
        return [None if value is None else _json(value) for value in values]
    return values


def _json(text: str) -> Any:
    value = json.loads(text)
    return Value(None, JSONField()) if value is None else value  # None itself would be SQL's null
