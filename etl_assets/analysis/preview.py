"""How the first rows of a table will look after their transformation; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import numpy as np
import pyarrow as pa
from django.db import connections
from django.utils import timezone

from ..engine.batch import Batch, Fault, Mask, Positions
from ..engine.claims import Keys, NoClaims
from ..engine.evaluate import evaluate, written
from ..engine.merge import Merged, Merger, Prepared
from ..engine.options import RunOptions
from ..engine.pipeline import rolled_back
from ..engine.plan import FieldPlan, Plan, make_plan
from ..engine.sources import configured, open_reader
from ..engine.targets import make_target
from ..engine.targets.base import Packed
from ..engine.transform import Transformation
from ..engine.validate import ModelRules
from ..engine.verbs import Context
from ..exceptions import ConfigurationError
from .masking import MASK, Masker
from .parents import SourceLinks
from .plain import plain
from .reading import Registry, transformer_of
from .suggest import Advice, SuggestedVerb, advise, expression_of
from .table import LegacyTable

Status = Literal["ok", "rejected", "skipped"]


class PreviewedRow(TypedDict):
    original: dict[str, Any]
    """Source column -> value."""
    transformed: dict[str, Any]
    """Target field -> value; without a transformer the source columns, mended."""
    changed: list[str]
    """Those of the transformed whose value is not that of the column they come from."""
    status: Status
    reason: str | None
    """Why the row would not be loaded."""
    warnings: list[str]
    """What is wrong with a row that would be loaded all the same."""


class Preview(TypedDict):
    table: str
    database: str
    columns: list[str]
    rows: list[PreviewedRow]
    suggestions: dict[str, list[SuggestedVerb]]
    transformer: str | None
    """Name of the transformer whose code ran; None where the suggested verbs did."""


def preview(
    table: LegacyTable,
    columns: Sequence[str] = (),
    limit: int = 10,
    masker: Masker | None = None,
    registry: Registry | None = None,
) -> Preview:
    """Show the first rows in the order in which they would be loaded, before and after.

    Args:
        columns: those of interest; all where none is named.
        masker: hides sensitive values; without one nothing is hidden.
        registry: where one of its transformers reads the table, that one's code runs.

    Raises:
        SourceError: a column is not there.
        ConfigurationError: the limit is below 1, or a transformer cannot run as it is written.
    """
    if limit < 1:
        raise ConfigurationError(f"--limit is {limit}, and a preview needs a row: give a number from 1 up.")
    table.require(columns)
    chosen = list(dict.fromkeys(columns or table.columns))
    masker = masker or Masker(show=True)
    advice = advise(table, chosen)
    transformer = transformer_of(table, registry or {}, chosen)
    if transformer is None:
        rows = _by_suggestion(table, chosen, limit, advice, masker)
    else:
        rows = _Rehearsal(make_plan(transformer, registry or {}), registry or {}, masker).rows(chosen, limit)
    return {
        "table": table.name,
        "database": table.database,
        "columns": chosen,
        "rows": rows,
        "suggestions": {name: [one.as_dict(masker.covers(name)) for one in advice[name]] for name in chosen},
        "transformer": transformer._meta.name if transformer else None,
    }


@dataclass
class WatchedBatch(Batch):
    """Remembers what the rows that leave it looked like."""

    gone: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Position -> target field -> value."""
    warned: dict[int, list[str]] = field(default_factory=dict)
    """Position -> what the row is warned of, in sentences."""

    def warn(self, fault: Fault) -> None:
        for index in np.flatnonzero(fault.bad):
            self.warned.setdefault(int(self.rows[index]), []).append(fault.reason(int(index)))
        super().warn(fault)

    def keep(self, good: Mask) -> None:
        for index in np.flatnonzero(~good):
            self.gone[int(self.rows[index])] = self._values(int(index))
        super().keep(good)

    def values_of(self, position: int) -> dict[str, Any]:
        """Return the target columns of a row, as they are or were when it left."""
        if position in self.gone:
            return self.gone[position]
        return self._values(int(np.flatnonzero(self.rows == position)[0]))

    def _values(self, index: int) -> dict[str, Any]:
        return {name: column[index].as_py() for name, column in self.columns.items()}


class ClaimsOfOneBatch(NoClaims):
    """For rows that are all there is to see: of two with one key the first is kept."""

    are_kept = True


class Judge(Merger):
    """Settles which rows would be loaded, and loads none."""

    def _merge(
        self, batch: Batch, chosen: Positions, packed: Packed, beside: Prepared | None = None
    ) -> tuple[Merged, Keys]:
        merged, taken, new, changed = self._settle(batch, chosen, packed, beside)
        merged.created, merged.updated = len(new), len(changed)
        return merged, taken


