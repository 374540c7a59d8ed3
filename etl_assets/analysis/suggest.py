"""What could be done to a column: the verbs that mend its values, found by trying them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone

from ..columns import FALSE_WORDS, TRUE_WORDS, Column, Step, col
from ..engine.batch import Mask, to_numpy
from ..engine.verbs import Context, apply_verb, as_text
from .issues import share
from .paste import call
from .placeholders import WORDS
from .readings import DAYS, SECOND_ORDER
from .readings import TIMES as TIMES_OF_DAY
from .table import LegacyTable

LOOKED_AT = 20_000
"""Rows that suggestions are made from: the first ones, as they come."""
ENOUGH = 0.8
"""Share of the values that must read as a type before it is taken for the column's own."""
TRIED = 1_000
"""Values on which formats are tried before all are read with those that fit some."""
DATES = {name: formats for _, formats in DAYS for name in formats}
"""Formats of dates, each with those that the same text may be in."""
TIMES = {
    f"{name}{gap}{time}": tuple(f"{one}{gap}{time}" for one in formats)
    for name, formats in DATES.items()
    for gap in (" ", "T")
    for _, time in TIMES_OF_DAY
    if time
}
REGIONS = ("GB", "US", "DE", "FR", "ES", "IT", "NL", "AU", "IN", "BR")
PHONE_NAME = re.compile(r"phone|tel|mobile|cell|fax", re.IGNORECASE)
CASES: Sequence[tuple[str, Callable[[str], str]]] = (
    ("upper", str.upper),
    ("lower", str.lower),
    ("title", str.title),
)


class SuggestedVerb(TypedDict):
    verb: str
    """As one writes it: date('%d/%m/%Y')."""
    why: str
    share: float
    """From 0 to 1: of the values that are not null, those that the verb changes or reads."""


@dataclass(frozen=True)
class Suggestion:
    """One verb, and what it does to how many of the values."""

    verb: str
    why: str
    share: float
    step: Step
    shows_values: bool = False
    """Does the verb hold values of the column?"""

    def as_dict(self, is_sensitive: bool = False) -> SuggestedVerb:
        verb, why = self.verb, self.why
        if is_sensitive and self.shows_values:
            verb, why = f"{self.step.name}(...)", "its arguments are sensitive values of the column"
        return {"verb": verb, "why": why, "share": round(self.share, 4)}


Advice = Sequence[Suggestion]


def advise(table: LegacyTable, columns: Sequence[str]) -> dict[str, list[Suggestion]]:
    """Suggest verbs for columns of a table, from its first rows."""
    zone = timezone.get_default_timezone()
    context = Context(zone, timezone.now().astimezone(zone).date())
    rows = table.first(columns, LOOKED_AT, ordered=False)
    return {name: list(suggest(name, rows.column(name), context)) if rows else [] for name in columns}


def expression_of(column: str, advice: Advice) -> Column:
    """Write the suggestions as the expression that a transformer would have."""
    # Not by col(): a table imported from CSV may have a column without a name, which col() takes for a slip.
    return Column(name=column, steps=tuple(one.step for one in advice))


