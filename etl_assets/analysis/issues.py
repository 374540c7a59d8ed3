"""What is wrong with a column, how many rows it concerns, and the verb that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .column import ColumnFacts, TextFacts
from .masking import MASK
from .paste import call, chain, literal, raw_literal
from .shapes import as_regex

Shown = Callable[[Any], str]
"""Writes a value for a message; masked, where the column is sensitive."""

ODD_FORMAT = 0.8
"""Where so many rows have one format, the others are odd."""
ALMOST_UNIQUE = 0.95
NO_KEYS = ("float", "date", "datetime", "time", "binary")
"""Of such, many different values are no sign of a key."""
FEWEST_ROWS = 20
"""With fewer, nothing can be said of what is usual."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding. `column` is None where the table as a whole is meant."""

    code: str
    column: str | None
    count: int
    """Rows."""
    message: str
    suggestion: str


def column_issues(facts: ColumnFacts, shown: Shown) -> list[Issue]:
    """Return what can be said of a column by itself, without other columns, tables or a target."""
    if not facts.rows:
        return []
    found = [*_missing(facts, shown), *_uniformity(facts, shown), *_outliers(facts, shown)]
    if facts.text is not None:
        for find in (_characters, _spaces_and_case, _types, _unreadable, _formats):
            found += find(facts, facts.text, shown)
    return found


def base_verbs(facts: ColumnFacts) -> list[str]:
    """Return the verbs that have to come before one that reads a type."""
    verbs = []
    if facts.text is not None and (facts.text.outer_spaces or facts.text.blank):
        verbs.append("strip()")
    if facts.placeholders:
        verbs.append(call("null_if", *_placeholder_texts(facts)))
    return verbs


def type_verbs(facts: ColumnFacts, shown: Shown) -> list[str]:
    """Return the verbs that read a text column as what its values are; nothing for text."""
    text = facts.text
    if text is None:
        return []
    if facts.inferred in ("date", "datetime"):
        return [call(facts.inferred, *(one.pattern for one in text.dates.formats))]
    if facts.inferred in ("integer", "decimal"):
        numbers = text.numbers
        verbs = [call("replace", one, "") for one in numbers.remove]
        if numbers.comma:
            verbs.append(call("replace", ",", "."))
        return [*verbs, "integer()" if numbers.is_whole else call("decimal", numbers.places)]
    if facts.inferred == "boolean" and text.booleans:
        true, false = (pasted(shown(word)) for word in text.booleans)
        return ["upper()", f"boolean(true=({true},), false=({false},))"]
    return ["email()"] if facts.inferred == "email" else []


def _placeholder_texts(facts: ColumnFacts) -> list[str]:
    return list(dict.fromkeys(value.strip() for value, _ in facts.placeholders))


def _missing(facts: ColumnFacts, shown: Shown) -> Iterator[Issue]:
    name, blank = facts.name, facts.text.blank if facts.text else 0
    if facts.null_count == facts.rows:
        yield Issue("always_null", name, facts.rows, "Every row is null.", "leave the column out")
    elif facts.null_count:
        message = f"{facts.null_count} of {facts.rows} rows are null."
        yield Issue("null", name, facts.null_count, message, chain(name, ["required()"]))
    if facts.empty_count:
        message = f"{facts.empty_count} rows hold an empty text, which is not null."
        yield Issue("empty", name, facts.empty_count, message, chain(name, [call("null_if", "")]))
    if blank:
        message = f"{blank} rows hold nothing but white space."
        yield Issue("blank", name, blank, message, chain(name, ["strip()", call("null_if", "")]))
    if facts.placeholders:
        texts = _placeholder_texts(facts)
        listed = ", ".join(map(literal, texts[:5])) + (", ..." if len(texts) > 5 else "")
        message = f"{facts.placeholder_count} rows hold a placeholder for no value: {listed}."
        verbs = base_verbs(facts) + (type_verbs(facts, shown) if facts.inferred != "text" else [])
        yield Issue("placeholder", name, facts.placeholder_count, message, chain(name, verbs))


