"""Everything that is counted of one column, exactly, from its distinct values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ftfy

from .placeholders import day_placeholders, text_placeholders
from .readings import DateReading, NumberReading, read_booleans, read_dates, read_numbers
from .shapes import CONTROL, ODD_SPACE, Format, formats, make_shapes, make_view
from .spread import Scale, Spread, as_json, spread, spread_of_distinct
from .store import Store, literal

MOST_TOP_VALUES = 10
MOST_EXAMPLES = 100
FEW_VALUES = 4
"""A column of truth values has no more, in whatever case and spacing."""
MOSTLY = 0.5
"""Share of its values that makes a text column one of dates, e-mail addresses or identifiers."""
NUMBERS = 0.8
"""The same for numbers, of which any text has some."""
EMAIL = r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}"
UUID = r"\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?"
MAYBE_MISREAD = r"[^\x00-\x7f][^\x00-\x7f]|[ÂÃâ]"
"""Text that was decoded wrongly has one of these: a letter beyond ASCII always became two or three."""
TYPES = {
    "BOOLEAN": "boolean",
    "BIGINT": "integer",
    "DOUBLE": "float",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "TIME": "time",
    "BLOB": "binary",
}
NAMED_TYPES = (("json", "json"), ("[]", "array"), ("uuid", "uuid"), ("geo", "geometry"), ("xml", "xml"))


@dataclass(slots=True)
class CaseVariants:
    """Values that differ only in their letters' case."""

    rows: int = 0
    """Rows with another spelling than the most frequent one."""
    values: int = 0
    """How many values are left when case is ignored."""
    example: tuple[str, str] = ("", "")
    verb: str = "upper"
    """The case that most rows are in."""


@dataclass(slots=True)
class TextFacts:
    """What is true of the text in a column; counts are rows."""

    blank: int = 0
    """White space only."""
    outer_spaces: int = 0
    """With white space at an end."""
    inner_spaces: int = 0
    """With two spaces in a row, or one that is no plain one, inside."""
    stray_spaces: int = 0
    """With either."""
    nul: int = 0
    control: int = 0
    replacement: int = 0
    misread: int = 0
    """In which `fix_encoding` mends something."""
    misread_example: tuple[str, str] = ("", "")
    case: CaseVariants = field(default_factory=CaseVariants)
    formats: list[Format] = field(default_factory=list)
    numbers: NumberReading = field(default_factory=NumberReading)
    dates: DateReading = field(default_factory=DateReading)
    booleans: tuple[str, str] | None = None
    emails: int = 0
    odd_email: str | None = None
    longest: int = 0


@dataclass(slots=True)
class ColumnFacts:
    """What is counted of one column; counts are rows."""

    name: str
    type: str
    stored: str
    """DuckDB's type."""
    rows: int
    inferred: str = "unknown"
    null_count: int = 0
    empty_count: int = 0
    distinct_count: int = 0
    minimum: Any = None
    maximum: Any = None
    top: list[tuple[Any, int]] = field(default_factory=list)
    placeholders: list[tuple[str, int]] = field(default_factory=list)
    text: TextFacts | None = None
    spread: Spread = field(default_factory=lambda: Spread([], None))

    @property
    def values(self) -> int:
        """Rows that are not null."""
        return self.rows - self.null_count

    @property
    def placeholder_count(self) -> int:
        return sum(rows for _, rows in self.placeholders)

    @property
    def good(self) -> int:
        """Rows with a value that is neither null, empty, blank nor a placeholder."""
        blank = self.text.blank if self.text else 0
        return self.values - self.empty_count - blank - self.placeholder_count


def look_at_column(store: Store, name: str) -> ColumnFacts:
    """Count everything of one column; leaves its distinct values in the store's tables `d` and `w`."""
    store.make_distinct(name)
    stored = store.types[name]
    facts = ColumnFacts(name, store.table.type_name(name), stored, store.rows)
    facts.distinct_count, values, low, high = store.one(
        "SELECT count(*), coalesce(sum(n), 0)::BIGINT, min(v), max(v) FROM d"
    )
    facts.null_count = store.rows - values
    is_instant = name in store.instants and stored == "TIMESTAMP"
    facts.minimum, facts.maximum = _shown(low, is_instant), _shown(high, is_instant)
    top = store.query(f"SELECT v, n FROM d ORDER BY n DESC, v LIMIT {MOST_TOP_VALUES}")
    facts.top = [(_shown(value, is_instant), rows) for value, rows in top]
    if not values:
        return facts
    if stored == "VARCHAR":
        _look_at_text(store, facts)
    else:
        facts.inferred = TYPES.get(stored, "decimal")
        _look_at_values(store, facts)
    return facts


