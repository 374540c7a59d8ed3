"""The spread of a column's numbers and times: histogram, quartiles, and what lies far outside them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal, TypedDict

from .store import Store

BINS = 20
FAR_OUT = 3
"""Tukey's outer fences stand so many interquartile ranges outside the quartiles."""
MOST_OUTLIERS = 0.05
"""Where more of the rows lie outside, the column is spread out and has no outliers."""

Scale = Literal["number", "date", "datetime"]
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - local or UTC, as the column is
STEP = {"date": 86_400_000_000, "datetime": 1, "number": 1}


class Bin(TypedDict):
    """`low <= value < high`; the last one includes `high`."""

    low: Any
    high: Any
    count: int


@dataclass(frozen=True, slots=True)
class Outliers:
    """Values far outside, and the range of all others."""

    count: int
    example: Any
    low: Any
    high: Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Numbers `x` with their rows `n`, in the store's view `x`."""

    histogram: list[Bin]
    outliers: Outliers | None


def spread(store: Store, value: str, source: str, scale: Scale) -> Spread:
    """Measure the spread of an SQL value over a source of rows `n`.

    Times are measured in microseconds since 1970, so that bounds are exact.
    """
    x = value if scale == "number" else f"epoch_us({value})"
    store.query(
        f"CREATE OR REPLACE TABLE x AS SELECT x, sum(n)::BIGINT AS n FROM (SELECT {x} AS x, n FROM {source})"
        f" WHERE x IS NOT NULL{' AND isfinite(x::DOUBLE)' if scale == 'number' else ''} GROUP BY x"
    )
    count, low, high = store.one("SELECT count(*), min(x), max(x) FROM x")
    if not count:
        return Spread([], None)
    return Spread(_histogram(store, count, low, high, scale), _outliers(store, scale))


def _histogram(store: Store, count: int, low: Any, high: Any, scale: Scale) -> list[Bin]:
    """Count by value where these are few, else in bins of one width."""
    if count <= BINS:
        values = store.query("SELECT x, n FROM x ORDER BY x")
        return [Bin(low=shown(x, scale), high=shown(x, scale), count=n) for x, n in values]
    edges = bin_edges(low, high, STEP[scale])
    bounds = list(pairwise(edges))
    inside = [f"x >= {_sql(a)} AND x < {_sql(b)}" for a, b in bounds]
    inside[-1] = inside[-1].replace(" < ", " <= ")
    counts = ", ".join(f"coalesce(sum(n) FILTER ({one}), 0)::BIGINT" for one in inside)
    found = zip(bounds, store.one(f"SELECT {counts} FROM x"), strict=True)
    return [Bin(low=shown(a, scale), high=shown(b, scale), count=n) for (a, b), n in found]


def bin_edges(low: Any, high: Any, step: int) -> list[Any]:
    """Return the edges of at most `BINS` bins; whole numbers where the values are whole."""
    if isinstance(low, int):
        width = max(step, math.ceil((high - low) / BINS / step) * step)
        return [*range(low, high, width), high]
    low, high = float(low), float(high)
    return [low, *(low + (high / BINS - low / BINS) * place for place in range(1, BINS)), high]


def _outliers(store: Store, scale: Scale) -> Outliers | None:
    """Find what lies outside Tukey's outer fences; quartiles are values of the column (nearest rank)."""
    total, first, third = store.one(
        "SELECT max(c), min(x) FILTER (c * 4 >= total), min(x) FILTER (c * 4 >= total * 3)"
        " FROM (SELECT x, sum(n) OVER (ORDER BY x) AS c, sum(n) OVER () AS total FROM x)"
    )
    reach = FAR_OUT * (third - first)
    if not reach:
        return None
    outside = f"(x < {_sql(first - reach)} OR x > {_sql(third + reach)})"
    count, lowest, highest, low, high = store.one(
        f"SELECT coalesce(sum(n) FILTER ({outside}), 0)::BIGINT, min(x), max(x),"
        f" min(x) FILTER (NOT {outside}), max(x) FILTER (NOT {outside}) FROM x"
    )
    if not count or count > MOST_OUTLIERS * total:
        return None
    example = highest if highest > high else lowest
    return Outliers(count, shown(example, scale), shown(low, scale), shown(high, scale))


def _sql(x: Any) -> str:
    """Return a number as SQL; a float may be infinite."""
    return f"'{x!r}'::DOUBLE" if isinstance(x, float) else format(x, "f" if isinstance(x, Decimal) else "d")


def shown(x: Any, scale: Scale) -> Any:
    """Return a value as JSON has it."""
    if scale == "number":
        return as_json(x)
    try:
        time = EPOCH + dt.timedelta(microseconds=x)
    except OverflowError:
        return str(x)
    return time.date().isoformat() if scale == "date" else time.isoformat()


def as_json(value: Any) -> Any:
    """Return a stored value as JSON has it: a number where that is exact, else its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        if value == value.to_integral_value() and value.as_tuple().exponent == 0:
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else format(value, "f")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(value).hex()
    return str(value)
