"""Results as tables on a terminal, laid out by rich."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .checks import checks
from .preview import Sources, pairs
from .score import dimensions
from .wording import duration, number, percent, plural, quoted, shown, size

CELL = 40
"""Characters of a value that are shown; JSON and HTML have all."""
BAR = 10
SEVERAL = 6
"""Rows of one group of duplicates that are shown."""
SCORES = ((90, "green"), (70, "yellow"), (0, "red"))


def layout(action: str, result: Mapping[str, Any], sources: Sources) -> RenderableType:
    """Lay the result of an action out.

    Args:
        sources: of a preview by a transformer, target field -> the columns that it is made of.
    """
    if action == "preview":
        return preview(result, sources)
    layouts = {"analyze": analysis, "duplicates": duplicates, "estimate": estimate, "checks": checks}
    return layouts[action](result)


def analysis(found: Mapping[str, Any]) -> RenderableType:
    """Lay out what `analyze` returned."""
    score = found["quality_score"]
    style = next(style for least, style in SCORES if score >= least)
    head = _heading(found["table"], found["database"])
    head.append(f"\n{plural(found['row_count'], 'row')}, {plural(found['column_count'], 'column')}: ")
    head.append(", ".join(f"{count} {kind}" for kind, count in found["type_distribution"].items()))
    head.append("\nQuality ").append(f"{score:.1f} of 100", f"bold {style}")
    parts = (f"{name} {points:.1f}/{most:g}" for name, points, most in dimensions(found["score_breakdown"]))
    head.append(f"  {', '.join(parts)}", "dim")
    return Group(head, "", _columns(found["columns"]), "", *_issues(found["issues"]))


def duplicates(found: Mapping[str, Any]) -> RenderableType:
    """Lay out what `duplicates` returned."""
    head = _heading(found["table"], found["database"])
    head.append(f"\nSame {', '.join(map(shown, found['columns']))}: ")
    head.append(
        f"{plural(found['group_count'], 'group')} of {plural(found['duplicate_count'], 'row')}, "
        f"{number(found['surplus_count'])} beyond the first of each",
        "bold",
    )
    if found["null_rows"]:
        head.append(f"\n{plural(found['null_rows'], 'row')} with a null in these columns, in no group")
    if not found["groups"]:
        return Group(head, "\nNo duplicates.")
    parts: list[RenderableType] = [head]
    for group in found["groups"]:
        rows = Rows(group["rows"][:SEVERAL], found["columns"])
        parts += ["", _group_title(group), Padding(rows, (0, 0, 0, 2))]
        if (more := group["count"] - SEVERAL) > 0:
            parts.append(Text(f"  and {plural(more, 'row')} more", "dim"))
    if (more := found["group_count"] - len(found["groups"])) > 0:
        parts.append(Text(f"\n{plural(more, 'more group')}: --limit shows them.", "dim"))
    return Group(*parts)


def preview(found: Mapping[str, Any], sources: Sources) -> RenderableType:
    """Lay out what `preview` returned: of each changed value the old one before the new one."""
    parts: list[RenderableType] = [_heading(found["table"], found["database"])]
    if found["transformer"]:
        parts.append(Text(f"As {shown(found['transformer'])} transforms it"))
    else:
        parts.append(Text("No transformer reads this table: as the suggested verbs transform it"))
    if not found["rows"]:
        parts.append(Text("\nNo rows."))
    for place, row in enumerate(found["rows"], 1):
        parts += ["", *_previewed(place, row, sources)]
    if any(found["suggestions"].values()):
        parts += ["", _suggestions(found["suggestions"])]
    return Group(*parts)


def estimate(found: Mapping[str, Any]) -> RenderableType:
    """Lay out what `estimate` returned."""
    head = _heading(found["table"], found["database"])
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    low, high = found["estimated_seconds_low"], found["estimated_seconds_high"]
    time = Text(duration(found["estimated_seconds"]), "bold")
    time.append(f"  between {duration(low)} and {duration(high)}", "not bold")
    facts.add_row("Time", time)
    batches = f"{plural(found['batches'], 'batch', 'batches')} of {number(found['batch_size'])}"
    facts.add_row("Rows", f"{number(found['row_count'])} in {batches}")
    sample = plural(found["sample_rows"], "sample row")
    facts.add_row("Speed", f"{number(round(found['rows_per_second']))} rows/s, measured on {sample}")
    facts.add_row("Memory", size(found["memory_bytes"]))
    facts.add_row("Batch size", f"{number(found['recommended_batch_size'])} is recommended")
    advice = [Text(f"  - {shown(one)}") for one in found["suggestions"]]
    return Group(head, facts, *([Text("\nSuggestions", "bold"), *advice] if advice else []))


def _heading(table: str, database: str) -> Text:
    return Text.assemble((shown(table), "bold"), (f"  in {database}", "dim"))


def _table(*headers: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for header in headers:
        # As text: a column's name may look like rich's markup.
        table.add_column(Text(header), justify="right" if header in right else "left", overflow="fold")
    return table


def _columns(columns: Mapping[str, Mapping[str, Any]]) -> Table:
    right = ("null", "distinct", "unique")
    table = _table(
        "column", "type", "null", "", "distinct", "unique", "min", "max", "most frequent", right=right
    )
    for name, column in columns.items():
        top = column["top_values"][:1]
        is_same = column["type"].lower() == column["inferred_type"]
        read_as = "" if is_same else f" > {column['inferred_type']}"
        table.add_row(
            Text(shown(name), "bold"),
            Text.assemble(shown(column["type"]), (read_as, "cyan")),
            percent(column["null_percent"]),
            _bar(column["null_percent"]),
            number(column["distinct_count"]),
            percent(column["unique_percent"]),
            _value(column["min"], CELL // 2),
            _value(column["max"], CELL // 2),
            Text.assemble(_value(top[0]["value"], CELL // 2), (f"  {number(top[0]['count'])}", "dim"))
            if top
            else "",
        )
    return table


def _bar(share: float) -> Text:
    filled = min(BAR, max(1, round(share / 100 * BAR))) if share else 0
    return Text.assemble(("#" * filled, "yellow"), ("." * (BAR - filled), "dim"))


def _issues(issues: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    if not issues:
        yield Text("No issues found.", "green")
        return
    yield Text(plural(len(issues), "issue"), "bold")
    table = _table("column", "rows", "share", "what", right=("rows", "share"))
    for issue in issues:
        what = Text(shown(issue["message"]))
        if issue["suggestion"]:
            what.append("\n" + _block(issue["suggestion"]), "cyan")
        column = Text(shown(issue["column"]) if issue["column"] is not None else "", "bold")
        table.add_row(column, number(issue["count"]), percent(issue["percent"]), what)
    yield table


def _block(text: str) -> str:
    """Several lines of code stay several."""
    return "\n".join(map(shown, text.splitlines()))


def _group_title(group: Mapping[str, Any]) -> Text:
    values = ", ".join(f"{shown(name)} = {quoted(value, CELL)}" for name, value in group["values"].items())
    title = Text.assemble((plural(group["count"], "row"), "bold"), "  ", values)
    if group.get("match_weight") is not None:
        title.append(f"  match weight {group['match_weight']:.1f}", "dim")
    return title


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows, each on one line: what was compared, and as many other columns as there is room for."""

    rows: Sequence[Mapping[str, Any]]
    compared: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = list(self.rows[0]) if self.rows else []
        fitting = self._fitting(names, options.max_width)
        table = _table(*map(shown, fitting))
        for column in table.columns:
            column.no_wrap, column.overflow = True, "ellipsis"
        for row in self.rows:
            table.add_row(*(_value(row[name], self._most(name)) for name in fitting))
        yield table
        if more := len(names) - len(fitting):
            yield Text(f"and {plural(more, 'more column')}: --output writes all", "dim")

    def _fitting(self, names: Sequence[str], width: int) -> list[str]:
        chosen: set[str] = set()
        for name in sorted(names, key=lambda name: name not in self.compared):
            width -= self._width(name)
            if width < 0 and chosen:
                break
            chosen.add(name)
        return [name for name in names if name in chosen]

    def _width(self, name: str) -> int:
        cells = [shown(name), *(quoted(row[name], self._most(name)) for row in self.rows)]
        return max(map(cell_len, cells)) + 2

    def _most(self, name: str) -> int:
        return CELL if name in self.compared else CELL // 2


