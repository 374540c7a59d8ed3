"""`manage.py etl analyze`: everything that can be counted of a table, and what is wrong with it.

The rows are read once, into a temporary DuckDB file. Each column's distinct values, with the number of rows
that hold them, then answer every question about it: exactly, and in bounded memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypedDict

from ..exceptions import BrokenTransformers
from ..registry import Registry, discover
from .at_once import look_at_columns
from .column import ColumnFacts
from .fit import Fit, Misfit, fits
from .issues import Issue, column_issues
from .keys import candidate_keys
from .masking import LOOKED_AT, MASK, Masker
from .paste import literal
from .quality import score
from .references import Neighbours, foreign_keys, references_of_several
from .spread import Bin
from .store import Store, filled_store
from .table import LegacyTable

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""

LONG = 1_000
"""Characters of a value that are shown."""


class TopValue(TypedDict):
    value: Any
    count: int


class FormatCount(TypedDict):
    pattern: str
    count: int
    example: str


class IssueDict(TypedDict):
    code: str
    column: str | None
    count: int
    percent: float
    message: str
    suggestion: str


class ColumnProfile(TypedDict):
    """One column; counts are rows, percentages are of all rows and run from 0 to 100."""

    type: str
    inferred_type: str
    null_count: int
    null_percent: float
    empty_count: int
    distinct_count: int
    unique_percent: float
    min: Any
    max: Any
    top_values: list[TopValue]
    formats: list[FormatCount]
    histogram: list[Bin]
    issues: list[IssueDict]


class Profile(TypedDict):
    """A table; see `quality` for the score."""

    table: str
    database: str
    row_count: int
    column_count: int
    quality_score: float
    score_breakdown: dict[str, float]
    type_distribution: dict[str, int]
    columns: dict[str, ColumnProfile]
    issues: list[IssueDict]


def analyze(
    table: LegacyTable,
    columns: Sequence[str] | None = None,
    masker: Masker | None = None,
    *,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Profile:
    """Count and judge a table, or some of its columns.

    Args:
        masker: hides sensitive values; found out from the table where none is given.
        registry: the transformers that may read the table; the project's own where none are given.
        progress: is told how far the work is.

    Raises:
        SourceError: a column is not there.
    """
    chosen = list(dict.fromkeys(columns or table.columns))
    table.require(chosen)
    return _Analysis(table, chosen, masker, registry, progress or (lambda what, done, total: None)).profile()


class _Analysis:
    """One run of `analyze`."""

    def __init__(
        self,
        table: LegacyTable,
        columns: list[str],
        masker: Masker | None,
        registry: Registry | None,
        progress: Progress,
    ) -> None:
        self.table = table
        self.columns = columns
        self.progress = progress
        self.found: list[Issue] = []
        self.registry = self._discover() if registry is None else registry
        self.masker = masker or Masker.for_table(table, registry=self.registry)

    def profile(self) -> Profile:
        """Copy the rows, look at each column, then at what columns are together."""
        total = self.table.row_count
        profiles: dict[str, ColumnProfile] = {}
        facts: list[ColumnFacts] = []
        with filled_store(self.table, self.columns, lambda done: self.progress("rows", done, total)) as store:
            loaders = {one._meta.source_label: name for name, one in self.registry.items()}
            neighbours = Neighbours(self.table, loaders)
            ready = fits(self.table, self.registry, lambda why: self._say("transformer_not_ready", why))

            def misfits(desk: Store, one: ColumnFacts, foreign: bool = False) -> list[tuple[Fit, Misfit]]:
                return [(fit, misfit) for fit in ready for misfit in fit.misfits(desk, one, foreign=foreign)]

            for desk, one, found in look_at_columns(store, self.columns, misfits):
                self.progress("columns", len(facts), len(self.columns))
                found += misfits(desk, one, foreign=True)
                issues = list(self._issues(desk, one, neighbours, found))
                facts.append(one)
                self.found += issues
                profiles[one.name] = self._column(one, issues)
            self.found += references_of_several(store, neighbours)
            for issue in candidate_keys(store, facts):
                self.found.append(issue)
                if issue.column is not None:
                    profiles[issue.column]["issues"].append(_as_dict(issue, store.rows))
            if not store.rows:
                self._say("empty_table", "The table has no rows.")
            return self._table(store.rows, profiles)

    def _issues(
        self, store: Store, facts: ColumnFacts, neighbours: Neighbours, misfits: list[tuple[Fit, Misfit]]
    ) -> Iterator[Issue]:
        """Find what is wrong with one column, while its distinct values are at hand."""
        name = facts.name
        if not self.masker.show and not self.masker.covers(name) and facts.stored in ("VARCHAR", "BIGINT"):
            values = store.query(f"SELECT v FROM d ORDER BY v LIMIT {LOOKED_AT}")
            self.masker.look_at(name, [value for (value,) in values])

        def shown(value: Any) -> str:
            return MASK if self.masker.covers(name) else literal(value)

        yield from column_issues(facts, shown)
        yield from foreign_keys(store, facts, neighbours)
        for fit, misfit in misfits:
            yield fit.issue(misfit, name, shown)
        if self.masker.covers(name):
            message = "It is sensitive: its values are masked here."
            yield Issue("sensitive", name, facts.values, message, f'"SENSITIVE_COLUMNS": [{literal(name)}]')

    def _column(self, facts: ColumnFacts, issues: list[Issue]) -> ColumnProfile:
        name, rows, masker = facts.name, facts.rows, self.masker
        formats = facts.text.formats if facts.text else []
        return ColumnProfile(
            type=facts.type,
            inferred_type=facts.inferred,
            null_count=facts.null_count,
            null_percent=_percent(facts.null_count, rows),
            empty_count=facts.empty_count,
            distinct_count=facts.distinct_count,
            unique_percent=_percent(facts.distinct_count, rows),
            min=masker.mask(name, _short(facts.minimum)),
            max=masker.mask(name, _short(facts.maximum)),
            top_values=[TopValue(value=masker.mask(name, _short(value)), count=n) for value, n in facts.top],
            formats=[
                FormatCount(
                    pattern=masker.pattern(name, one.pattern),
                    count=one.count,
                    example=masker.mask(name, _short(one.example)),
                )
                for one in formats
            ],
            histogram=[
                Bin(
                    low=masker.mask(name, one["low"]), high=masker.mask(name, one["high"]), count=one["count"]
                )
                for one in facts.spread.histogram
            ],
            issues=[_as_dict(issue, rows) for issue in issues],
        )

    def _table(self, rows: int, profiles: dict[str, ColumnProfile]) -> Profile:
        quality, points = score(rows, profiles, self.found)
        return Profile(
            table=self.table.name,
            database=self.table.database,
            row_count=rows,
            column_count=len(profiles),
            quality_score=quality,
            score_breakdown=points,
            type_distribution=dict(Counter(one["type"] for one in profiles.values())),
            columns=profiles,
            issues=[_as_dict(issue, rows) for issue in self.found],
        )

    def _discover(self) -> Registry:
        """Find the project's transformers. One that does not import yet must not keep its table unread."""
        try:
            return discover()
        except BrokenTransformers as error:
            self._say("transformer_not_ready", str(error))
            return Registry([])

    def _say(self, code: str, message: str) -> None:
        self.found.append(Issue(code, None, 0, message, ""))


def _as_dict(issue: Issue, rows: int) -> IssueDict:
    return IssueDict(
        code=issue.code,
        column=issue.column,
        count=issue.count,
        percent=_percent(issue.count, rows),
        message=issue.message,
        suggestion=issue.suggestion,
    )


def _percent(count: int, rows: int) -> float:
    return 100 * count / rows if rows else 0.0


def _short(value: Any) -> Any:
    return f"{value[: LONG - 1]}…" if isinstance(value, str) and len(value) > LONG else value
