"""Values of any database as values that JSON has."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 64


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: dates in ISO's way, decimals exactly, bytes as hex digits."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return _hex(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return str(value)


def _hex(value: bytes) -> str:
    more = f"... ({len(value):,} bytes)" if len(value) > MOST_BYTES else ""
    return f"0x{value[:MOST_BYTES].hex()}{more}"
