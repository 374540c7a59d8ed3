"""Reading dates and times in `strptime` formats, exactly as Python does and much faster.

Most formats are made of %Y %m %d %H %M %S and what stands between them. Text in such a format is
rearranged to ISO 8601 by a kernel and then read digit by digit, a column at a time. What does not fit
that way, and every other format, goes to `strptime` itself.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from .distinct import filled
from .iso import read_iso
from .plain import INSTANT
from .text import WHITE_SPACE

PIECE = re.compile(r"(%?)(.?)", re.DOTALL)
# By the fields of a format in alphabetical order.
ISO_TEMPLATES = {"Ydm": "{Y}-{m}-{d}", "HMSYdm": "{Y}-{m}-{d}T{H}:{M}:{S}", "HMYdm": "{Y}-{m}-{d}T{H}:{M}"}


@dataclass(frozen=True, slots=True)
class NumericFormat:
    """A format made of numbers, as patterns of Arrow's regular expressions."""

    exact: str
    """Every number with all its digits."""
    iso: str
    """Where the numbers of `exact` stand in ISO 8601."""
    loose: str
    """Matches whatever `strptime` may possibly read, and little else."""

    def as_iso(self, texts: pa.Array) -> pa.Array:
        """Rearrange to ISO 8601; null where the shape is another."""
        fits = pc.match_substring_regex(texts, self.exact)
        if not pc.all(fits).as_py():
            texts = pc.if_else(fits, texts, pc.replace_substring_regex(texts, r"\b([0-9])\b", r"0\1"))
            fits = pc.match_substring_regex(texts, self.exact)
        return pc.if_else(fits, pc.replace_substring_regex(texts, self.exact, self.iso), None)

    def candidates(self, texts: pa.Array) -> pa.Array:
        """Make null of what `strptime` cannot read, since to be refused by it takes long."""
        return pc.if_else(pc.match_substring_regex(texts, self.loose), texts, None)


@cache
def numeric_format(pattern: str) -> NumericFormat | None:
    """Take a `strptime` format apart, or return None where it is not made of numbers only."""
    exact = loose = ""
    fields: list[str] = []
    for percent, literal in PIECE.findall(pattern):
        if percent:
            fields.append(literal or "?")
            exact += "([0-9]{4})" if literal == "Y" else "([0-9]{2})"
            loose += r"\p{Nd}{4}" if literal == "Y" else r"[\p{Nd} ]{1,2}"
        elif not literal.isascii() or literal.isdigit():
            return None
        elif literal:
            exact += _quoted(literal)
            loose += _loosely(literal)
    iso = ISO_TEMPLATES.get("".join(sorted(fields)))
    if iso is None:
        return None
    groups = {name: rf"\{number}" for number, name in enumerate(fields, 1)}
    return NumericFormat(f"^{exact}$", iso.format(**groups), f"(?s)^{loose}$")


def _quoted(character: str) -> str:
    return rf"\x{{{ord(character):x}}}"


def _loosely(literal: str) -> str:
    """Python reads any run of white space for one, and letters in either case."""
    if literal.isspace():
        return f"[{''.join(map(_quoted, WHITE_SPACE))}]*"
    return "." if literal.isalpha() else _quoted(literal)


def read_dates(texts: pa.Array, pattern: str) -> pa.Array:
    """Read dates in one format; null for what is not in it."""
    return _read(texts, pattern, pa.date32(), _strptime_date)


def read_times(texts: pa.Array, pattern: str) -> pa.Array:
    """Read times in one format: instants where it has an offset (%z), else local times."""
    to = INSTANT if "%z" in pattern.replace("%%", "") else pa.timestamp("us")
    return _read(texts, pattern, to, dt.datetime.strptime)


def _strptime_date(text: str, pattern: str) -> dt.date:
    return dt.datetime.strptime(text, pattern).date()  # noqa: DTZ007 (a day needs no zone)


def _read(
    texts: pa.Array,
    pattern: str,
    to: pa.DataType,
    strptime: Callable[[str, str], dt.date],
) -> pa.Array:
    done = pa.nulls(len(texts), to)
    numeric = numeric_format(pattern)
    if numeric is not None:
        done = read_iso(numeric.as_iso(texts), to)
        texts = numeric.candidates(texts)
    return filled(texts, done, partial(or_none, lambda text: strptime(text, pattern)))


def or_none(read: Callable[[str], dt.date | None], text: str) -> dt.date | None:
    """Return what was read, and None where it was no date or time or one that Python cannot hold."""
    try:
        value = read(text)
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            return value.astimezone(dt.UTC)
        return value
    except (ValueError, OverflowError):
        return None
