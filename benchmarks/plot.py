"""The plots of docs/performance.md: grey text and no background, to be read on white and on black."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .contenders import CONTENDERS
from .goals import ROUTE_NAMES, per_row
from .jobs import COLUMN_SHAPES
from .report import OURS
from .results import RIGHT, Figure, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREY = "#808080"
SHADES = ("#2a9d8f", "#e9a23b", "#8d99ae", "#c8553d")
NAMES = {"patients": "patients, 14 columns", **{shape.name: shape.title for shape in COLUMN_SHAPES}}
COLOURS = {"ours": "#2a9d8f", "peer": "#8d99ae", "limit": "#e9a23b"}


def draw_contenders(results: Results, path: Path) -> None:
    """Rows a second into an empty target, one panel for each pair of databases."""
    panels = {}
    for route, title in ROUTE_NAMES.items():
        figures = results.part(f"patients {route}").figures(situation="empty")
        right = [one for one in figures if one.outcome == RIGHT]
        if right:
            panels[title] = sorted(right, key=lambda one: one.rows_per_second)
    if not panels:
        return
    drawing, axes = _canvas(
        len(panels), height=0.6 + 0.45 * sum(map(len, panels.values())) + 0.5 * len(panels)
    )
    widest = max(one.rows_per_second for figures in panels.values() for one in figures)
    for axis, (title, figures) in zip(axes, panels.items(), strict=True):
        names = [one.first.contender for one in figures]
        speeds = [one.rows_per_second for one in figures]
        drawn = axis.barh([CONTENDERS[name].title for name in names], speeds, color=list(map(_colour, names)))
        axis.bar_label(drawn, [f"{speed:,.0f}" for speed in speeds], padding=4, color=GREY)
        axis.set_xlim(0, widest * 1.15)
        axis.set_title(f"{title}, rows a second", loc="left", color=GREY, fontsize=10)
        axis.set_xticks([])
        _plain(axis)
    _save(drawing, path)


def draw_growth(results: Results, path: Path) -> None:
    """The engine's microseconds a row over the number of rows: flat is good."""
    lines: dict[str, list[Figure]] = {}
    for figure in (*results.part("rows").figures(), *results.part("columns").figures()):
        if figure.outcome == RIGHT:
            lines.setdefault(figure.first.job, []).append(figure)
    if not lines:
        return
    drawing, (axis,) = _canvas(1, height=4)
    for (job, figures), shade in zip(lines.items(), SHADES, strict=False):
        rows = [one.first.rows for one in figures]
        axis.plot(rows, [1e6 * per_row(one) for one in figures], "o-", color=shade, label=NAMES.get(job, job))
    axis.set_ylim(bottom=0)
    axis.set_xscale("log")
    ticks = sorted({one.first.rows for figures in lines.values() for one in figures})
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks], rotation=30)
    axis.minorticks_off()
    axis.set_title("Microseconds a row, by rows", loc="left", color=GREY, fontsize=10)
    axis.legend(frameon=False, labelcolor=GREY)
    _plain(axis)
    _save(drawing, path)


def _colour(contender: str) -> str:
    kind = "ours" if contender in OURS else contender if contender == "limit" else "peer"
    return COLOURS[kind]


def _canvas(panels: int, height: float) -> tuple[Any, list[Axes]]:
    import matplotlib

    matplotlib.use("svg")
    # The same results give the same file; text stays text.
    matplotlib.rcParams |= {"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(panels, 1, figsize=(8, height), squeeze=False)
    return drawing, list(axes[:, 0])


def _plain(axis: Axes) -> None:
    axis.tick_params(colors=GREY, length=0)
    axis.patch.set_alpha(0)
    for side, line in axis.spines.items():
        line.set_visible(side == "left")
        line.set_color(GREY)


def _save(drawing: Any, path: Path) -> None:
    drawing.tight_layout()
    drawing.savefig(path, transparent=True, metadata={"Date": None})
