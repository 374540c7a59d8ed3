"""The shape of text: digits become 9, capitals A, other letters a, and all else stays.

A column of a million values has few shapes, so that whatever a shape can tell is asked of the shapes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from ..engine.verbs.text import WHITE_SPACE
from .store import Store, literal

LOWER, UPPER, DIGITS = b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789"
TO_SHAPE = bytes.maketrans(LOWER + UPPER + DIGITS, b"a" * 26 + b"A" * 26 + b"9" * 10)
AT_ONCE = 50_000
MOST_FORMATS = 10
FEW = 25
"""Up to so many patterns are shown letter by letter; of more, runs of letters are shown as one."""
LONG = 60
"""Characters of a pattern that are shown."""


def _class(characters: str) -> str:
    """Write a character class for DuckDB's regular expressions."""
    return "[" + "".join(rf"\x{{{ord(one):x}}}" for one in characters) + "]"


ODD_SPACE = _class("".join(set(WHITE_SPACE) - set(" \t\n\r")))
"""White space that nobody typed on purpose."""
CONTROL = r"[\x01-\x08\x0e-\x1b\x7f]"


@dataclass(frozen=True, slots=True)
class Format:
    """One pattern, with how many rows have it and a value that does."""

    pattern: str
    count: int
    example: str


def make_shapes(store: Store) -> None:
    """Make the table `s` from `d`: shape, values, rows, an example, and the shape without outer spaces."""
    store.query("CREATE OR REPLACE TABLE parts (s VARCHAR, k BIGINT, n BIGINT, e VARCHAR)")
    for batch in store.stream("SELECT v, n FROM d", AT_ONCE):
        values = batch.column(0)
        store.connection.register(
            "shaped", pa.table([shapes(values), values, batch.column(1)], ["s", "v", "n"])
        )
        store.query("INSERT INTO parts SELECT s, count(*), sum(n), min(v) FROM shaped GROUP BY s")
        store.connection.unregister("shaped")
    store.query(
        "CREATE OR REPLACE TABLE s AS SELECT s, sum(k)::BIGINT AS k, sum(n)::BIGINT AS n, min(e) AS e,"
        f" trim(s, {literal(WHITE_SPACE)}) AS t FROM parts GROUP BY s"
    )


def make_view(store: Store) -> None:
    """Make the view `w` of `d`, with each value's text without outer spaces as `t`.

    To trim is slow, and the slower the more characters it has to know: those that untidy shapes have will do.
    """
    asked = ", ".join(f"bool_or(contains(s, {literal(one)}))" for one in WHITE_SPACE)
    there = store.one(f"SELECT {asked} FROM s WHERE s <> t")
    spaces = "".join(one for one, is_there in zip(WHITE_SPACE, there, strict=True) if is_there)
    ends = [f"{at}_with(v, {literal(one)})" for one in spaces for at in ("starts", "ends")]
    trimmed = f"CASE WHEN {' OR '.join(ends)} THEN trim(v, {literal(spaces)}) ELSE v END" if ends else "v"
    store.query(f"CREATE OR REPLACE VIEW w AS SELECT v, n, {trimmed} AS t FROM d")


def shapes(texts: pa.Array) -> pa.Array:
    """Return the shape of each text; letters and digits beyond ASCII stay as they are.

    The bytes of all values are translated at once, which is a hundred times faster than one by one.
    """
    validity, offsets, data = texts.buffers()
    if data is None:
        return texts
    translated = pa.py_buffer(data.to_pybytes().translate(TO_SHAPE))
    return pa.Array.from_buffers(texts.type, len(texts), [validity, offsets, translated], offset=texts.offset)


def formats(store: Store, *, is_ascii: bool) -> list[Format]:
    """Return the most frequent patterns of a column; the empty text has none."""
    plain = "s"
    if not is_ascii:
        plain = r"regexp_replace(regexp_replace(s, '\p{Lu}', 'A', 'g'), '[\p{Ll}\p{Lo}]', 'a', 'g')"
    found = _count(store, plain)
    if len(found) > FEW:
        found = _count(
            store, f"regexp_replace(regexp_replace({plain}, 'a+', 'a+', 'g'), 'A{{2,}}', 'A+', 'g')"
        )
    return found[:MOST_FORMATS]


def _count(store: Store, pattern: str) -> list[Format]:
    rows = store.query(
        f"SELECT p, sum(n)::BIGINT AS rows, min(e) FROM (SELECT {pattern} AS p, n, e FROM s WHERE s <> '')"
        f" GROUP BY p ORDER BY rows DESC, p LIMIT {FEW + 1}"
    )
    return [Format(shortened(p, LONG), n, e) for p, n, e in rows]


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def as_regex(pattern: str) -> str:
    """Return a regular expression for a pattern: AA999999 gives [A-Z]{2}\\d{6}."""
    parts = {"9": r"\d", "A": "[A-Z]", "a": "[a-z]"}
    written = ""
    for run in re.finditer(r"(.)\1*", pattern, re.DOTALL):
        one, times = parts.get(run[1], re.escape(run[1]).replace(r"\ ", " ").replace(r"\-", "-")), len(run[0])
        written += one if times == 1 else f"{one}{{{times}}}"
    return written