def _shown(value: Any, is_instant: bool) -> Any:
    shown = as_json(value)
    return f"{shown}+00:00" if is_instant and shown is not None else shown


def _look_at_values(store: Store, facts: ColumnFacts) -> None:
    if facts.stored in ("DATE", "TIMESTAMP"):
        has_time = facts.stored == "TIMESTAMP"
        facts.placeholders = day_placeholders(store, has_time=has_time)
        listed = ", ".join(f"TIMESTAMP '{day}'" for day, _ in facts.placeholders)
        source = f"(SELECT v, n FROM d WHERE isfinite(v){f' AND v NOT IN ({listed})' if listed else ''})"
        facts.spread = spread(store, "v", source, "datetime" if has_time else "date")
    elif facts.inferred == "float":
        facts.spread = spread(store, "v", "d", "number")
    elif facts.inferred in ("integer", "decimal"):
        facts.spread = spread_of_distinct(store)


def _look_at_text(store: Store, facts: ColumnFacts) -> None:
    make_shapes(store)
    facts.text = text = TextFacts()
    hints = _ask_shapes(store, facts, text)
    make_view(store)
    if hints.misread:
        _count_misread(store, text)
    facts.placeholders = text_placeholders(store)
    text.formats = formats(store, is_ascii=hints.ascii)
    text.numbers = read_numbers(store)
    text.dates = read_dates(store, good_values(facts.placeholders))
    if facts.distinct_count <= 3 * FEW_VALUES:
        text.booleans = read_booleans(dict(facts.top))
    facts.inferred = _inferred(store, facts, text, hints)
    if hints.cased and facts.inferred in ("text", "email"):
        text.case = _case_variants(store, facts, text, hints)
    _measure(store, facts, text)


def good_values(placeholders: Sequence[tuple[str, int]], value: str = "v") -> str:
    """Return the SQL condition for values that are no placeholders."""
    listed = ", ".join(literal(text) for text, _ in placeholders)
    return f"({value} NOT IN ({listed}))" if placeholders else "true"


@dataclass(frozen=True, slots=True)
class Hints:
    """What the shapes tell of where it is worth while to look at the values."""

    misread: bool
    ascii: bool
    cased: bool
    """Whether shapes differ only in case."""
    emails: int
    """Rows that may be e-mail addresses."""
    uuids: int


def _ask_shapes(store: Store, facts: ColumnFacts, text: TextFacts) -> Hints:
    """Count the rows with white space, control and broken characters in the wrong places."""
    conditions = {
        "blank": "s <> '' AND t = ''",
        "outer_spaces": "t <> '' AND s <> t",
        "inner_spaces": "inside",
        "stray_spaces": "t <> '' AND (s <> t OR inside)",
        "nul": "contains(s, chr(0))",
        "control": f"regexp_matches(s, '{CONTROL}')",
        "replacement": "contains(s, chr(65533))",
        "": "s = ''",
        "@": "contains(s, '@')",
        "-": "s LIKE '%-%-%-%-%'",
    }
    counts = ", ".join(f"coalesce(sum(n) FILTER ({one}), 0)::BIGINT" for one in conditions.values())
    *found, misread, is_ascii, cased, longest = store.one(
        f"SELECT {counts}, bool_or(regexp_matches(s, '{MAYBE_MISREAD}')), bool_and(length(s) = strlen(s)),"
        " count(*) > count(DISTINCT lower(s)), max(length(s))"
        f" FROM (SELECT *, regexp_matches(t, '[ \\t]{{2}}|{ODD_SPACE}') AS inside FROM s)"
    )
    rows = dict(zip(conditions, found, strict=True))
    facts.empty_count, text.longest = rows.pop(""), longest
    hints = Hints(misread, is_ascii, cased, rows.pop("@"), rows.pop("-"))
    for name, count in rows.items():
        setattr(text, name, count)
    return hints


def _count_misread(store: Store, text: TextFacts) -> None:
    maybe = f"strlen(v) <> length(v) AND regexp_matches(v, '{MAYBE_MISREAD}')"
    for batch in store.stream(f"SELECT v, n FROM d WHERE {maybe} ORDER BY v"):
        for value, rows in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            mended = ftfy.fix_encoding(value)
            if mended != value:
                text.misread += rows
                if not text.misread_example[0]:
                    text.misread_example = (value, mended)


