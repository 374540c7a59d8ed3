"""From source rows to target columns: prepare, verbs, field rules, skips, transform, row rules.

Each step sees only the rows that the one before accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..conf import ValidationMode
from ..exceptions import HookError
from ..transformer import RowRule
from .batch import Batch, Fault, Mask, shown, to_numpy
from .evaluate import StepFault, evaluate, written
from .fields import read_as, reading_code
from .frames import array_from_values, column_from_series, to_frame
from .links import LinkResolver
from .plan import FieldPlan, Lookup, Plan
from .stages import TRANSFORM, VALIDATE
from .verbs import Context, as_text

if TYPE_CHECKING:
    import pandas as pd

Source = Mapping[str, pa.Array]


class Transformation:
    """What a transformer's author wrote, carried out on batches."""

    def __init__(
        self,
        plan: Plan,
        context: Context,
        links: LinkResolver,
        mode: ValidationMode,
        sensitive: frozenset[str] = frozenset(),
    ) -> None:
        self.plan = plan
        self.context = context
        self.links = links
        self.mode = mode
        self.sensitive = sensitive
        self.author = plan.transformer()
        self.timed: Callable[[str, str], AbstractContextManager[None]] = lambda stage, hook: nullcontext()
        """Measures what a hook takes of a stage."""
        hooks = map(self.author.overrides, ("prepare", "transform", "transform_row"))
        if plan.meta.skips or plan.meta.rules or any(hooks):
            import_module("pandas")  # half a second that no hook is to blame for

    def clean(self, batch: Batch) -> None:
        """Carry out prepare, the verbs with their rules, skips, transform and transform_row."""
        source = self.prepare(batch)
        unreadable: list[Fault] = []
        broken: list[Fault] = []
        for plan in self.plan.fields.values():
            self._fill(batch, plan, source, unreadable, broken)
        batch.reject([*unreadable, *broken])
        for skip in self.plan.meta.skips:
            if len(batch):
                with self.timed(TRANSFORM, skip.name):
                    skipped = self._ask(skip.name, batch, null_means=False)
                batch.skip(skipped, skip.reason)
        if len(batch) and self.author.overrides("transform"):
            with self.timed(TRANSFORM, "transform"):
                self._transform(batch)
        if len(batch) and self.author.overrides("transform_row"):
            with self.timed(TRANSFORM, "transform_row"):
                self._transform_rows(batch)

    def check_rows(self, batch: Batch) -> None:
        """Carry out the methods marked with `@rule`; as everywhere, null passes."""
        for rule in self.plan.meta.rules:
            if not len(batch):
                return
            with self.timed(VALIDATE, rule.name):
                bad = ~self._ask(rule.name, batch, null_means=True)
            fault = Fault(bad, "", rule.name, _fails(rule))
            if rule.severity == "warning" or self.mode == "warning_only":
                batch.warn(fault)
            else:
                batch.reject([fault])

    # Verbs

    def prepare(self, batch: Batch) -> Source:
        """Return the source columns as the author's `prepare` leaves them."""
        raw = dict(zip(batch.raw.schema.names, batch.raw.columns, strict=True))
        source = raw
        if self.author.overrides("prepare"):
            with self.timed(TRANSFORM, "prepare"):
                frame = self._call("prepare", to_frame(raw, batch.raw.num_rows))
            source = {str(name): column_from_series(frame[name]) for name in frame.columns}
        self.plan.require_columns(source)
        batch.legacy_keys = [as_text(raw.get(name, source[name])) for name in self.plan.key_columns]
        return source

    def _fill(
        self, batch: Batch, plan: FieldPlan, source: Source, unreadable: list[Fault], broken: list[Fault]
    ) -> None:
        """Compute one target column, and sort what went wrong into rejects and warnings."""
        result = evaluate(plan.expression, source, len(batch), self.context)
        if plan.lookup is not None:
            batch.columns[plan.name] = self._link(
                plan, plan.lookup, result.values, result.unreadable, unreadable
            )
        else:
            outcome = read_as(plan.field, result.values, self.context)
            batch.columns[plan.name] = outcome.values
            faults = [self._unreadable(plan, fault) for fault in result.unreadable]
            if outcome.unreadable is not None:
                code = reading_code(plan.field)
                say = self._says(plan, f"{plan.name}: {{}} cannot be read as {code}")
                faults.append(Fault(to_numpy(outcome.unreadable), plan.name, code, say(result.values)))
            if self.mode == "warning_only" and plan.takes_null:
                for fault in faults:
                    batch.warn(fault)
            else:
                unreadable += faults
        for refused in result.broken:
            fault = self._broken_rule(plan, refused)
            if refused.step.severity == "warning" or self.mode == "warning_only":
                batch.warn(fault)
            else:
                broken.append(fault)

    def _link(
        self,
        plan: FieldPlan,
        lookup: Lookup,
        keys: pa.Array,
        unread: list[StepFault],
        unreadable: list[Fault],
    ) -> pa.Array:
        """Resolve a link. What cannot be a key of the parent is, like an unknown key, no row of it."""
        outcome = read_as(lookup.key_field, keys, self.context)
        values, missing = self.links.resolve(outcome.values, lookup)
        for fault in unread:
            missing |= fault.bad
        if outcome.unreadable is not None:
            missing |= to_numpy(outcome.unreadable)
        if missing.any() and lookup.missing == "reject":
            parent = lookup.transformer or lookup.model._meta.label
            none = self._says(plan, f"{plan.name}: {{}} is the key of no row in {parent!r}")
            several = self._says(plan, f"{plan.name}: {{}} is the key of several rows in {parent!r}")

            def reason(index: int) -> str:
                """Show the key as the first step was given it that could not read it."""
                if self.links.is_shared(outcome.values[index].as_py(), lookup):
                    return several(keys)(index)
                return none(next((fault.before for fault in unread if fault.bad[index]), keys))(index)

            unreadable.append(Fault(missing, plan.name, "link", reason))
        return values

    def _unreadable(self, plan: FieldPlan, fault: StepFault) -> Fault:
        say = self._says(plan, f"{plan.name}: {_literal(written(fault.step))} cannot read {{}}")
        return Fault(fault.bad, plan.name, fault.step.name, say(fault.before))

    def _broken_rule(self, plan: FieldPlan, fault: StepFault) -> Fault:
        say = self._says(plan, f"{plan.name}: {{}} fails {_literal(written(fault.step))}")
        return Fault(fault.bad, plan.name, fault.step.name, say(fault.before))

    def _says(self, plan: FieldPlan, sentence: str) -> Callable[[pa.Array], Callable[[int], str]]:
        """Make the sentences about a field's values, masked where the settings say so."""
        if self.sensitive & {plan.name, *plan.expression.source_columns}:
            return lambda values: lambda index: sentence.format("***")
        return lambda values: lambda index: sentence.format(shown(values[index].as_py()))

    # Hooks

    def _transform(self, batch: Batch) -> None:
        frame = self._call("transform", to_frame(batch.columns, len(batch)))
        self._take_back(batch, "transform", {str(name): column_from_series(frame[name]) for name in frame})

    def _transform_rows(self, batch: Batch) -> None:
        rows = pa.table(batch.columns).to_pylist()
        finished = [self._guard("transform_row", self.author.transform_row, row) for row in rows]
        for row in finished:
            if not isinstance(row, dict) or row.keys() != self.plan.fields.keys():
                raise self._broke("transform_row", "must return a dict of the declared fields")
        columns = {name: array_from_values([row[name] for row in finished]) for name in self.plan.fields}
        self._take_back(batch, "transform_row", columns)

    def _take_back(self, batch: Batch, hook: str, columns: dict[str, pa.Array]) -> None:
        """Read what a hook returned as the declared types again."""
        if extra := [name for name in columns if name not in self.plan.fields]:
            raise self._broke(hook, f"returned {extra[0]!r}, which is no declared field")
        if gone := [name for name in self.plan.fields if name not in columns]:
            raise self._broke(hook, f"took the column {gone[0]!r} away")
        faults = []
        for name, plan in self.plan.fields.items():
            outcome = read_as(plan.field, columns[name], self.context)
            batch.columns[name] = outcome.values
            bad = None if outcome.unreadable is None else to_numpy(outcome.unreadable)
            if plan.lookup is not None:
                bad = self._dangling(outcome.values, plan.lookup) if bad is None else bad
            if bad is not None:
                say = self._says(plan, f"{name}: {hook}() gave {{}}, which the field cannot hold")
                faults.append(Fault(bad, name, hook, say(columns[name])))
        batch.reject(faults)

    def _dangling(self, values: pa.Array, lookup: Lookup) -> Mask:
        """Find the foreign keys that a hook made up: a hook works on primary keys, not on legacy ones."""
        _, missing = self.links.resolve(values, Lookup(lookup.model, lookup.value, lookup.value))
        return missing

    def _ask(self, hook: str, batch: Batch, *, null_means: bool) -> Mask:
        """Call a rule or a skip."""
        import pandas as pd

        answer = self._guard(hook, getattr(self.author, hook), to_frame(batch.columns, len(batch)))
        try:
            mask = pd.Series(answer).astype("boolean").fillna(null_means).to_numpy(dtype=np.bool_)
        except (TypeError, ValueError) as error:
            raise self._broke(hook, "must return a Series of True and False") from error
        if len(mask) != len(batch):
            raise self._broke(hook, f"returned {len(mask)} values for {len(batch)} rows")
        return mask

    def _call(self, hook: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Call prepare or transform, and hold it to its promise: as many rows, each in its place."""
        import pandas as pd

        returned = self._guard(hook, getattr(self.author, hook), frame.copy(deep=False))
        if not isinstance(returned, pd.DataFrame):
            raise self._broke(hook, "must return a DataFrame")
        if len(returned) != len(frame):
            raise self._broke(
                hook, f"turned {len(frame)} rows into {len(returned)}, and may not change their number"
            )
        if returned.index.equals(frame.index) or set(returned.index) != set(frame.index):
            return returned
        return returned.loc[frame.index]  # sorted by the hook: each row goes back to its place

    def _guard(self, hook: str, call: Callable[[Any], Any], argument: Any) -> Any:
        try:
            return call(argument)
        except Exception as error:  # an author's hook may raise anything; it is named, not swallowed
            raise self._broke(hook, f"raised {type(error).__name__}: {error}") from error

    def _broke(self, hook: str, what: str) -> HookError:
        return HookError(f"{self.plan.meta.label}.{hook}() {what}: mend the hook and run again.")


def _fails(rule: RowRule) -> Callable[[int], str]:
    return lambda _: f"fails the rule {rule.reason!r}"


def _literal(text: str) -> str:
    """Protect braces, which a regex may hold, from `format`."""
    return text.replace("{", "{{").replace("}", "}}")