def _previewed(place: int, row: Mapping[str, Any], sources: Sources) -> Iterator[RenderableType]:
    styles = {"ok": "green", "rejected": "red", "skipped": "yellow"}
    title = Text.assemble((f"Row {place}", "bold"), "  ", (row["status"], styles[row["status"]]))
    if row["reason"]:
        title.append(f"  {shown(row['reason'])}")
    for warning in row["warnings"]:
        title.append("\n  warning", "yellow").append(f"  {shown(warning)}")
    yield title
    table = _table("column", "before", "", "after", "field")
    for pair in pairs(row, sources, CELL):
        field = pair.field if pair.field != pair.column else ""
        style = "bold yellow" if pair.is_changed else "dim"
        table.add_row(
            Text(shown(pair.column), "bold" if pair.is_changed else ""),
            Text(pair.before),
            Text(">" if pair.is_changed else "", "yellow"),
            Text(pair.after, style),
            Text(shown(field), "dim"),
        )
    yield Padding(table, (0, 0, 0, 2))


def _suggestions(suggestions: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    table = _table("column", "suggested verb", "rows", "why", right=("rows",))
    for column, verbs in suggestions.items():
        for verb in verbs:
            table.add_row(
                Text(shown(column), "bold"),
                Text(shown(verb["verb"]), "cyan"),
                percent(100 * verb["share"]),
                Text(shown(verb["why"])),
            )
    return table


def _value(value: Any, most: int) -> Text:
    return Text(quoted(value, most), "dim italic" if value is None else "")