def _uniformity(facts: ColumnFacts, shown: Shown) -> Iterator[Issue]:
    name = facts.name
    if facts.distinct_count == 1 and facts.rows > 1 and not facts.null_count:
        message = f"Every row holds {shown(facts.minimum)}: the column tells nothing."
        yield Issue("constant", name, facts.rows, message, "leave the column out, or write const(...)")
    surplus = facts.values - facts.distinct_count
    almost = facts.values >= FEWEST_ROWS and facts.distinct_count >= ALMOST_UNIQUE * facts.values
    if surplus and almost and facts.inferred not in NO_KEYS:
        message = f"Almost every value is unique, but {surplus} rows repeat one of an earlier row."
        yield Issue("almost_unique", name, surplus, message, chain(name, [], start="key"))


def _outliers(facts: ColumnFacts, shown: Shown) -> Iterator[Issue]:
    found = facts.spread.outliers
    if found is None:
        return
    low, high = shown(found.low), shown(found.high)
    message = (
        f"{found.count} rows lie far outside all others, such as {shown(found.example)}; "
        f"the others lie between {low} and {high}."
    )
    between = f"between({pasted(low)}, {pasted(high)}, severity={literal('warning')})"
    verbs = [*base_verbs(facts), *type_verbs(facts, shown), between]
    yield Issue("outlier", facts.name, found.count, message, chain(facts.name, verbs))


def _characters(facts: ColumnFacts, text: TextFacts, shown: Shown) -> Iterator[Issue]:
    name = facts.name
    if text.misread:
        bad, good = text.misread_example
        message = f"{text.misread} rows were decoded with the wrong encoding: {shown(bad)} was {shown(good)}."
        yield Issue("mojibake", name, text.misread, message, chain(name, ["fix_encoding()"]))
    if text.replacement:
        message = f"{text.replacement} rows hold U+FFFD in the place of a character that is lost."
        rule = call("matches", "[^\ufffd]*", severity="warning").replace("\ufffd", "\\ufffd")
        yield Issue("replacement_character", name, text.replacement, message, chain(name, [rule]))
    if text.nul:
        message = f"{text.nul} rows hold a NUL byte, which PostgreSQL cannot store."
        yield Issue("nul_byte", name, text.nul, message, chain(name, [call("replace", "\x00", "")]))
    if text.control:
        message = f"{text.control} rows hold control characters."
        pattern = r"[\x01-\x08\x0e-\x1b\x7f]"
        verb = f"replace({raw_literal(pattern)}, {literal('')}, regex=True)"
        yield Issue("control_character", name, text.control, message, chain(name, [verb]))


def _spaces_and_case(facts: ColumnFacts, text: TextFacts, shown: Shown) -> Iterator[Issue]:
    name = facts.name
    if text.stray_spaces:
        verb = "collapse_spaces()" if text.inner_spaces else "strip()"
        message = f"{text.stray_spaces} rows have stray white space at the ends or inside."
        yield Issue("stray_spaces", name, text.stray_spaces, message, chain(name, [verb]))
    if text.case.rows:
        first, second = text.case.example
        verb = f"{'lower' if facts.inferred == 'email' else text.case.verb}()"
        message = (
            f"{text.case.rows} rows differ only in case from a more frequent spelling: "
            f"{shown(first)} and {shown(second)}."
        )
        yield Issue("case_variants", name, text.case.rows, message, chain(name, [verb]))
        if facts.distinct_count == facts.values:
            collisions = facts.values - text.case.values
            message = f"All values are unique, but only while case counts: {collisions} are not without it."
            yield Issue("unique_but_for_case", name, collisions, message, chain(name, [verb]))


def _types(facts: ColumnFacts, text: TextFacts, shown: Shown) -> Iterator[Issue]:
    """Find numbers, dates and truth values in text."""
    name, good = facts.name, facts.good
    suggestion = chain(name, [*base_verbs(facts), *type_verbs(facts, shown)])
    if facts.inferred in ("integer", "decimal"):
        read = text.numbers.read
        message = f"{read} of {good} values ({share(read, good)}) are numbers stored as text."
        yield Issue("number_as_text", name, read, message, suggestion)
    if facts.inferred in ("date", "datetime") and not _is_date_of_sqlite(facts):
        read = text.dates.read
        listed = ", ".join(f"{literal(one.pattern)} {share(one.count, good)}" for one in text.dates.formats)
        message = f"{read} of {good} values ({share(read, good)}) are dates stored as text: {listed}."
        yield Issue("date_as_text", name, read, message, suggestion)
    if facts.inferred == "boolean":
        true, false = map(shown, text.booleans or ("", ""))
        message = f"The values mean true ({true}) and false ({false})."
        yield Issue("boolean_as_text", name, good, message, suggestion)
    if text.dates.ambiguous and facts.inferred in ("date", "datetime"):
        message = (
            f"In {text.dates.ambiguous} rows day and month could be the other way round, and no row tells."
        )
        yield Issue("ambiguous_date", name, text.dates.ambiguous, message, suggestion)


