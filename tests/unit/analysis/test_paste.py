"""What is suggested is Python, and means what was meant."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.analysis.paste import call, chain, literal, raw_literal
from etl_assets.analysis.shapes import as_regex


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_reads_back(text: str) -> None:
    written = literal(text)
    assert ast.literal_eval(written) == text
    assert written.startswith('"')


@pytest.mark.parametrize("regex", [r"[A-Z]{2}\d{6}", 'say "x"', "end\\"])
def test_any_regex_reads_back(regex: str) -> None:
    assert ast.literal_eval(raw_literal(regex)) == regex


def test_an_expression() -> None:
    verbs = ["strip()", call("null_if", "N/A", "0000-00-00"), call("date", "%d/%m/%Y")]
    expected = 'col("dob").strip().null_if("N/A", "0000-00-00").date("%d/%m/%Y")'
    assert chain("dob", verbs) == expected


@pytest.mark.parametrize(
    ("pattern", "value", "regex"),
    [("AA999999", "XY123456", r"[A-Z]{2}\d{6}"), ("aa-9 (A)", "xy-1 (Q)", r"[a-z]{2}-\d \([A-Z]\)")],
)
def test_the_regex_of_a_pattern(pattern: str, value: str, regex: str) -> None:
    assert as_regex(pattern) == regex
    assert re.fullmatch(as_regex(pattern), value)
