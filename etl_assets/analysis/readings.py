"""What text can be read as: numbers, dates, truth values; and in which formats."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from .store import Store, literal

DAYS = (
    ("[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", ("%Y-%m-%d",)),
    ("[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", ("%d.%m.%Y",)),
    ("[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    ("[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", ("%Y/%m/%d",)),
    (r"[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}", ("%Y.%m.%d",)),
    ("[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}", ("%d/%m/%y", "%m/%d/%y")),
    (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2}", ("%d.%m.%y",)),
    ("[0-9]{1,2}-[0-9]{1,2}-[0-9]{2}", ("%d-%m-%y", "%m-%d-%y")),
    ("[0-9]{1,2}-[A-Za-z]{3,9}-[0-9]{4}", ("%d-%b-%Y", "%d-%B-%Y")),
    ("[0-9]{1,2} [A-Za-z]{3,9} [0-9]{4}", ("%d %b %Y", "%d %B %Y")),
    ("[0-9]{1,2}-[A-Za-z]{3}-[0-9]{2}", ("%d-%b-%y",)),
    ("[A-Za-z]{3,9} [0-9]{1,2}, [0-9]{4}", ("%b %d, %Y", "%B %d, %Y")),
)
"""Ways of writing a day: what it looks like, and the `strptime` formats that it may be in."""
TIMES = (
    ("", ""),
    ("[0-9]{1,2}:[0-9]{2}", "%H:%M"),
    ("[0-9]{1,2}:[0-9]{2}:[0-9]{2}", "%H:%M:%S"),
    (r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,6}", "%H:%M:%S.%f"),
    ("[0-9]{1,2}:[0-9]{2} [AaPp][Mm]", "%I:%M %p"),
    ("[0-9]{1,2}:[0-9]{2}:[0-9]{2} [AaPp][Mm]", "%I:%M:%S %p"),
)
ZONE = r"([+-][0-9]{2}:?[0-9]{2}|Z)"
SECOND_ORDER = 0.02
"""Of two orders of day and month, the rarer one is believed if it alone reads so large a share."""

MAYBE_DATE = r"(9{1,4}([-/. ])([Aa]{3,9}|9{1,2})[-/. ]9{2,4}([ A].*)?|[Aa]{3,9} 9{1,2}, 9{4}( .*)?|9{8})"
"""Shapes among which those of dates are."""

BOOLEANS = ("Y/N", "YES/NO", "T/F", "TRUE/FALSE", "1/0", "J/N", "JA/NEIN", "O/N", "OUI/NON", "S/N", "ON/OFF")
"""Pairs of words for true and false, in capitals."""
CURRENCY = "£$€¥"


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """A way of writing a number."""

    values: str
    """Regular expression of the shapes."""
    remove: str = ""
    """Characters to take out before it can be read."""
    comma: bool = False


WHOLE = NumberStyle("[+-]?9+")
NUMBER_STYLES = (
    WHOLE,
    NumberStyle(r"[+-]?(9+\.9*|\.9+)"),
    NumberStyle(r"[+-]?9{1,3}(,9{3})+(\.9+)?", remove=","),
    NumberStyle(rf"[+-]?[{CURRENCY}] ?9+(\.9+)?", remove=f" {CURRENCY}"),
    NumberStyle("[+-]?9+,9{1,2}", comma=True),
    NumberStyle(r"[+-]?9{1,3}(\.9{3})+,9+", remove=".", comma=True),
)


@dataclass(frozen=True, slots=True)
class Looks:
    """A way of writing a day or a time."""

    values: str
    """Regular expression of the values, digits as [0-9]."""
    patterns: tuple[str, ...]
    """The `strptime` formats that such values may be in: one or two."""

    @property
    def shape(self) -> re.Pattern[str]:
        written = self.values.replace("[A-Za-z]", "[Aa]").replace("[AaPp][Mm]", "[Aa]{2}")
        return re.compile(written.replace("[0-9]", "9").replace("T", "A").replace("|Z)", "|A)"))


COMPACT = Looks("[0-9]{8}", ("%Y%m%d",))
"""Eight digits are a day only where all of a column's values are."""


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A `strptime` format that a column's values are in."""

    pattern: str
    looks: str
    """Regular expression of the values that may be in it."""
    count: int
    """Rows that it reads and no more frequent format does."""

    @property
    def has_time(self) -> bool:
        return "%H" in self.pattern or "%I" in self.pattern

    @property
    def sql(self) -> str:
        """SQL that reads `t` of the view `w`, or gives null."""
        return f"CASE WHEN regexp_full_match(t, '{self.looks}') THEN {parsed(self.pattern)} END"