def suggest(name: str, values: pa.Array, context: Context) -> Iterator[Suggestion]:
    """Suggest verbs for one column, in the order in which they are to be written."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        yield from _of_numbers(values)
        return
    trial = _Trial(name, values, context)
    if not trial.count:
        return
    yield from trial.encoding()
    yield from trial.spaces()
    yield from trial.placeholders()
    yield from trial.type_or_case()


def _of_numbers(values: pa.Array) -> Iterator[Suggestion]:
    if pa.types.is_integer(values.type) and set(values.drop_null().unique().to_pylist()) == {0, 1}:
        yield Suggestion("boolean()", "holds 0 and 1 only", 1.0, col("").boolean().steps[0])


class _Trial:
    """A column of text, with the verbs suggested so far carried out."""

    def __init__(self, name: str, values: pa.Array, context: Context) -> None:
        self.name = name
        self.column = Column(name=name)
        self.values = as_text(values).drop_null()
        self.context = context
        self.count = len(self.values)

    def encoding(self) -> Iterator[Suggestion]:
        if bad := self._changed_by(Step("fix_encoding")):
            why = f"{self._of_all(bad)} were decoded with the wrong encoding"
            yield self._do("fix_encoding()", why, bad, self.column.fix_encoding())

    def spaces(self) -> Iterator[Suggestion]:
        around, all_bad = self._changed_by(Step("strip")), self._changed_by(Step("collapse_spaces"))
        has_lines = pc.any(pc.match_substring(self.values, "\n")).as_py()
        if all_bad > around and not has_lines:
            why = f"{self._of_all(all_bad)} have stray or repeated spaces"
            yield self._do("collapse_spaces()", why, all_bad, self.column.collapse_spaces())
        elif around:
            why = f"{self._of_all(around)} have spaces around them"
            yield self._do("strip()", why, around, self.column.strip())

    def placeholders(self) -> Iterator[Suggestion]:
        counts = {one["values"]: one["counts"] for one in pc.value_counts(self.values).to_pylist()}
        found = sorted(text for text in counts if text.strip().lower() in WORDS)
        if found:
            bad = sum(counts[text] for text in found)
            why = f"{self._of_all(bad)} stand for nothing: {', '.join(map(repr, found))}"
            yield self._do(call("null_if", *found), why, bad, self.column.null_if(*found))

    def type_or_case(self) -> Iterator[Suggestion]:
        """Suggest what type the text is; where it is only text, a case."""
        asked = _not_blank(self.values)
        if not len(asked):
            return
        for look in (self._boolean, self._number, self._email, self._dates, self._phone):
            if found := list(look(asked)):
                yield from found
                return
        yield from self._case(asked)

    def _boolean(self, asked: pa.Array) -> Iterator[Suggestion]:
        found = set(asked.unique().to_pylist())
        true, false = found & set(map(str, TRUE_WORDS)), found & set(map(str, FALSE_WORDS))
        if len(found) < 2 or found != true | false or not (true and false):
            return
        yes, no = tuple(sorted(true)), tuple(sorted(false))
        verb = call("boolean", true=yes, false=no)
        why = f"holds {', '.join(sorted(found))} only"
        yield self._suggestion(verb, why, len(asked), self.column.boolean(true=yes, false=no))

    def _number(self, asked: pa.Array) -> Iterator[Suggestion]:
        for sign in ("", "£", "$", "€"):
            text = pc.utf8_trim_whitespace(pc.replace_substring(asked, sign, "")) if sign else asked
            whole = _matching(text, r"^[+-]?(0|[1-9][0-9]*)$")  # 007 is a code, no number
            places = _matching(text, r"^[+-]?[0-9]+\.[0-9]+$")
            read = int((whole | places).sum())
            if read < ENOUGH * len(asked):
                continue
            if sign:
                bad = int(to_numpy(pc.match_substring(asked, sign)).sum())
                why = f"{self._of_all(bad)} have a currency sign"
                yield self._suggestion(call("replace", sign, ""), why, bad, self.column.replace(sign, ""))
            why = f"{self._of_all(read)} are numbers"
            if places.any():
                most = max(len(one.partition(".")[2]) for one in text.filter(pa.array(places)).to_pylist())
                yield self._suggestion(f"decimal({most})", why, read, self.column.decimal(most))
            else:
                yield self._suggestion("integer()", why, read, self.column.integer())
            return

    def _email(self, asked: pa.Array) -> Iterator[Suggestion]:
        if pc.sum(pc.match_substring(asked, "@")).as_py() < ENOUGH * len(asked):
            return
        read = self._readable(asked, Step("email"))
        yield self._suggestion(
            "email()", f"{self._of_all(read)} are e-mail addresses", read, self.column.email()
        )

    def _dates(self, asked: pa.Array) -> Iterator[Suggestion]:
        if to_numpy(pc.match_substring_regex(asked, "[0-9]{2}")).mean() < ENOUGH:
            return
        formats, read = self._formats(asked, "date", DATES)
        if read >= ENOUGH * len(asked):
            verb = call("date", *formats)
            why = f"{self._of_all(read)} are dates"
            yield self._suggestion(verb, why, read, self.column.date(*formats))
            return
        formats, read = self._formats(asked, "datetime", TIMES)
        if read >= ENOUGH * len(asked):
            verb = call("datetime", *formats)
            why = f"{self._of_all(read)} are times"
            yield self._suggestion(verb, why, read, self.column.datetime(*formats))

    def _formats(
        self, asked: pa.Array, verb: str, candidates: Mapping[str, Sequence[str]]
    ) -> tuple[list[str], int]:
        """Choose formats, the one that reads most of what is left first."""
        some = asked.slice(0, TRIED)
        fitting = [name for name in candidates if self._readable(some, Step(verb, _format(verb, name)))]
        left = {name: self._reads(asked, Step(verb, _format(verb, name))) for name in fitting}
        chosen: list[str] = []
        read = np.zeros(len(asked), dtype=np.bool_)
        while left:
            best = max(left, key=lambda name: int((left[name] & ~read).sum()))
            gained = left.pop(best) & ~read
            least = SECOND_ORDER if set(candidates[best]) & set(chosen) else 0.001
            if gained.sum() < max(1, least * len(asked)):
                break
            chosen.append(best)
            read |= gained
        return chosen, int(read.sum())

    def _phone(self, asked: pa.Array) -> Iterator[Suggestion]:
        if not PHONE_NAME.search(self.name):
            return
        some = asked.slice(0, 200)
        region = max(REGIONS, key=lambda one: self._readable(some, Step("phone", {"region": one})))
        read = self._readable(asked, Step("phone", {"region": region}))
        if read >= ENOUGH / 2 * len(asked):
            why = f"{self._of_all(read)} are phone numbers of {region}, or international ones"
            yield self._suggestion(call("phone", region), why, read, self.column.phone(region))

    def _case(self, asked: pa.Array) -> Iterator[Suggestion]:
        """Suggest a case where most values have it and some have not."""
        texts = [text for text in asked.to_pylist() if text.upper() != text.lower()]
        if not texts or sum(map(len, texts)) > 40 * len(texts):  # sentences have no one case
            return
        for verb, change in CASES:
            bad = sum(change(text) != text for text in texts)
            if not bad:
                return
            if bad <= (1 - ENOUGH) * len(texts):
                why = f"{self._of_all(bad)} are not in {verb} case, as the others are"
                yield self._suggestion(f"{verb}()", why, bad, getattr(self.column, verb)())
                return

    # Trying a verb

    def _do(self, verb: str, why: str, bad: int, mended: Column) -> Suggestion:
        """Suggest a verb, and go on with what it makes of the values."""
        self.values = apply_verb(mended.steps[0], self.values, self.context).values.drop_null()
        return self._suggestion(verb, why, bad, mended)

    def _suggestion(self, verb: str, why: str, rows: int, mended: Column) -> Suggestion:
        shows = verb.startswith(("null_if", "boolean"))
        return Suggestion(verb, why, rows / self.count, mended.steps[0], shows)

    def _changed_by(self, step: Step) -> int:
        after = apply_verb(step, self.values, self.context).values
        return int(pc.sum(pc.not_equal(after, self.values)).as_py() or 0)

    def _reads(self, asked: pa.Array, step: Step) -> Mask:
        return to_numpy(pc.is_valid(apply_verb(step, asked, self.context).values))

    def _readable(self, asked: pa.Array, step: Step) -> int:
        return int(self._reads(asked, step).sum())

    def _of_all(self, rows: int) -> str:
        return f"{share(rows, self.count)} of the values"


def _format(verb: str, pattern: str) -> Mapping[str, object]:
    return {"formats": (pattern,), "tz": None} if verb == "datetime" else {"formats": (pattern,)}


def _not_blank(values: pa.Array) -> pa.Array:
    return values.filter(pc.not_equal(pc.utf8_trim_whitespace(values), ""))


def _matching(texts: pa.Array, pattern: str) -> Mask:
    return to_numpy(pc.match_substring_regex(texts, pattern))
