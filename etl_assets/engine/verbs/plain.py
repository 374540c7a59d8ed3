"""Any Arrow array as one of a few plain types, so that no verb has to know them all.

Plain are: null, string, int64, float64, decimal128 and decimal256, bool, date32, timestamp("us") with
UTC or without a zone, time64("us"), duration("us") and binary. What has no plain form stays as it is:
nested types, intervals, and unsigned numbers beyond int64.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

LOCAL = pa.timestamp("us")
INSTANT = pa.timestamp("us", tz="UTC")


def plain(values: pa.Array) -> pa.Array:
    """Return the same values in their plain type."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        if kind.extension_name == "arrow.uuid":
            return pa.array([value and str(value) for value in values.to_pylist()], pa.string())
        return plain(values.storage)
    if types.is_dictionary(kind):
        return plain(values.dictionary_decode())
    if types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(values))
    if types.is_float16(kind) or types.is_float32(kind):
        # By way of the shortest text: a `real` that shows as 0.1 is meant to be 0.1.
        return values.cast(pa.string()).cast(pa.float64())
    to = _plain_type(kind)
    if to is None or to == kind:
        return values
    # Nanoseconds are cut off: neither a database nor Python keeps them.
    return values.cast(to, safe=getattr(kind, "unit", None) != "ns")


def _plain_type(kind: pa.DataType) -> pa.DataType | None:
    if types.is_integer(kind) and not types.is_uint64(kind):
        return pa.int64()
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or types.is_binary_view(kind):
        return pa.binary()
    if types.is_date64(kind):
        return pa.date32()
    if types.is_timestamp(kind):
        return LOCAL if kind.tz is None else INSTANT
    if types.is_time(kind):
        return pa.time64("us")
    if types.is_duration(kind):
        return pa.duration("us")
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return None
