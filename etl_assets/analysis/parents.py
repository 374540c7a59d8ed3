"""The rows that links refer to, found in their own source where they have not been loaded yet."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connections

from ..engine.batch import Batch, Mask, to_numpy
from ..engine.collation import Fold, fold_of, folded
from ..engine.evaluate import evaluate
from ..engine.fields import arrow_type, read_as
from ..engine.kinds import kind
from ..engine.links import LinkResolver
from ..engine.plan import Lookup, Plan, make_plan
from ..engine.sources import open_reader
from ..engine.transform import Transformation
from ..engine.verbs import Context
from .reading import Registry

ROWS_AT_ONCE = 20_000


@dataclass
class ParentSource:
    """The source of a transformer that others link to, searched by the legacy keys of its rows."""

    plan: Plan
    field: str
    """The target field that holds the key."""
    context: Context
    fold: Fold | None = None

    def rows_with(
        self, keys: Collection[Any], *, whole: bool = True
    ) -> Iterator[tuple[pa.RecordBatch, list[Any]]]:
        """Yield the rows that have one of these keys, with their keys, until each key was found.

        Args:
            whole: with all columns; otherwise with those only that make the key.
        """
        wanted = set(folded(self.fold, list(keys)))
        with open_reader(self.plan) as reader:
            if not whole and not self._prepares:
                columns = self.plan.fields[self.field].expression.source_columns
                reader.columns = {name: reader.columns[name] for name in columns}
            reader.tie_break = None
            with closing(reader.batches(ROWS_AT_ONCE, ordered=False)) as batches:  # type: ignore[type-var]
                for raw in batches:
                    found = folded(self.fold, self._keys(raw))
                    chosen = [position for position, key in enumerate(found) if key in wanted]
                    if chosen:
                        yield raw.take(chosen), [found[position] for position in chosen]
                        wanted.difference_update(found)
                    if not wanted:
                        return

    @property
    def _prepares(self) -> bool:
        return self.plan.transformer.overrides("prepare")

    def _keys(self, raw: pa.RecordBatch) -> list[Any]:
        """Compute the legacy key of each row as its transformer does."""
        source: Mapping[str, pa.Array] = dict(zip(raw.schema.names, raw.columns, strict=True))
        if self._prepares:
            links = LinkResolver(self.plan.meta.using, 1)  # never asked: a link's own key is legacy data too
            source = Transformation(self.plan, self.context, links, "lenient").prepare(Batch(raw, 0))
        field = self.plan.fields[self.field]
        key = evaluate(field.expression, source, raw.num_rows, self.context)
        to = field.lookup.key_field if field.lookup else field.field
        return read_as(to, key.values, self.context).values.to_pylist()


def sources_of(lookup: Lookup, registry: Registry, context: Context) -> list[ParentSource]:
    """Return the sources in which the parents of a link stand.

    A foreign key that is mapped without a link may be filled by any transformer of the parent's model.
    """
    fold = fold_of(connections[_using(lookup, registry)], lookup.key_field)
    if lookup.transformer:
        parents = [registry[lookup.transformer]]
    else:
        model = lookup.model._meta.concrete_model
        parents = [
            one
            for one in registry.values()
            if one._meta.model._meta.concrete_model is model and lookup.key.name in one._meta.columns
        ]
    return [ParentSource(make_plan(one, registry), lookup.key.name, context, fold) for one in parents]


def _using(lookup: Lookup, registry: Registry) -> str:
    if lookup.transformer:
        return registry[lookup.transformer]._meta.using
    return lookup.model._base_manager.db


class SourceLinks(LinkResolver):
    """Resolves links, also to parents that are not loaded yet but stand in their own source.

    These get a stand-in for the primary key that the target would draw.
    """

    def __init__(self, using: str, at_once: int, registry: Registry, context: Context) -> None:
        super().__init__(using, at_once)
        self._registry = registry
        self._context = context
        self._stand_ins: dict[tuple[str, str, str], dict[Any, Any]] = {}

    def resolve(self, values: pa.Array, lookup: Lookup) -> tuple[pa.Array, Mask]:
        resolved, missing = super().resolve(values, lookup)
        if not missing.any():
            return resolved, missing
        keys = values.to_pylist()
        asked = list(dict.fromkeys(keys[position] for position in np.flatnonzero(missing)))
        if lookup.through is None:  # a key that several loaded parents have stays nobody's
            asked = [key for key in asked if not self.is_shared(key, lookup)]
        found = self._find(asked, lookup)
        filled = pa.array(
            [found.get(key) if gone else None for key, gone in zip(keys, missing, strict=True)],
            arrow_type(lookup.value),
        )
        still_missing = missing & to_numpy(pc.is_null(filled))
        return pc.coalesce(resolved, filled), still_missing

    def describe(self, lookup: Lookup, value: Any) -> str | None:
        """Say in words what a stand-in stands for; None for a value that the target has."""
        known = self._stand_ins.get(_name(lookup), {})
        key = next((key for key, stand_in in known.items() if stand_in == value), None)
        if key is None or key == value:
            return None
        return f"{lookup.transformer or lookup.model._meta.verbose_name} {key} (not loaded yet)"

    def _find(self, keys: Sequence[Any], lookup: Lookup) -> dict[Any, Any]:
        """Return the stand-ins of those keys whose rows stand in the parent's source."""
        known = self._stand_ins.setdefault(_name(lookup), {})
        if lookup.key is lookup.value and not lookup.through:
            stand_ins = {
                value
                for (model, _, attribute), some in self._stand_ins.items()
                if (model, attribute) == (lookup.model._meta.label, lookup.value.attname)
                for value in some.values()
            }
            known.update((key, key) for key in keys if key in stand_ins)
        for source in sources_of(lookup, self._registry, self._context):
            open_keys = [key for key in keys if key not in known]
            key_of = dict(zip(folded(source.fold, open_keys), open_keys, strict=True))
            for _, found in source.rows_with(open_keys, whole=False) if open_keys else ():
                for key in found:
                    known.setdefault(key_of[key], self._stand_in(key_of[key], lookup, len(known)))
        return known

    def _stand_in(self, key: Any, lookup: Lookup, number: int) -> Any:
        """Return a value that the foreign key can hold and that no row is likely to have."""
        if lookup.key is lookup.value and not lookup.through:
            return key
        to = arrow_type(lookup.value)
        if pa.types.is_integer(to):
            _, high = connections[self.using].ops.integer_field_range(kind(lookup.value))
            return min(high or 2**63 - 1, 2**63 - 1) - number
        return str(uuid.UUID(int=number) if kind(lookup.value) == "UUIDField" else key)


def _name(lookup: Lookup) -> tuple[str, str, str]:
    return lookup.model._meta.label, lookup.key.attname, lookup.value.attname