@dataclass(slots=True)
class DateReading:
    """A column's text as dates or times."""

    formats: list[DateFormat] = field(default_factory=list)
    """The most frequent first."""
    alike: int = 0
    """Rows that look like a date, be it an impossible one."""
    ambiguous: int = 0
    """Rows in which day and month could be the other way round, where no row tells which it is."""
    impossible: str | None = None
    """The first of the values that look like a date and are none."""

    @property
    def read(self) -> int:
        return sum(one.count for one in self.formats)

    @property
    def has_time(self) -> bool:
        return 2 * sum(one.count for one in self.formats if one.has_time) > self.read

    def sql(self, rows: int) -> str:
        """Return SQL that reads `t` of the view `w` in the first format that fits, or gives null.

        Args:
            rows: those that are to be read.
        """
        if len(self.formats) == 1 and self.read == rows:  # nothing to be told apart
            return parsed(self.formats[0].pattern)
        return f"coalesce(NULL, {', '.join(one.sql for one in self.formats)})"


def read_dates(store: Store, good: str) -> DateReading:
    """Find the formats that a column's dates are in. `good` is true of values that are no placeholders."""
    reading = DateReading()
    found: Counter[Looks] = Counter()
    total = 0
    for shape, rows in store.query(
        "SELECT t, sum(n)::BIGINT FROM s"
        f" WHERE length(t) <= 40 AND regexp_full_match(t, '{MAYBE_DATE}') GROUP BY t"
    ):
        looks = looks_of(shape)
        if looks is not None:
            found[looks] += rows
    if found[COMPACT]:
        total = store.one("SELECT coalesce(sum(n), 0)::BIGINT FROM s WHERE t <> ''")[0]
    for looks in found:
        if looks != COMPACT or found[COMPACT] == total:
            _read_alike(store, reading, looks, good)
    reading.formats.sort(key=lambda one: (-one.count, one.pattern))
    return reading


def _read_alike(store: Store, reading: DateReading, looks: Looks, good: str) -> None:
    """Read what looks alike, in the order of day and month that reads the most."""
    first, second = parsed(looks.patterns[0]), parsed(looks.patterns[-1])
    alike = f"FROM w WHERE {good} AND regexp_full_match(t, '{looks.values}')"
    total, one, other, both, example = store.one(
        "SELECT sum(n), sum(n) FILTER (a), sum(n) FILTER (b), sum(n) FILTER (a AND b),"
        " min(v) FILTER (NOT a AND NOT b)"
        f" FROM (SELECT v, n, {first} IS NOT NULL AS a, {second} IS NOT NULL AS b {alike})"
    )
    total, one, other, both = (int(number or 0) for number in (total, one, other, both))
    patterns, counts = list(looks.patterns), [one, other]
    if other > one:
        patterns.reverse()
        counts.reverse()
    counts[1] -= both
    reading.alike += total
    if len(patterns) == 2 and "%m" in patterns[0] and both == one == other:
        reading.ambiguous += both
    for pattern, count in zip(patterns, counts, strict=False):
        if count and (pattern == patterns[0] or count >= SECOND_ORDER * total):
            reading.formats.append(DateFormat(pattern, looks.values, count))
        elif count and example is None:
            example = store.one(f"SELECT min(v) {alike} AND {parsed(patterns[0])} IS NULL")[0]
    reading.impossible = reading.impossible or example


def parsed(pattern: str) -> str:
    """Return SQL that reads `t` in a `strptime` format, or gives null; DuckDB alone would take the year 0."""
    text = f"regexp_replace(t, '{ZONE}$', '')" if pattern.endswith("%z") else "t"
    time = f"try_strptime({text}, '{pattern.removesuffix('%z')}')"
    return f"CASE WHEN {time} >= TIMESTAMP '0001-01-01' THEN {time} END"