def _inferred(store: Store, facts: ColumnFacts, text: TextFacts, hints: Hints) -> str:
    """Tell what the values are, whatever type they are stored in."""
    declared = facts.type.lower()
    for part, name in NAMED_TYPES:
        if part in declared:
            return name
    good = facts.good
    if not good:
        return "unknown"
    if text.booleans:
        return "boolean"
    if text.dates.read and text.dates.alike >= MOSTLY * good:
        return "datetime" if text.dates.has_time else "date"
    if text.numbers.read >= NUMBERS * good:
        return "integer" if text.numbers.is_whole else "decimal"
    if hints.emails >= MOSTLY * good:
        text.emails = _count_emails(store)
        if text.emails >= MOSTLY * good:
            text.odd_email = _odd_email(store, facts) if text.emails < good else None
            return "email"
    if hints.uuids >= MOSTLY * good and _count_uuids(store) >= MOSTLY * good:
        return "uuid"
    return "text"


def _count_emails(store: Store) -> int:
    """Count the rows with an e-mail address, which the shape tells; no placeholder looks like one."""
    shape = EMAIL.replace("[A-Za-z]", "[Aa]")
    return int(
        store.one(f"SELECT coalesce(sum(n), 0)::BIGINT FROM s WHERE regexp_full_match(t, '{shape}')")[0]
    )


def _odd_email(store: Store, facts: ColumnFacts) -> str | None:
    """Return the least good value that is no e-mail address.

    Mostly an odd shape's example is one. Where that is a placeholder, values as long are looked through.
    """
    odd = f"t <> '' AND NOT regexp_full_match(t, '{EMAIL}')"
    odd_shape = odd.replace("[A-Za-z]", "[Aa]")
    is_good = good_values(facts.placeholders, "e")
    found = [store.one(f"SELECT min(e) FROM s WHERE {odd_shape} AND {is_good}")[0]]
    lengths = store.query(f"SELECT DISTINCT strlen(s) FROM s WHERE {odd_shape} AND NOT {is_good} AND k > 1")
    if lengths:
        listed = ", ".join(str(length) for (length,) in lengths)
        is_good = good_values(facts.placeholders)
        found += store.one(f"SELECT min(v) FROM w WHERE strlen(v) IN ({listed}) AND {odd} AND {is_good}")
    return min((value for value in found if value is not None), default=None)


def _count_uuids(store: Store) -> int:
    return int(
        store.one(f"SELECT coalesce(sum(n), 0)::BIGINT FROM w WHERE regexp_full_match(t, '{UUID}')")[0]
    )


def _case_variants(store: Store, facts: ColumnFacts, text: TextFacts, hints: Hints) -> CaseVariants:
    """Find the values that differ only in case.

    Of several spellings all but one at most are in another case than the usual one, of whatever case that is.
    Beyond ASCII only lower case is as simple as that.
    """
    found = CaseVariants(verb=_usual_case(text.formats))
    usual = "upper" if hints.ascii and found.verb == "upper" else "lower"
    store.query(
        "CREATE OR REPLACE TABLE folded AS SELECT lower(v) AS f, count(*) AS k, sum(n)::BIGINT AS n,"
        " max(n) AS most FROM d"
        f" WHERE lower(v) IN (SELECT lower(v) FROM d WHERE v <> {usual}(v)) GROUP BY f HAVING count(*) > 1"
    )
    groups, spellings, found.rows = store.one(
        "SELECT count(*), coalesce(sum(k), 0)::BIGINT, coalesce(sum(n - most), 0)::BIGINT FROM folded"
    )
    if not groups:
        return found
    found.values = facts.distinct_count - spellings + groups
    first, last = store.one(
        "SELECT min(v), max(v) FROM d WHERE lower(v) = (SELECT f FROM folded ORDER BY n DESC, f LIMIT 1)"
    )
    found.example = (last, first)
    return found


def _usual_case(patterns: Sequence[Format]) -> str:
    """Return the verb for the case that most rows are in."""
    cases: Counter[str] = Counter()
    for one in patterns:
        if not re.search("[a-z]", one.pattern):
            cases["upper"] += one.count if "A" in one.pattern else 0
        elif "A" not in one.pattern:
            cases["lower"] += one.count
        else:
            cases["title"] += one.count
    return cases.most_common(1)[0][0] if cases else "upper"


def _measure(store: Store, facts: ColumnFacts, text: TextFacts) -> None:
    """Draw the histogram: of the dates or numbers in the text, else of its length."""
    good = f"(SELECT * FROM w WHERE {good_values(facts.placeholders)})"
    if facts.inferred in ("date", "datetime"):
        scale: Scale = "datetime" if text.dates.has_time else "date"
        facts.spread = spread(store, text.dates.sql(facts.good), good, scale)
    elif facts.inferred in ("integer", "decimal"):
        facts.spread = spread(store, text.numbers.sql, good, "number")
    else:
        lengths = spread(store, "length(s)", "s", "number")
        facts.spread = Spread(lengths.histogram, None)
