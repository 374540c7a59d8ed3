"""Checks of the target table as a whole, each one statement that the database carries out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from django.db import connections
from django.db.models import Field, Model, UniqueConstraint

from ..kinds import column_of, is_text
from ..plan import Plan
from ..raw import as_json
from .declared import KEYS_UNIQUE, NO_ORPHANS, NULL_SHARE
from .reading import as_read
from .result import MASK, SAMPLES, CheckResult, Severity, counted, hidden_fields, percent

MOVED = 5.0
"""Percentage points by which a column's share of nulls has to move to be worth a warning."""
SUFFIX = "_null_percent"
ROWS = "target_rows"


class TargetTable:
    """The table that a transformer fills."""

    def __init__(self, plan: Plan, sensitive: Collection[str]) -> None:
        self.plan = plan
        self.using = plan.meta.using
        self._hidden = hidden_fields(plan, sensitive)

    # Keys

    def keys_unique(self, severity: Severity = "error") -> CheckResult:
        """No two rows have one key. Where the database itself sees to that, it is not asked again."""
        fields = [one.field for one in self.plan.keys]
        if is_enforced(self.plan.model, self.using, fields):
            figures = {"repeated_keys": 0, "rows_with_them": 0}
            found = "The database itself keeps the key unique"
            return CheckResult(KEYS_UNIQUE, True, found, severity, figures=figures)
        columns = ", ".join(self._columns(fields))
        given = " AND ".join(f"{column} IS NOT NULL" for column in self._columns(fields))
        repeated = f"FROM {self._table} WHERE {given} GROUP BY {columns} HAVING COUNT(*) > 1"
        ((keys, rows),) = self._fetch(
            f"SELECT COUNT(*), COALESCE(SUM(n), 0) FROM (SELECT COUNT(*) AS n {repeated}) repeated"
        )
        samples: list[Mapping[str, Any]] = []
        if keys:
            first = f"SELECT {columns}, COUNT(*) {repeated} ORDER BY {columns} {self._few}"
            samples = [{**self._shown(fields, row), "rows": row[-1]} for row in self._fetch(first)]
        if not keys:
            found = "No two rows have the same key"
        else:
            found = (
                f"{counted(keys, 'key')} of {self._name} {'is' if keys == 1 else 'are'} that of several rows"
            )
        return CheckResult(
            KEYS_UNIQUE,
            not keys,
            found,
            severity,
            figures={"repeated_keys": keys, "rows_with_them": int(rows)},
            samples=samples,
        )

    # Links

    def no_orphans(self) -> CheckResult:
        """Each foreign key that the transformer fills leads to a row that is there."""
        figures: dict[str, float | str] = {}
        samples: list[Mapping[str, Any]] = []
        for one in self.plan.fields.values():
            if one.lookup is not None:
                orphans = self._orphans(one.field)
                ((figures[one.name],),) = self._fetch(f"SELECT COUNT(*) {orphans}")
                if figures[one.name] and len(samples) < SAMPLES:
                    samples += self._orphan_samples(one.field, orphans)[: SAMPLES - len(samples)]
        there = {name: count for name, count in figures.items() if count}
        total = sum(map(int, there.values()))
        if not total:
            found = "Each link leads to a row that is there"
        else:
            refer = "refers" if total == 1 else "refer"
            links = ", ".join(f"{name}: {count}" for name, count in there.items())
            found = f"{counted(total, 'row')} of {self._name} {refer} to a row that is not there ({links})"
        return CheckResult(NO_ORPHANS, not total, found, figures=figures, samples=samples)

    def _orphans(self, field: Field[Any, Any]) -> str:
        link: Any = field
        parent, key = link.related_model._meta.db_table, column_of(link.target_field)
        (column,) = self._columns([field])
        there = f"SELECT 1 FROM {self._quote(parent)} parent WHERE parent.{self._quote(key)} = child.{column}"
        return f"FROM {self._table} child WHERE child.{column} IS NOT NULL AND NOT EXISTS ({there})"

    def _orphan_samples(self, field: Field[Any, Any], orphans: str) -> list[Mapping[str, Any]]:
        fields = [*(one.field for one in self.plan.keys if one.field is not field), field]
        columns = ", ".join(self._columns(fields))
        (pk,) = self._columns([self.plan.model._meta.pk])
        rows = self._fetch(f"SELECT {columns} {orphans} ORDER BY {pk} {self._few}")
        return [self._shown(fields, row) for row in rows]

    # Nulls

    def null_share(self, before: Mapping[str, Any]) -> CheckResult:
        """Say in which share of rows each column is null, and whether that has moved.

        Args:
            before: this check's figures after the last run; empty where there are none.
        """
        figures = self._null_shares()
        is_comparable = bool(before.get(ROWS) and figures[ROWS])
        moved = list(_moved(before, figures)) if is_comparable else []
        if moved:
            found = f"The share of nulls has moved in {', '.join(moved)}"
        elif is_comparable:
            found = f"No column's share of nulls has moved by more than {MOVED:g} points"
        else:
            found = "There is no earlier run to compare the shares of nulls with"
        return CheckResult(NULL_SHARE, not moved, found, "warning", blocking=False, figures=figures)

    def _null_shares(self) -> dict[str, float | str]:
        """Count rows and nulls in one go. An empty text counts where it is what is stored for null."""
        fields = [field for field in self.plan.model._meta.concrete_fields if not field.primary_key]
        filled = map(_filled, fields, self._columns(fields))
        ((rows, *counts),) = self._fetch(f"SELECT {', '.join(['COUNT(*)', *filled])} FROM {self._table}")
        shares = {
            f"{field.name}{SUFFIX}": percent(rows - count, rows)
            for field, count in zip(fields, counts, strict=True)
        }
        return {ROWS: rows, **shares}

    # What is asked

    def _fetch(self, sql: str) -> list[Sequence[Any]]:
        """Read rows. Without parameters, a % in a column's name is one; the ORM cannot do that."""
        with connections[self.using].cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _quote(self, name: str) -> str:
        return connections[self.using].ops.quote_name(name)

    @property
    def _table(self) -> str:
        return self._quote(self.plan.model._meta.db_table)

    def _columns(self, fields: Sequence[Field[Any, Any]]) -> list[str]:
        return [self._quote(column_of(field)) for field in fields]

    @property
    def _few(self) -> str:
        return connections[self.using].ops.limit_offset_sql(0, SAMPLES)

    # What is told

    @property
    def _name(self) -> str:
        return repr(self.plan.meta.name)

    def _shown(self, fields: Sequence[Field[Any, Any]], row: Sequence[Any]) -> dict[str, Any]:
        return {
            field.name: MASK if field.name in self._hidden else as_json(as_read(field, value, self.using))
            for field, value in zip(fields, row, strict=False)  # a count may follow
        }