def looks_of(shape: str) -> Looks | None:
    """Return the way of writing a date that has this shape."""
    return next((looks for looks, regex in _shapes() if regex.fullmatch(shape)), None)


@cache
def _shapes() -> list[tuple[Looks, re.Pattern[str]]]:
    ways = [COMPACT]
    for day, days in DAYS:
        for time, clock in TIMES:
            for between in "" if not time else " T" if days[0] == "%Y-%m-%d" else " ":
                ways.append(Looks(f"{day}{between}{time}", tuple(f"{one}{between}{clock}" for one in days)))
                if "%p" not in clock:
                    zoned = tuple(f"{one}{between}{clock}%z" for one in days)
                    ways.append(Looks(f"{day}{between}{time}{ZONE}", zoned))
            if not time:
                ways.append(Looks(day, days))
    return [(looks, looks.shape) for looks in ways]


@dataclass(frozen=True, slots=True)
class NumberReading:
    """A column's text as numbers."""

    read: int = 0
    """Rows that are numbers."""
    places: int = 0
    """Most digits behind the point."""
    remove: str = ""
    """Characters to take out first."""
    comma: bool = False
    """Whether the decimal point is a comma."""

    @property
    def is_whole(self) -> bool:
        return self.places == 0 and not self.comma

    @property
    def sql(self) -> str:
        """SQL that reads `t` of the view `w`, or gives null."""
        text = f"translate(t, '{self.remove}', '')" if self.remove else "t"
        text = f"replace({text}, ',', '.')" if self.comma else text
        return f"CASE WHEN NOT regexp_matches(t, '[A-Za-z]') THEN try_cast({text} AS DOUBLE) END"


def read_numbers(store: Store) -> NumberReading:
    """Find out how a column's text writes numbers. Digits with a zero in front are codes, not numbers."""
    counts = ", ".join(
        f"coalesce(sum(n) FILTER (regexp_full_match(t, '{style.values}')), 0)::BIGINT"
        for style in NUMBER_STYLES
    )
    found = dict(zip(NUMBER_STYLES, store.one(f"SELECT {counts} FROM s"), strict=True))
    if not any(found.values()):
        return NumberReading()
    pointed = {style: rows for style, rows in found.items() if rows and not style.comma}
    commas = {style: rows for style, rows in found.items() if rows and style.comma}
    comma = sum(commas.values()) > sum(rows for style, rows in pointed.items() if style is not WHOLE)
    used = (
        {**commas, **{style: rows for style, rows in pointed.items() if style is WHOLE}} if comma else pointed
    )
    matching = " OR ".join(f"regexp_full_match(t, '{style.values}')" for style in used)
    mark = "," if comma else "."
    places = store.one(
        f"SELECT coalesce(max(length(t) - strpos(t, '{mark}')) FILTER (contains(t, '{mark}')), 0)"
        f" FROM s WHERE {matching}"
    )[0]
    codes = 0
    if used.get(WHOLE):
        is_whole = f"regexp_full_match(t, '{WHOLE.values}')"
        lengths = store.query(f"SELECT DISTINCT strlen(s) FROM s WHERE {is_whole}")
        codes = store.one(
            "SELECT coalesce(sum(n), 0)::BIGINT FROM w"
            f" WHERE strlen(v) IN ({', '.join(str(length) for (length,) in lengths)})"
            " AND starts_with(t, '0') AND regexp_full_match(t, '0[0-9]+')"
        )[0]
    removable = sorted({character for style in used for character in style.remove})
    asked = ", ".join(f"bool_or(contains(t, {literal(one)}))" for one in removable)
    there = store.one(f"SELECT {asked or '1'} FROM s WHERE {matching}")
    remove = "".join(one for one, is_there in zip(removable, there, strict=False) if is_there)
    return NumberReading(sum(used.values()) - codes, int(places), remove, comma)


def read_booleans(values: dict[str, int]) -> tuple[str, str] | None:
    """Return which two words, in capitals, stand for true and false; None where there is more than those."""
    words = {word.strip().upper() for word in values} - {""}
    for pair in BOOLEANS:
        true, false = pair.split("/")
        if words == {true, false}:
            return true, false
    return None
