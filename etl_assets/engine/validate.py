"""What the target model says of its own fields: null, blank, length, choices, range, digits."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.backends.base.base import BaseDatabaseWrapper

from ..conf import ValidationMode
from .batch import Batch, Fault, Mask, shown, to_numpy
from .kinds import is_text, kind, stored_field
from .plan import FieldPlan, Plan

Sentence = Callable[[str], str]


class ModelRules:
    """Checks finished columns against the model and the limits of the target database."""

    def __init__(
        self,
        plan: Plan,
        connection: BaseDatabaseWrapper,
        mode: ValidationMode,
        sensitive: frozenset[str] = frozenset(),
    ) -> None:
        self.plan = plan
        self.connection = connection
        self.mode = mode
        self.sensitive = sensitive

    def check(self, batch: Batch) -> None:
        """Fill empty texts, then reject what cannot be stored and what the model does not allow."""
        faults: list[Fault] = []
        for plan in self.plan.fields.values():
            if not len(batch):
                return
            self._fill_blank(batch, plan)
            faults += self._faults(batch, plan)
        batch.reject(faults)

    def _fill_blank(self, batch: Batch, plan: FieldPlan) -> None:
        if self._is_filled(plan):
            batch.columns[plan.name] = pc.fill_null(batch.columns[plan.name], "")

    def _is_filled(self, plan: FieldPlan) -> bool:
        """Tell whether an empty text stands for null."""
        is_key = plan.name in self.plan.meta.key_fields
        return is_text(plan.field) and not plan.field.null and plan.field.blank and not is_key

    def _faults(self, batch: Batch, plan: FieldPlan) -> Iterator[Fault]:
        values = batch.columns[plan.name]
        shows = not self.sensitive & {plan.name, *plan.expression.source_columns}
        for code, bad, sentence in self._checks(plan, values):
            if bad.any():
                yield Fault(bad, plan.name, code, _says(plan.name, sentence, values, shows))
        for code, bad, sentence in self._wishes(plan, values):
            fault = Fault(bad, plan.name, code, _says(plan.name, sentence, values, shows))
            if self.mode == "warning_only":
                batch.warn(fault)
            elif bad.any():
                yield fault

    def refusals(self, plan: FieldPlan, values: pa.Array) -> Iterator[tuple[str, Mask]]:
        """Tell of any values of a field which are refused, and by what code; not tied to a batch."""
        if self._is_filled(plan):
            values = pc.fill_null(values, "")
        for code, bad, _ in (*self._checks(plan, values), *self._wishes(plan, values)):
            yield code, bad

    def _checks(self, plan: FieldPlan, values: pa.Array) -> Iterator[tuple[str, Mask, Sentence]]:
        """What the database would refuse, or silently change."""
        is_key = plan.name in self.plan.meta.key_fields
        if values.null_count and (is_key or not plan.field.null):
            yield "null", to_numpy(pc.is_null(values)), lambda _: "is null, which the field does not allow"
        stored = stored_field(plan.field)
        if pa.types.is_string(values.type):
            yield from self._text_checks(stored.max_length, kind(plan.field), values)
        if pa.types.is_integer(values.type):
            low, high = self._integer_range(kind(plan.field))
            yield (
                "range",
                _true(pc.or_(pc.less(values, low), pc.greater(values, high))),
                lambda value: f"{value} is not between {low} and {high}",
            )
        if pa.types.is_floating(values.type) and self.connection.vendor != "postgresql":
            # SQLite would make null of it, and MySQL's drivers refuse the whole statement.
            keeps_infinity = self.connection.vendor == "sqlite"
            lost = pc.is_nan(values) if keeps_infinity else pc.invert(pc.is_finite(values))
            yield "finite", _true(lost), lambda value: f"{value} is a number that the database cannot store"
        if pa.types.is_decimal(values.type):
            digits, places = stored.max_digits, stored.decimal_places  # type: ignore[attr-defined]
            limit = pa.scalar(Decimal(10) ** (digits - places))
            yield (
                "max_digits",
                _true(pc.greater_equal(pc.abs(values), limit)),
                lambda value: f"{value} has more than {digits} digits",
            )

    def _text_checks(
        self, max_length: int | None, field_kind: str, values: pa.Array
    ) -> Iterator[tuple[str, Mask, Sentence]]:
        if max_length is not None and field_kind != "UUIDField":
            yield (
                "max_length",
                _true(pc.greater(pc.utf8_length(values), max_length)),
                lambda value: f"{value} is longer than {max_length} characters",
            )
        if self.connection.vendor == "postgresql":
            nul = _true(pc.match_substring(values, "\x00"))
            yield "nul", nul, lambda value: f"{value} holds a NUL character, which PostgreSQL cannot store"
        if field_kind == "GenericIPAddressField":
            yield "ip", _distinct(values, _is_no_address), lambda value: f"{value} is no IP address"

    def _wishes(self, plan: FieldPlan, values: pa.Array) -> Iterator[tuple[str, Mask, Sentence]]:
        """What the model does not want, though the database would store it."""
        choices = {value for value, _ in plan.field.flatchoices}
        if is_text(plan.field) and not (plan.field.blank or plan.field.null or "" in choices):
            yield "blank", _true(pc.equal(values, "")), lambda _: "is blank, which the field does not allow"
        if choices:
            allowed = choices | ({""} if plan.field.blank else set())
            yield (
                "choices",
                _distinct(values, lambda value: value not in allowed),
                lambda value: f"{value} is not among the field's choices",
            )

    def _integer_range(self, field_kind: str) -> tuple[int, int]:
        low, high = self.connection.ops.integer_field_range(field_kind)
        limit = 2**63
        positive = field_kind.startswith("Positive")
        return (
            max(0 if positive else -limit, -limit if low is None else low),
            min(limit - 1, limit - 1 if high is None else high),
        )


def _says(field: str, sentence: Sentence, values: pa.Array, shows: bool) -> Callable[[int], str]:
    def say(index: int) -> str:
        text = sentence(shown(values[index].as_py()) if shows else "***")
        return f"{field} {text}" if text.startswith("is ") else f"{field}: {text}"

    return say


def _true(mask: pa.Array) -> Mask:
    return to_numpy(pc.fill_null(mask, False))


def _distinct(values: pa.Array, is_bad: Callable[[object], bool]) -> Mask:
    """Ask Python once for each distinct value; null is good."""
    encoded = pc.dictionary_encode(values)
    verdicts = pa.array([is_bad(value) for value in encoded.dictionary.to_pylist()], pa.bool_())
    if not len(verdicts):
        return np.zeros(len(values), dtype=np.bool_)
    return _true(verdicts.take(encoded.indices))


def _is_no_address(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return True
    return False
