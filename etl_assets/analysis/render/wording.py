"""Values and numbers as people read them, on a terminal and in a page."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

NULL = "null"
INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
"""Unicode categories that a terminal obeys or nobody sees: a value must not steer where it is shown."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shown(value: Any, most: int | None = None) -> str:
    """Return a value as text, with what is invisible in it written as an escape."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    if most is not None and len(text) > most:
        text = f"{text[: most - 1]}{ELLIPSIS}"
    return "".join(map(_visible, text)) if not text.isprintable() else text


def quoted(value: Any, most: int | None = None) -> str:
    """The same, with spaces at the ends to be seen: text that has some, or nothing else, is in quotes."""
    text = shown(value, most)
    return f"'{text}'" if isinstance(value, str) and (text != text.strip() or not text) else text


def number(value: float | None) -> str:
    """Write a number with thousands apart."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def percent(value: float | None) -> str:
    """Write a percentage; what is there but tiny is not 0%, and what is nearly all is not 100%."""
    if value is None:
        return "-"
    if 0 < value < 0.1:
        return "<0.1%"
    if 99.9 < value < 100:
        return ">99.9%"
    return f"{value:.1f}".removesuffix(".0") + "%"


def size(count: int | None) -> str:
    """Write a number of bytes."""
    if count is None:
        return "-"
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def duration(seconds: float | None) -> str:
    """Write a time in the two units that matter."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun."""
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in INVISIBLE:
        return character
    return character.encode("unicode_escape").decode("ascii")
