"""Values that will not fit their target field, where a transformer reads the table.

Each mapped field is evaluated as the engine does it, its verbs, its rules, its model's limits, but once for
each distinct value. What depends on other columns, rows or tables is left to a dry run: hooks, row rules,
links, unique fields, and fields made of several columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connections
from django.utils import timezone

from ..engine.batch import Mask, to_numpy
from ..engine.evaluate import evaluate
from ..engine.fields import read_as, reading_code
from ..engine.kinds import stored_field
from ..engine.plan import FieldPlan, Plan, make_plan
from ..engine.validate import ModelRules
from ..engine.verbs import Context
from ..exceptions import ConfigurationError
from ..registry import Registry
from ..source import Query
from .column import ColumnFacts
from .issues import Issue, Shown, pasted
from .paste import call, chain
from .store import Store
from .table import LegacyTable

AT_ONCE = 50_000


@dataclass(slots=True)
class Misfit:
    """Values of one column that one field refuses for one reason."""

    field: FieldPlan
    code: str
    rows: int = 0
    example: Any = None
    """Null, else the least value: what comes first differs by database."""

    def add(self, values: pa.Array, rows: Any) -> None:
        """Count some more distinct values, each with its rows."""
        is_first, self.rows = not self.rows, self.rows + int(rows.sum())
        if not values.null_count:
            least = pc.min(values).as_py()
            if is_first or (self.example is not None and least < self.example):
                self.example = least


class Fit:
    """The fields of one transformer, tried on the distinct values of their columns."""

    def __init__(self, plan: Plan) -> None:
        now, zone = timezone.now(), timezone.get_default_timezone()
        self.plan = plan
        self.context = Context(zone, now.astimezone(zone).date())
        self.rules = ModelRules(plan, connections[plan.meta.using], "lenient")

    def misfits(self, store: Store, facts: ColumnFacts, *, foreign: bool) -> list[Misfit]:
        """Try the fields that are read from this column alone; its distinct values are in `d`.

        Args:
            foreign: those with functions of the project's own, which may do anything; or else the others.
        """
        return [
            misfit
            for field in self.plan.fields.values()
            if field.lookup is None and field.expression.source_columns == (facts.name,)
            if foreign == any(step.name == "apply" for step in field.expression.steps)
            for misfit in self._misfits(store, facts, field)
        ]

    def issue(self, misfit: Misfit, column: str, shown: Shown) -> Issue:
        field, example = misfit.field, "null" if misfit.example is None else shown(misfit.example)
        where = f"{self.plan.model._meta.object_name}.{field.name}"
        message = f"{misfit.rows} rows will not fit {where} ({misfit.code}), such as {example}."
        if misfit.code == "max_length":
            verb = call("truncate", stored_field(field.field).max_length)
        elif misfit.example is None:
            verb = "default(...)"
        elif misfit.code in ("choices", "map"):
            verb = f"map({{{pasted(example)}: ...}})"
        else:
            verb = f"null_if({pasted(example)})"
        return Issue("does_not_fit", column, misfit.rows, message, chain(column, [verb]))

    def _misfits(self, store: Store, facts: ColumnFacts, field: FieldPlan) -> list[Misfit]:
        found: dict[str, Misfit] = {}
        for values, rows in _distinct_values(store, facts):
            for code, bad in self._refused(field, facts.name, values):
                found.setdefault(code, Misfit(field, code)).add(values.filter(pa.array(bad)), rows[bad])
        return sorted(found.values(), key=lambda misfit: (-misfit.rows, misfit.code))

    def _refused(self, field: FieldPlan, column: str, values: pa.Array) -> Iterator[tuple[str, Mask]]:
        """Yield which values are refused, each for the first reason only."""
        gone: Mask = np.zeros(len(values), dtype=np.bool_)
        for code, bad in self._faults(field, column, values):
            fresh = bad & ~gone
            gone |= fresh
            if fresh.any():
                yield code, fresh

    def _faults(self, field: FieldPlan, column: str, values: pa.Array) -> Iterator[tuple[str, Mask]]:
        result = evaluate(field.expression, {column: values}, len(values), self.context)
        for fault in result.unreadable:
            yield fault.step.name, fault.bad
        outcome = read_as(field.field, result.values, self.context)
        if outcome.unreadable is not None:
            yield reading_code(field.field), to_numpy(outcome.unreadable)
        for fault in result.broken:
            if fault.step.severity == "error":
                yield fault.step.name, fault.bad
        yield from self.rules.refusals(field, outcome.values)


def _distinct_values(store: Store, facts: ColumnFacts) -> Iterator[tuple[pa.Array, Any]]:
    """Yield the column's values with their rows; null comes first."""
    kind = store.table.columns[facts.name]
    if facts.null_count:
        yield pa.nulls(1, kind), np.array([facts.null_count])
    for batch in store.stream("SELECT v, n FROM d", AT_ONCE):
        values = batch.column(0)
        if facts.name in store.instants and pa.types.is_timestamp(values.type):
            values = values.cast(pa.timestamp("us", tz="UTC"))
        yield values, batch.column(1).to_numpy()


def fits(table: LegacyTable, registry: Registry, complain: Callable[[str], None]) -> list[Fit]:
    """Return the transformers that read this table; one that is not ready yet is complained about."""
    found = []
    for transformer in registry.values():
        meta = transformer._meta
        if isinstance(meta.source, Query) or (meta.source_label, meta.database) != (
            table.name,
            table.database,
        ):
            continue
        try:
            found.append(Fit(make_plan(transformer, registry)))
        except ConfigurationError as error:
            complain(str(error))
    return found