def _filled(field: Field[Any, Any], column: str) -> str:
    """Count the rows that have a value; an empty text is none where it is what is stored for null."""
    if not field.null and is_text(field) and field.blank:
        return f"COUNT(CASE WHEN {column} <> '' THEN 1 END)"
    return f"COUNT({column})"


def _moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Give the columns that are null in noticeably more or fewer rows, or in all where there were values."""
    for name, share in now.items():
        was = before.get(name)
        if not name.endswith(SUFFIX) or not isinstance(was, (int, float)):
            continue
        if abs(share - was) > MOVED or (share == 100) != (was == 100):
            yield f"{name.removesuffix(SUFFIX)} (from {was:.1f}% to {share:.1f}%)"


def is_enforced(model: type[Model], using: str, fields: Sequence[Field[Any, Any]]) -> bool:
    """Tell whether the model says that these fields, or some of them, are unique, and the database agrees."""
    if not any(names <= {field.name for field in fields} for names in _unique_sets(model)):
        return False
    connection = connections[using]
    columns = {column_of(field) for field in fields}
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return any(
        one["unique"] and set(one["columns"]) and set(one["columns"]) <= columns for one in there.values()
    )


def _unique_sets(model: type[Model]) -> Iterator[set[str]]:
    meta = model._meta
    yield from ({field.name} for field in meta.concrete_fields if field.unique)
    yield from (set(names) for names in meta.unique_together)
    for one in meta.constraints:
        if isinstance(one, UniqueConstraint) and not one.condition and not one.expressions:
            yield set(one.fields)
