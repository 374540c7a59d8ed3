"""The text verbs: text in, text out. Each does exactly what the Python method does that it is named after.

A kernel does the work where it provably agrees with Python, which for most means ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import ftfy
import pyarrow as pa
import pyarrow.compute as pc

from .distinct import filled, map_distinct

# Every character that Python's str.isspace knows: Arrow's own idea of white space is another one.
WHITE_SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_SPACE = "[" + "".join(rf"\x{{{ord(one):x}}}" for one in WHITE_SPACE) + "]"
NOT_COLLAPSED = rf"^{_SPACE}|{_SPACE}{{2}}|{_SPACE.replace(chr(92) + 'x{20}', '')}|{_SPACE}$"
"""Finds white space that `collapse_spaces` changes: at an end, two in a row, or no plain space."""


def strip(texts: pa.Array) -> pa.Array:
    return pc.utf8_trim(texts, WHITE_SPACE)


def blank_to_null(texts: pa.Array) -> pa.Array:
    """Blank text is null for every type but text; the rest stays as it is."""
    return pc.if_else(pc.equal(strip(texts), ""), None, texts)


def collapse_spaces(texts: pa.Array) -> pa.Array:
    odd = pc.match_substring_regex(texts, NOT_COLLAPSED)
    return filled(texts, _only(pc.invert(odd), texts), lambda text: " ".join(text.split()))


def lower(texts: pa.Array) -> pa.Array:
    return _ascii_or(str.lower, pc.ascii_lower, texts)


def upper(texts: pa.Array) -> pa.Array:
    return _ascii_or(str.upper, pc.ascii_upper, texts)


def title(texts: pa.Array) -> pa.Array:
    return _ascii_or(str.title, pc.ascii_title, texts)


def _ascii_or(
    function: Callable[[str], str], kernel: Callable[[pa.Array], pa.Array], texts: pa.Array
) -> pa.Array:
    """Let `kernel` see to ASCII, and Python's own `function` to each other distinct value."""
    return filled(texts, kernel(_only(pc.string_is_ascii(texts), texts)), function)


def _only(mask: pa.Array, texts: pa.Array) -> pa.Array:
    return texts if pc.all(mask).as_py() else pc.if_else(mask, texts, None)


def digits(texts: pa.Array) -> pa.Array:
    # Mostly these two are all there is to take out, and to look for them is five times faster.
    texts = pc.replace_substring(pc.replace_substring(texts, " ", ""), "-", "")
    done = pc.ascii_is_decimal(texts)
    if pc.all(done).as_py():
        return texts
    rest = pc.replace_substring_regex(pc.if_else(done, "", texts), "[^0-9]+", "")
    return pc.if_else(done, texts, rest)


def replace(texts: pa.Array, text: str, with_: str, regex: bool) -> pa.Array:
    if regex:
        pattern = re.compile(text)
        return map_distinct(texts, lambda value: pattern.sub(with_, value), pa.string())
    if not text:  # Python puts `with_` between all characters, Arrow does not
        return map_distinct(texts, lambda value: value.replace("", with_), pa.string())
    return pc.replace_substring(texts, text, with_)


def truncate(texts: pa.Array, n: int) -> pa.Array:
    return pc.utf8_slice_codeunits(texts, 0, n)


def fix_encoding(texts: pa.Array) -> pa.Array:
    return filled(texts, _only(pc.string_is_ascii(texts), texts), ftfy.fix_encoding)
