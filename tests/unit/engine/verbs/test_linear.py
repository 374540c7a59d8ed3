"""Regular expressions in Arrow, held against Python's own on the same texts."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.columns import col
from etl_assets.engine.verbs.linear import linear_regex

from .oracle import good

TEXTS = [
    "",
    "a",
    "ab",
    "AB123456",
    "ab\n",
    "\n",
    "a b",
    "a-b",
    "]",
    "^",
    "0",
    "_",
    "\x00",
    "é",
    "AB٣",
    "aaa",
    "xy",
]
SIMPLE = [
    r"[A-Z]{2}\d{6}", r"a|ab", r".*", "", r"[^\n\w-]+", r"(?:ab)?c?", r"(?P<n>x)y", r"[]a]", r"[\^x]",
    r"a{2,}?", r"\w+", r"[^a]", r"é|\]", r"(a|b){0,3}",
]  # fmt: skip
LEFT_TO_PYTHON = [
    r"(?i)a", r"\s+", r"a$", r"^a", r"(a)\1", r"(?=a).", r"\ba", r"a{0,2000}", r"(?i:a)", r"a*+", r"\D",
]  # fmt: skip


@pytest.mark.parametrize("regex", SIMPLE)
def test_both_match_the_same_ascii_texts(regex: str) -> None:
    linear = linear_regex(regex)
    assert linear is not None
    ascii_texts = [text for text in TEXTS if text.isascii()]
    found = pc.match_substring_regex(pa.array(ascii_texts), linear).to_pylist()
    assert found == [re.fullmatch(regex, text) is not None for text in ascii_texts]


@pytest.mark.parametrize("regex", LEFT_TO_PYTHON)
def test_what_differs_is_left_to_python(regex: str) -> None:
    assert linear_regex(regex) is None


PARTS = st.sampled_from(
    ["a", "b", "1", r"\d", r"\w", ".", "[a-c]", "[^a1]", "-", r"\.", r"[\d_]", "(?:ab|b1)", "(a)", "é"]
)
REGEXES = st.lists(
    st.tuples(PARTS, st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}", "??"])), min_size=1, max_size=4
).map(lambda parts: "".join(part + times for part, times in parts))


@given(REGEXES, st.lists(st.text("ab1é_-.٣\n", max_size=5), max_size=20))
def test_matches_is_pythons_own(regex: str, texts: list[str]) -> None:
    array = pa.array([*texts, None], pa.string())
    assert good(col("x").matches(regex), array) == [
        *(bool(re.fullmatch(regex, text)) for text in texts),
        True,
    ]
