"""The page and the results agree, and no figure comes from anywhere else."""

from __future__ import annotations

import re

from benchmarks.full import PAGE, RESULTS
from benchmarks.report import rendered
from benchmarks.results import Results


def test_the_tables_are_those_of_the_results() -> None:
    page = PAGE.read_text()

    assert rendered(page, Results(RESULTS)) == page, "run `make bench-tables`"


def test_outside_the_tables_nothing_is_measured() -> None:
    text = re.sub(r"<!-- benchmarks: (.*?) -->.*?<!-- end: \1 -->", "", PAGE.read_text(), flags=re.DOTALL)

    figures = r"\d[\d.,]*\s*(?:s|ms|seconds|minutes|MB|GB|rows/s|rows a second|times|percent faster|%)(?!\w)"
    assert re.findall(figures, text) == []
