"""Every verb and rule of the author's API, as functions on whole Arrow arrays.

An expression's steps are carried out one after the other on one batch's column; `apply_verb` and
`passes` do one step. `convert` reads what the last step left as the type of the target field.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from ...columns import Step
from . import bounds, numbers, rules, text, times, types
from . import values as single_values
from .convert import convert
from .inference import constant
from .outcome import Context, Outcome
from .plain import plain
from .writing import as_text, concat

__all__ = [
    "Context",
    "Outcome",
    "apply_verb",
    "as_text",
    "concat",
    "constant",
    "convert",
    "passes",
]

TEXT_VERBS: dict[str, Callable[..., pa.Array]] = {
    "strip": text.strip,
    "collapse_spaces": text.collapse_spaces,
    "lower": text.lower,
    "upper": text.upper,
    "title": text.title,
    "digits": text.digits,
    "replace": text.replace,
    "truncate": text.truncate,
    "fix_encoding": text.fix_encoding,
}
VERBS: dict[str, Callable[..., Outcome]] = {
    "integer": numbers.integer,
    "decimal": numbers.decimal,
    "boolean": types.boolean,
    "date": times.date,
    "datetime": times.datetime,
    "email": types.email,
    "phone": types.phone,
    "map": single_values.map_values,
    "null_if": single_values.null_if,
    "default": single_values.default,
    "apply": single_values.apply,
}
RULES: dict[str, Callable[..., pa.Array]] = {
    "required": rules.required,
    "matches": rules.matches,
    "between": bounds.between,
    "one_of": rules.one_of,
    "length": rules.length,
}


def apply_verb(step: Step, values: pa.Array, context: Context) -> Outcome:
    """Carry out one verb. What it cannot read becomes null, and is marked in the outcome."""
    if step.name in TEXT_VERBS:
        return Outcome(TEXT_VERBS[step.name](as_text(values), **step.arguments))
    return VERBS[step.name](plain(values), context, **step.arguments)


def passes(step: Step, values: pa.Array, context: Context) -> pa.Array:
    """Tell which values are good, as booleans without null. Null passes all rules but `required`."""
    return RULES[step.name](plain(values), context, **step.arguments).fill_null(True)
