"""One number for a table's quality, from 0 to 100, and what it is made of.

The score is the sum of five dimensions, each worth at most as many points as `WEIGHTS` says. A dimension
keeps all its points where nothing of its kind was found:

    points = weight * (1 - mean over the columns of the square root of their dirty share)

A column's dirty share in a dimension is the number of rows with an issue of that dimension (each issue's
count added up, at most all rows) divided by the table's rows. The square root lets a little dirt be seen:
one bad row in ten thousand costs a hundredth of what a column can cost. Issues that concern a column as a
whole, such as dates stored as text, count as the share in `WHOLE_COLUMN` whatever the rows. What is no
fault, such as a candidate key, costs nothing; what concerns several columns together costs what one would.
Score and points are rounded to four decimals, and the score is the sum of the rounded points. A table without
rows scores 100.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable

from .issues import Issue

WEIGHTS = {"completeness": 30, "validity": 30, "consistency": 20, "uniqueness": 10, "encoding": 10}
DIMENSIONS = {
    "completeness": ("null", "always_null", "empty", "blank", "placeholder"),
    "validity": (
        "impossible_date", "no_date", "no_number", "no_email", "mixed_types", "outlier", "orphan",
        "does_not_fit",
    ),
    "consistency": (
        "stray_spaces", "case_variants", "mixed_formats", "number_as_text", "date_as_text", "ambiguous_date",
    ),
    "uniqueness": ("almost_unique", "unique_but_for_case", "constant"),
    "encoding": ("mojibake", "replacement_character", "nul_byte", "control_character"),
}  # fmt: skip
"""Issue codes by dimension; codes that are not here are no dirt."""
WHOLE_COLUMN = {"number_as_text": 0.01, "date_as_text": 0.01, "constant": 0.01, "ambiguous_date": 0.01}
DIGITS = 4


def score(rows: int, columns: Collection[str], issues: Iterable[Issue]) -> tuple[float, dict[str, float]]:
    """Return the score and the points that each dimension keeps; the points add up to the score."""
    dirty: dict[tuple[str, str | None], float] = defaultdict(float)
    dimension_of = {code: name for name, codes in DIMENSIONS.items() for code in codes}
    for issue in issues:
        if issue.code in dimension_of and rows:
            share = WHOLE_COLUMN.get(issue.code, issue.count / rows)
            dirty[dimension_of[issue.code], issue.column] += share
    lost: dict[str, float] = defaultdict(float)
    for (name, _), share in dirty.items():
        lost[name] = min(1.0, lost[name] + math.sqrt(min(1.0, share)) / max(1, len(columns)))
    points = {name: round(weight * (1 - lost[name]), DIGITS) for name, weight in WEIGHTS.items()}
    return round(sum(points.values()), DIGITS), points
