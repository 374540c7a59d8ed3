"""The HTML pages of `etl`, opened in a real browser: readable in light and dark, on a phone and on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl_assets.analysis.render.page import page
from tests.browser.chromium import Browser, installed, running
from tests.browser.results import NASTY, RESULTS

PROGRAM = installed()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed on this machine")

TEXTS = """
(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.textContent.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.width > 1 && box.height > 1) found.push({node, box});
  }
  return found;
})()
"""
OVERLAPS = f"""
(() => {{
  const texts = {TEXTS}, bad = [];
  texts.sort((a, b) => a.box.top - b.box.top);
  for (let i = 0; i < texts.length; i++)
    for (let j = i + 1; j < texts.length && texts[j].box.top < texts[i].box.bottom - 2; j++) {{
      const a = texts[i], b = texts[j];
      if (a.node === b.node) continue;
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Lines of one paragraph touch by a hair; so do a code span and the text that it stands in.
      if (across > 2 && down > 5) bad.push([a.node.textContent, b.node.textContent]);
    }}
  return bad;
}})()
"""
FAINT = f"""
(() => {{
  const light = (color) => {{
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((c) => c / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }};
  const behind = (element) => {{
    for (let e = element; e; e = e.parentElement) {{
      const color = getComputedStyle(e).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)" && color !== "transparent") return color;
    }}
    return "rgb(255, 255, 255)";
  }};
  const bad = new Set();
  for (const {{node}} of {TEXTS}) {{
    const e = node.parentElement;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.add(node.textContent.trim());
  }}
  return [...bad];
}})()
"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PROGRAM is not None
    with running(PROGRAM, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module", params=list(RESULTS))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one action, about a table that is as nasty as tables get."""
    path = tmp_path_factory.mktemp("pages") / f"{request.param}.html"
    path.write_text(page(request.param, NASTY, "legacy", RESULTS[request.param], {}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("width", "scheme", "media"),
    [(1250, "light", "screen"), (1250, "dark", "screen"), (390, "light", "screen"), (720, "dark", "print")],
    ids=["light", "dark", "phone", "paper"],
)
def test_a_page_is_readable(browser: Browser, written: Path, width: int, scheme: str, media: str) -> None:
    browser.open(written, width=width, scheme=scheme, media=media)

    assert browser.run(OVERLAPS) == []
    assert browser.run(FAINT) == []
    assert browser.complaints == []
    assert len(browser.run("document.body.innerText")) > 100
    # On a screen wide tables scroll in their own boxes; on paper they are narrow.
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_paper_is_white(browser: Browser, written: Path) -> None:
    browser.open(written, scheme="dark")
    assert browser.run(BACKGROUND) == "rgb(15, 19, 24)"
    browser.open(written, scheme="light")
    assert browser.run(BACKGROUND) == "rgb(255, 255, 255)"
    browser.open(written, scheme="dark", media="print")
    assert browser.run(BACKGROUND) == "rgb(255, 255, 255)"


def test_it_prints(browser: Browser, written: Path) -> None:
    browser.open(written)

    assert browser.paper().startswith(b"%PDF")


def test_rows_of_many_columns_fit_on_paper(browser: Browser, tmp_path: Path) -> None:
    row = {f"column_{number}": f"someone{number}@example.org" for number in range(15)}
    group = {"values": {"column_0": row["column_0"]}, "count": 2, "rows": [row, row]}
    found = {**RESULTS["duplicates"], "columns": ["column_0"], "groups": [group]}
    path = tmp_path / "duplicates.html"
    path.write_text(page("duplicates", "t", "legacy", found, {}), encoding="utf-8")
    browser.open(path, width=720, media="print")

    assert browser.run("document.documentElement.scrollWidth") <= 720
    assert browser.run(OVERLAPS) == []


def test_a_value_is_text_and_no_part_of_the_page(browser: Browser, written: Path) -> None:
    browser.open(written)

    assert browser.run("document.querySelectorAll('script, img, iframe, link, [onerror]').length") == 0
    assert browser.run("document.querySelector('h1').textContent") == NASTY


def test_the_pictures_have_the_sizes_of_their_counts(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "analyze.html"
    path.write_text(page("analyze", "t", "legacy", RESULTS["analyze"], {}), encoding="utf-8")
    browser.open(path)

    heights = browser.run(
        "[...document.querySelector('.histogram').children].map((bar) => bar.getBoundingClientRect().height)"
    )
    counts = [bar["count"] for bar in RESULTS["analyze"]["columns"][NASTY]["histogram"]]
    highest = max(heights)
    assert [round(max(counts) * height / highest) for height in heights] == counts, json.dumps(heights)
