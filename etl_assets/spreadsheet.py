"""Rejected rows as lines of a CSV file, which somebody may open in a spreadsheet."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

COLUMNS = ("transformer", "legacy_key", "field", "code", "reason", "raw")
MASK = "***"
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
"""How a text begins that a spreadsheet would calculate, or run."""
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def cells(*texts: str, raw: Mapping[str, Any], sensitive: Collection[str]) -> list[str]:
    """Write a reject's texts and its raw row under `COLUMNS`; sensitive source columns are masked."""
    row = json.dumps(masked(raw, sensitive), ensure_ascii=False)
    return [harmless(text) for text in (*texts, row)]


def masked(raw: Mapping[str, Any], sensitive: Collection[str]) -> dict[str, Any]:
    """Return the raw row with the values of sensitive columns covered."""
    return {name: MASK if name in sensitive else value for name, value in raw.items()}


def harmless(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula; a number is none."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
