"""Regular expressions that Arrow can match in the place of Python, many times faster.

Arrow's RE2 and Python agree on what a whole text matches as long as the text is ASCII and the expression is
made of characters, sets, groups, alternatives and repetitions. What is only a little different, such as
`\\s` or `$`, is left to Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

CATEGORIES = {code.CATEGORY_DIGIT: "0-9", code.CATEGORY_WORD: "0-9A-Za-z_"}
REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT)
"""Greedy or not makes no difference where the whole text has to match."""


class _NotLinear(Exception):
    """Python has to do it."""


@cache
def linear_regex(regex: str) -> str | None:
    """Return what RE2 has to find in an ASCII text that is all matched; None where Python has to match."""
    try:
        parsed = _parser.parse(regex)
        # Flags come with the pattern; those of a group are told by the group itself.
        if parsed.state.flags & ~re.UNICODE:
            return None
        written = rf"\A(?:{_written(parsed)})\z"
        pc.match_substring_regex(pa.array([""]), written)
    except (_NotLinear, pa.ArrowInvalid):  # RE2 bounds how often a part may be repeated
        return None
    return written


def _written(parts: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_part(name, given) for name, given in parts)


def _part(name: Any, given: Any) -> str:
    if name is code.LITERAL:
        return _character(given)
    if name is code.NOT_LITERAL:
        return f"[^{_character(given)}]"
    if name is code.ANY:
        return r"[^\n]"
    if name is code.IN:
        is_not = given[0][0] is code.NEGATE
        return f"[{'^' if is_not else ''}{''.join(_member(*one) for one in given[is_not:])}]"
    if name is code.BRANCH:
        return f"(?:{'|'.join(map(_written, given[1]))})"
    if name is code.SUBPATTERN and not given[1] and not given[2]:
        return f"(?:{_written(given[3])})"
    if name in REPEATS:
        return f"(?:{_written(given[2])}){_times(*given[:2])}"
    raise _NotLinear


def _member(name: Any, given: Any) -> str:
    if name is code.LITERAL:
        return _character(given)
    if name is code.RANGE:
        return f"{_character(given[0])}-{_character(given[1])}"
    if name is code.CATEGORY and given in CATEGORIES:
        return CATEGORIES[given]
    raise _NotLinear


def _times(low: int, high: Any) -> str:
    return f"{{{low},{'' if high is code.MAXREPEAT else high}}}"


def _character(number: int) -> str:
    return rf"\x{{{number:x}}}"
