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
class Bar:
    """A bin with its bounds as numbers."""

    low: Any
    high: Any
    rows: int


@dataclass(frozen=True, slots=True)
class Outliers:
    """Values far outside, and the range of all others."""

    count: int
    example: Any
    low: Any
    high: Any


@dataclass(frozen=True, slots=True)
class Spread:
    """How a column's numbers are distributed."""

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
    return _measured(store, "x", scale)


def spread_of_distinct(store: Store) -> Spread:
    """Measure the spread of a column of whole or decimal numbers; its distinct values are in `d`."""
    return _measured(store, "(SELECT v AS x, n FROM d)", "number")


def _measured(store: Store, source: str, scale: Scale) -> Spread:
    """Measure numbers `x`, each there once, with their rows `n`."""
    count, low, high = store.one(f"SELECT count(*), min(x), max(x) FROM {source}")
    if not count:
        return Spread([], None)
    bars = _bars(store, source, (count, low, high), STEP[scale])
    shown_bars = [Bin(low=shown(bar.low, scale), high=shown(bar.high, scale), count=bar.rows) for bar in bars]
    return Spread(shown_bars, _outliers(store, source, bars, scale))


def _bars(store: Store, source: str, ends: tuple[int, Any, Any], step: int) -> list[Bar]:
    """Count by value where these are few, else in bars of one width."""
    count, low, high = ends
    if count <= BINS:
        return [Bar(x, x, n) for x, n in store.query(f"SELECT x, n FROM {source} ORDER BY x")]
    bounds = list(pairwise(bin_edges(low, high, step)))
    if isinstance(low, int) and max(-low, high, high - low) < 2**62:
        # Far quicker than to hold each number against all bounds.
        place = f"least((x - ({low})) // {bounds[0][1] - low}, {len(bounds) - 1})"
        rows: dict[int, int] = dict(
            store.query(f"SELECT {place} AS place, sum(n)::BIGINT FROM {source} GROUP BY place")
        )
        return [Bar(a, b, rows.get(number, 0)) for number, (a, b) in enumerate(bounds)]
    inside = [f"x >= {_sql(a)} AND x < {_sql(b)}" for a, b in bounds]
    inside[-1] = inside[-1].replace(" < ", " <= ")
    counts = ", ".join(f"coalesce(sum(n) FILTER ({one}), 0)::BIGINT" for one in inside)
    found = store.one(f"SELECT {counts} FROM {source}")
    return [Bar(a, b, n) for (a, b), n in zip(bounds, found, strict=True)]


def bin_edges(low: Any, high: Any, step: int) -> list[Any]:
    """Return the edges of at most `BINS` bins; whole numbers where the values are whole."""
    if isinstance(low, int):
        width = max(step, math.ceil((high - low) / BINS / step) * step)
        return [*range(low, high, width), high]
    low, high = float(low), float(high)
    return [low, *(low + (high / BINS - low / BINS) * place for place in range(1, BINS)), high]


def _outliers(store: Store, source: str, bars: list[Bar], scale: Scale) -> Outliers | None:
    """Find what lies outside Tukey's outer fences; quartiles are values of the column (nearest rank)."""
    total = sum(bar.rows for bar in bars)
    first, third = (_ranked(store, source, bars, -(-total * part // 4)) for part in (1, 3))
    reach = FAR_OUT * (third - first)
    if not reach:
        return None
    outside = f"(x < {_sql(first - reach)} OR x > {_sql(third + reach)})"
    count, lowest, highest, low, high = store.one(
        f"SELECT coalesce(sum(n) FILTER ({outside}), 0)::BIGINT, min(x), max(x),"
        f" min(x) FILTER (NOT {outside}), max(x) FILTER (NOT {outside}) FROM {source}"
    )
    if not count or count > MOST_OUTLIERS * total:
        return None
    example = highest if highest > high else lowest
    return Outliers(count, shown(example, scale), shown(low, scale), shown(high, scale))


def _ranked(store: Store, source: str, bars: list[Bar], rank: int) -> Any:
    """Return the value of the row with this place in order; only its bar's values are sorted."""
    place = 0
    while bars[place].rows < rank:
        rank -= bars[place].rows
        place += 1
    bar = bars[place]
    if bar.low == bar.high and place < len(bars) - 1:
        return bar.low
    until = "<=" if place == len(bars) - 1 else "<"
    return store.one(
        "SELECT min(x) FROM (SELECT x, sum(n) OVER (ORDER BY x) AS c"
        f" FROM {source} WHERE x >= {_sql(bar.low)} AND x {until} {_sql(bar.high)}) WHERE c >= {rank}"
    )[0]


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