def _is_date_of_sqlite(facts: ColumnFacts) -> bool:
    """SQLite has no type for dates, so ISO text in a column declared to be a date is the best it can do."""
    declared = facts.type.lower()
    is_declared = "date" in declared or "time" in declared
    formats = facts.text.dates.formats if facts.text else []
    return is_declared and all(one.pattern.startswith("%Y-%m-%d") for one in formats)


def _unreadable(facts: ColumnFacts, text: TextFacts, shown: Shown) -> Iterator[Issue]:
    """Find what is not what most of its column is."""
    name, good, dates = facts.name, facts.good, text.dates
    suggestion = chain(name, [*base_verbs(facts), *type_verbs(facts, shown)])
    if facts.inferred in ("date", "datetime"):
        if impossible := dates.alike - dates.read:
            example = f", such as {shown(dates.impossible)}" if dates.impossible else ""
            message = f"{impossible} rows hold an impossible date{example}."
            yield Issue("impossible_date", name, impossible, message, suggestion)
        if other := good - dates.alike:
            message = f"{other} rows hold text that is no date."
            yield Issue("no_date", name, other, message, suggestion)
    elif facts.inferred in ("integer", "decimal"):
        if other := good - text.numbers.read:
            message = f"{other} rows hold text that is no number."
            yield Issue("no_number", name, other, message, suggestion)
    elif facts.inferred == "email":
        if other := good - text.emails:
            example = f", such as {shown(text.odd_email)}" if text.odd_email else ""
            message = f"{other} rows hold no e-mail address{example}."
            yield Issue("no_email", name, other, message, suggestion)
    elif facts.inferred == "text":
        few = [count for count in (text.numbers.read, dates.read) if 0.2 * good <= count < good]
        if few:
            count = min(max(few), good - max(few))
            message = f"Numbers or dates and other text are mixed: {count} rows are the fewer of the two."
            rule = call("matches", r"\D*", severity="warning").replace("\\\\", "\\")
            yield Issue("mixed_types", name, count, message, chain(name, [rule.replace('"\\D*"', 'r"\\D*"')]))


def _formats(facts: ColumnFacts, text: TextFacts, shown: Shown) -> Iterator[Issue]:
    """Find several formats in one column."""
    name = facts.name
    if facts.inferred in ("date", "datetime") and len(text.dates.formats) > 1:
        others = text.dates.read - text.dates.formats[0].count
        listed = ", ".join(literal(one.pattern) for one in text.dates.formats)
        message = f"The dates are in several formats, {listed}; {others} rows are not in the first."
        suggestion = chain(name, [*base_verbs(facts), *type_verbs(facts, shown)])
        yield Issue("mixed_formats", name, others, message, suggestion)
    if facts.inferred != "text" or facts.good < FEWEST_ROWS or not text.formats:
        return
    usual = text.formats[0]
    odd = facts.good - usual.count
    is_code = any(one.isdigit() for one in usual.pattern) and "+" not in usual.pattern
    if is_code and usual.count >= ODD_FORMAT * facts.good and odd > 0:
        message = f"{odd} rows are not in the usual format {usual.pattern}."
        rule = f"matches({raw_literal(as_regex(usual.pattern))})"
        yield Issue("mixed_formats", name, odd, message, chain(name, [*base_verbs(facts), rule]))


def pasted(shown: str) -> str:
    """Return a value for a suggestion: what is masked is for the author to fill in."""
    return "..." if shown == MASK else shown


def share(count: int, total: int) -> str:
    """Write a share as a percentage; 99.99% is not 100%."""
    percent = 100 * count / total if total else 0.0
    if count < total and percent > 99.9:
        return ">99.9%"
    return "<0.1%" if count and percent < 0.1 else f"{percent:.1f}%".replace(".0%", "%")
