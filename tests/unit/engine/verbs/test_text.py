from __future__ import annotations

import re
import sys

import ftfy
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.columns import Expression, col
from etl_assets.engine.verbs.text import WHITE_SPACE

from .oracle import NASTY_TEXTS, assert_reads, rows, verb

x = col("x")

VERBS = [
    (x.strip(), str.strip),
    (x.collapse_spaces(), lambda s: " ".join(s.split())),
    (x.lower(), str.lower),
    (x.upper(), str.upper),
    (x.title(), str.title),
    (x.digits(), lambda s: "".join(c for c in s if c in "0123456789")),
    (x.replace("a", "bb"), lambda s: s.replace("a", "bb")),
    (x.replace("", "-"), lambda s: s.replace("", "-")),
    (x.replace(".", "!"), lambda s: s.replace(".", "!")),
    (x.replace(r"(\w)\s+$", r"<\1>", regex=True), lambda s: re.sub(r"(\w)\s+$", r"<\1>", s)),
    (x.replace(r"x*", "-", regex=True), lambda s: re.sub(r"x*", "-", s)),
    (x.truncate(0), lambda s: ""),
    (x.truncate(3), lambda s: s[:3]),
    (x.truncate(19_999), lambda s: s[:19_999]),
    (x.fix_encoding(), ftfy.fix_encoding),
]


@pytest.mark.parametrize(
    ("expression", "python"),
    VERBS,
    ids=lambda v: getattr(v, "steps", [v])[0].name if isinstance(v, Expression) else "",
)
def test_text_verbs_do_what_python_does(expression, python):
    assert_reads(expression, NASTY_TEXTS, python, pa.string())


@given(st.lists(st.one_of(st.none(), st.text(), st.text("aÃ¼ \u3000ǆİß'9-"))))
def test_text_verbs_do_what_python_does_with_any_text(texts):
    array = pa.array(texts, pa.string())
    for expression, python in VERBS:
        assert rows(verb(expression, array)) == [None if text is None else python(text) for text in texts]


def test_white_space_is_all_that_python_knows():
    assert set(WHITE_SPACE) == {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}


def test_every_ascii_character_is_cased_as_python_does():
    texts = [f"{a}{b}z" for a in map(chr, range(128)) for b in map(chr, range(128))]
    for expression, python in VERBS[:6]:
        assert rows(verb(expression, pa.array(texts))) == [python(text) for text in texts]


def test_fix_encoding_mends_encodings_only():
    mended = verb(x.fix_encoding(), pa.array(["MÃ¼ller", "“quoted” &amp; <b>", "Müller"]))
    assert rows(mended) == ["Müller", "“quoted” &amp; <b>", "Müller"]


def test_text_verbs_take_other_types_as_text():
    assert rows(verb(x.truncate(2), pa.array([12345, None, -7]))) == ["12", None, "-7"]
    assert rows(verb(x.upper(), pa.array([True, None]))) == ["TRUE", None]