class _Rehearsal:
    """A transformer's real code on a few rows."""

    def __init__(self, plan: Plan, registry: Registry, masker: Masker) -> None:
        self.plan = plan
        self.masker = masker
        names = {*plan.fields, *plan.source_columns}
        self.sensitive = frozenset(name for name in names if masker.covers(name))
        now, zone = timezone.now(), timezone.get_default_timezone()
        context = Context(zone, now.astimezone(zone).date())
        self.alias = configured(plan.meta.using, plan.meta.label)
        connection = connections[self.alias]
        mode = RunOptions().validation_mode
        self.links = SourceLinks(
            self.alias, connection.features.max_query_params or 10_000, registry, context
        )
        self.transformation = Transformation(plan, context, self.links, mode, self.sensitive)
        self.rules = ModelRules(plan, connection, mode, self.sensitive)
        self.target = make_target(plan, context, now, dry_run=True)

    def rows(self, columns: Sequence[str], limit: int) -> list[PreviewedRow]:
        raw = self._first(limit)
        if raw is None:
            return []
        batch = WatchedBatch(raw, 0)
        with rolled_back(self.alias):  # for the staging table: no row of the target is written
            self.target.open()
            self._judge(batch)
        shown = [
            one
            for one in self.plan.fields.values()
            if set(columns) & set(one.expression.source_columns) or set(columns) >= set(raw.schema.names)
        ]
        fine: tuple[Status, None] = ("ok", None)
        fates: dict[int, tuple[Status, str]]
        fates = {one.position: ("rejected", one.reason) for one in batch.rejections}
        fates |= {int(row): ("skipped", reason) for rows, reason in batch.skips for row in rows}
        rows = []
        for position, original in enumerate(raw.to_pylist()):
            values = batch.values_of(position)
            status, reason = fates.get(position, fine)
            warnings = batch.warned.get(position, []) if status == "ok" else []
            rows.append(self._row(original, values, columns, shown, status, reason, warnings))
        return rows

    def _first(self, limit: int) -> pa.RecordBatch | None:
        with open_reader(self.plan) as reader:
            batches = list(reader.batches(limit, limit=limit))
            return reader.visible(batches[0]) if batches else None

    def _judge(self, batch: Batch) -> None:
        self.transformation.clean(batch)
        self.transformation.check_rows(batch)
        self.rules.check(batch)
        judge = Judge(self.target, ClaimsOfOneBatch(), self.sensitive)
        merged = judge.load(judge.prepare(batch))
        batch.reject_rows(merged.rejections)

    def _row(
        self,
        original: Mapping[str, Any],
        values: Mapping[str, Any],
        columns: Sequence[str],
        shown: Sequence[FieldPlan],
        status: Status,
        reason: str | None,
        warnings: list[str],
    ) -> PreviewedRow:
        after = {one.name: self._said(one, values.get(one.name)) for one in shown}
        changed = [one.name for one in shown if _differs(one, original, after[one.name])]
        transformed = {one.name: self._masked(one, after[one.name]) for one in shown}
        return {
            "original": {
                name: self.masker.mask(name, plain(original[name])) for name in columns if name in original
            },
            "transformed": transformed,
            "changed": changed,
            "status": status,
            "reason": reason,
            "warnings": warnings,
        }

    def _said(self, plan: FieldPlan, value: Any) -> Any:
        """Return a value as it is shown: the primary key of a parent that is not there yet in words."""
        said = self.links.describe(plan.lookup, value) if plan.lookup and value is not None else None
        return said or plain(value)

    def _masked(self, plan: FieldPlan, value: Any) -> Any:
        hidden = self.sensitive & {plan.name, *plan.expression.source_columns}
        return MASK if hidden and value is not None else value


def _differs(plan: FieldPlan, original: Mapping[str, Any], value: Any) -> bool:
    """Tell whether a value is another than that of the one column it comes from."""
    columns = plan.expression.source_columns
    if not columns:  # a constant changes nothing
        return False
    return len(columns) > 1 or _text(original.get(columns[0])) != _text(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(plain(value))


def _by_suggestion(
    table: LegacyTable, columns: Sequence[str], limit: int, advice: Mapping[str, Advice], masker: Masker
) -> list[PreviewedRow]:
    """Carry out the suggested verbs, where no transformer says what is to be done."""
    raw = table.first(columns, limit)
    if raw is None:
        return []
    zone = timezone.get_default_timezone()
    context = Context(zone, timezone.now().astimezone(zone).date())
    source = dict(zip(raw.schema.names, raw.columns, strict=True))
    mended: dict[str, list[Any]] = {}
    reasons: dict[int, str] = {}
    for name in columns:
        result = evaluate(expression_of(name, advice[name]), source, raw.num_rows, context)
        mended[name] = result.values.to_pylist()
        for fault in result.unreadable:
            for bad in np.flatnonzero(fault.bad):
                value = masker.mask(name, fault.before[int(bad)].as_py())
                said = value if value == MASK else repr(value)
                reasons.setdefault(int(bad), f"{name}: {written(fault.step)} cannot read {said}")
    rows: list[PreviewedRow] = []
    for row, original in enumerate(raw.to_pylist()):
        after = {name: mended[name][row] for name in columns}
        rows.append(
            {
                "original": masker.mask_row({name: plain(original[name]) for name in columns}),
                "transformed": masker.mask_row({name: plain(value) for name, value in after.items()}),
                "changed": [name for name in columns if _text(original[name]) != _text(after[name])],
                "status": "rejected" if row in reasons else "ok",
                "reason": reasons.get(row),
                "warnings": [],
            }
        )
    return rows
