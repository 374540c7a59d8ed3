"""What people type where they have nothing to type."""

from __future__ import annotations

import re
from functools import cache

from .store import Store, literal

WORDS = frozenset(
    """n/a na n.a. n.a #n/a none null nil nan undefined - -- --- ---- . .. ... ? ?? ??? * x xx xxx xxxx
    unknown unk unbekannt inconnu desconocido missing tba tbc tbd todo dummy empty blank void
    0000-00-00 00/00/0000 00.00.0000 00-00-0000 00/00/00 00000000 99/99/9999 99999999
    1900-01-01 01/01/1900 01.01.1900 1/1/1900 01-01-1900 0001-01-01 01/01/0001 1753-01-01
    9999-12-31 31/12/9999 31.12.9999 12/31/9999 31-12-9999 9999-01-01 01/01/9999 01.01.9999""".split()
) | {
    "not known",
    "not available",
    "not applicable",
    "not recorded",
    "no data",
    "not stated",
    "(null)",
    "<null>",
}
"""In lower case, without outer spaces."""
SHAPES = frozenset(re.sub("[a-z]", "a", re.sub("[0-9]", "9", word)) for word in WORDS)
MIDNIGHT = r"[ ta]00:00(:00(\.0+)?)?$"
"""A day of no meaning may be written with a time of no meaning."""
NO_DAYS = ("0001-01-01", "1753-01-01", "1900-01-01", "9999-01-01", "9999-12-31")
"""Days that stand for none in columns of dates and times."""


def text_placeholders(store: Store) -> list[tuple[str, int]]:
    """Return the values of `w` that are placeholders, with their rows, the most frequent first.

    Most columns have no value of a placeholder's shape, and need not be looked through.
    """
    shapes, words = _listed(SHAPES), _listed(WORDS)
    day = f"regexp_replace(lower(t), '{MIDNIGHT}', '')"
    lengths = store.query(
        f"SELECT DISTINCT strlen(s) FROM s WHERE strlen(t) <= 26 AND (lower(t) IN ({shapes})"
        f" OR regexp_replace(lower(t), '{MIDNIGHT.replace('0', '9')}', '') IN ({shapes}))"
    )
    if not lengths:
        return []
    return store.query(
        f"SELECT v, n FROM w WHERE strlen(v) IN ({', '.join(str(length) for (length,) in lengths)})"
        f" AND (lower(t) IN ({words}) OR (strlen(t) > 10 AND {day} IN ({words}))) ORDER BY n DESC, v"
    )


@cache
def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(map(literal, words)))


def day_placeholders(store: Store, *, has_time: bool) -> list[tuple[str, int]]:
    """Return the days of `d` that stand for none, or the midnights before them."""
    listed = ", ".join(f"DATE '{day}'" for day in NO_DAYS)
    written = "%Y-%m-%dT%H:%M:%S" if has_time else "%Y-%m-%d"
    return store.query(f"SELECT strftime(v, '{written}'), n FROM d WHERE v IN ({listed}) ORDER BY n DESC, v")
