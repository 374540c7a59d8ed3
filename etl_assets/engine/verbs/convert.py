"""Reading values as the type of a target field, where the author wrote no verb for it."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from pyarrow import types

from .numbers import integer, read_decimals, read_floats
from .outcome import Context, Outcome
from .plain import INSTANT, LOCAL, plain
from .times import date, datetime, read_durations, read_local_times, read_times_of_day
from .types import boolean
from .writing import as_text

Reader = Callable[[pa.Array, Context], Outcome]

READERS: dict[pa.DataType, Reader] = {
    pa.string(): lambda values, context: Outcome(as_text(values)),
    pa.int64(): integer,
    pa.float64(): lambda values, context: read_floats(values),
    pa.bool_(): boolean,
    pa.date32(): date,
    INSTANT: datetime,
    LOCAL: read_local_times,
    pa.time64("us"): lambda values, context: read_times_of_day(values),
    pa.duration("us"): lambda values, context: read_durations(values),
    pa.binary(): lambda values, context: Outcome(_as_bytes(values)),
}


def convert(values: pa.Array, to: pa.DataType, context: Context) -> Outcome:
    """Read values as the declared type of a target field, strictly.

    Raises:
        TypeError: `to` is a type that no field is declared with.
    """
    values = plain(values)
    if types.is_decimal(to):
        read = read_decimals(values, to.precision, to.scale)
        return Outcome(read.values.cast(to), read.unreadable)
    if not has_reader(to):
        raise TypeError(f"No field is declared as {to}, so nothing can be read as it.")
    return READERS[to](values, context)


def has_reader(to: pa.DataType) -> bool:
    return types.is_decimal(to) or to in READERS


def _as_bytes(values: pa.Array) -> pa.Array:
    return values if types.is_binary(values.type) else as_text(values).cast(pa.binary())
