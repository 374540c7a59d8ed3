"""Carry out one expression on a batch, left to right, and note what went wrong on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import Column, Concat, Const, Expression, Step
from .batch import Mask, to_numpy
from .verbs import Context, apply_verb, concat, constant, passes


@dataclass(frozen=True, slots=True)
class StepFault:
    """What one step could not read, or refused."""

    step: Step
    before: pa.Array
    """The values that the step was given."""
    bad: Mask


@dataclass(slots=True)
class Evaluated:
    """Values of an expression, with the faults of its verbs and of its rules."""

    values: pa.Array
    unreadable: list[StepFault] = field(default_factory=list)
    broken: list[StepFault] = field(default_factory=list)


def evaluate(
    expression: Expression, source: Mapping[str, pa.Array], rows: int, context: Context
) -> Evaluated:
    """Evaluate an expression over source columns of length `rows`.

    A value that a verb could not read is null from there on, so no later step complains about it too.
    """
    result = _start(expression, source, rows, context)
    lost: Mask = np.zeros(rows, dtype=np.bool_)
    for fault in result.unreadable:
        lost |= fault.bad
    for step in expression.steps:
        if step.is_rule:
            bad = ~to_numpy(passes(step, result.values, context)) & ~lost
            if bad.any():
                result.broken.append(StepFault(step, result.values, bad))
            continue
        outcome = apply_verb(step, result.values, context)
        if outcome.unreadable is not None:
            bad = to_numpy(outcome.unreadable) & ~lost
            lost |= bad
            result.unreadable.append(StepFault(step, result.values, bad))
        result.values = outcome.values
    if lost.any():  # a later default() must not make a value of it
        result.values = pc.if_else(pa.array(~lost), result.values, pa.scalar(None, result.values.type))
    return result


def _start(expression: Expression, source: Mapping[str, pa.Array], rows: int, context: Context) -> Evaluated:
    if isinstance(expression, Const):
        return Evaluated(constant(expression.value, rows))
    if isinstance(expression, Concat):
        parts = [evaluate(part, source, rows, context) for part in expression.parts]
        return Evaluated(
            concat([part.values for part in parts], expression.separator),
            [fault for part in parts for fault in part.unreadable],
            [fault for part in parts for fault in part.broken],
        )
    assert isinstance(expression, Column)
    return Evaluated(source[expression.name])


def written(step: Step) -> str:
    """Write a step as its author did, for messages: date('%d/%m/%Y')."""
    if step.name in ("date", "datetime"):
        return f"{step.name}({', '.join(map(repr, step.arguments['formats']))})"
    if step.name in ("map", "boolean", "apply"):
        return f"{step.name}()"
    flags = [f"{name}=True" for name, value in step.arguments.items() if value is True]
    values = [value for value in step.arguments.values() if not isinstance(value, bool)]
    if len(values) == 1 and isinstance(values[0], tuple):
        values = list(values[0])
    return f"{step.name}({', '.join([*map(repr, values), *flags])})"
