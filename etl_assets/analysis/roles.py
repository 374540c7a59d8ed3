"""What a column says about a person, and how two such statements are compared.

Each comparison is a list of levels, from the same to nothing alike, as Splink wants them: SQL about the left
and the right row, and `m`, how often two records of one person are on that level. The m are judgements, from
what is published for names and dates of birth and what Splink's own examples learn. They are not trained
here, since a table with few duplicates teaches expectation maximisation families and namesakes instead. How
often two records of different people get there is measured (see `fuzzy`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa


class Role(Enum):
    """What a column is about."""

    EMAIL = "email"
    CODE = "code"
    PHONE = "phone"
    DATE = "date"
    GIVEN_NAME = "given name"
    FAMILY_NAME = "family name"
    NAME = "name"
    TEXT = "text"


NAMED: dict[Role, re.Pattern[str]] = {
    Role.EMAIL: re.compile(r"e_?mail"),
    Role.PHONE: re.compile(r"phone|mobile|(^|_)(tel|fax|cell)"),
    Role.DATE: re.compile(r"(^|_)(dob|born|date|birthday|birthdate|geburtsdatum)|_(date|on|at)$"),
    Role.GIVEN_NAME: re.compile(
        r"first_?name|fore_?name|given|christian_?name|vorname|prenom|prénom|^fname$"
    ),
    Role.FAMILY_NAME: re.compile(r"last_?name|sur_?name|family|nach_?name|nom_de_famille|^lname$"),
    Role.NAME: re.compile(r"name|customer|patient|person|contact"),
}
"""What columns of a role are called; the first that fits counts."""
WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+")

LOOKS: dict[Role, re.Pattern[str]] = {
    Role.EMAIL: re.compile(r"[^@\s]+@[^@\s]+"),
    Role.DATE: re.compile(r"\d{4}([-/.])\d\d?\1\d\d?\b.*|\d\d?([-/.])\d\d?\2\d{4}\b.*"),
    Role.PHONE: re.compile(r"(?=(?:\D*\d){7})[+(\d][\d\s()./-]*[\s()/+-][\d\s()./-]*"),
    Role.CODE: re.compile(r"\S*\d\S*"),
}
"""What their values look like."""
SHARE = 0.8

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m/%d/%Y", "%m-%d-%Y", "%Y%m%d")
"""Tried in this order: where both are possible the day comes first, and swapping the two is a small error."""


def role_of(name: str, declared: pa.DataType, values: Sequence[str]) -> Role:
    """Tell a column's role: by its type, by what its values look like, by its name."""
    if pa.types.is_date(declared) or pa.types.is_timestamp(declared):
        return Role.DATE
    words = WORD_STARTS.sub("_", name).strip("_").lower()
    named = next((role for role, pattern in NAMED.items() if pattern.search(words)), Role.TEXT)
    if pa.types.is_integer(declared):
        return named if named in (Role.PHONE, Role.DATE) else Role.CODE
    looks = _look_of(values)
    # The column's name is believed where the values do not say otherwise; e-mails and dates have to look it.
    if looks in (None, Role.CODE):
        fallback = looks or Role.TEXT
        return named if named in (Role.PHONE, Role.GIVEN_NAME, Role.FAMILY_NAME, Role.NAME) else fallback
    return looks


def _look_of(values: Sequence[str]) -> Role | None:
    for role, pattern in LOOKS.items():
        alike = sum(pattern.fullmatch(value) is not None for value in values)
        if values and alike >= SHARE * len(values):
            return role
    return None


@dataclass(frozen=True)
class Level:
    """How alike two rows are in one respect."""

    sql: str
    m: float
    """Share of true pairs on this level."""
    u: float
    """Share of pairs of different people on it, before anything is measured."""


@dataclass(frozen=True)
class Comparison:
    """What is compared, and the features by which likely pairs are found."""

    name: str
    value: str
    """The feature of which the first level asks that it be equal."""
    is_null: str
    levels: tuple[Level, ...]
    features: dict[str, str]
    """Column to make -> the SQL that makes it of the folded keys."""
    exact: str
    """The feature that true pairs mostly share."""
    coarse: tuple[str, ...]
    """Features, or SQL about them, that they share after an error too."""
    rare_by: tuple[str, ...] = ()
    """Features whose rare values speak louder than common ones; none, where rarity says little."""


LETTERS = r"[^\p{L}\p{N} ]"
SIGNS = r"[^\p{L}\p{N}]"


def comparison(role: Role, number: int) -> Comparison:
    """Return how the column of `key<number>` is compared."""
    if role is Role.DATE:
        return _date(number)
    if role is Role.EMAIL:
        return _email(number)
    if role in (Role.CODE, Role.PHONE):
        return _code(number, is_phone=role is Role.PHONE)
    return _words(number)


def person(given: int, family: int) -> Comparison:
    """Return how two columns, of given and of family names, are compared as one: they may be swapped."""
    g, f, both, list_ = "person_given", "person_family", "person", "person_names"
    same_g, same_f = f"{g}_l = {g}_r", f"{f}_l = {f}_r"
    near_g, near_f = _near(f"{g}_l", f"{g}_r"), _near(f"{f}_l", f"{f}_r")
    crossed = f"{_near(f'{g}_l', f'{f}_r')} AND {_near(f'{f}_l', f'{g}_r')}"
    return Comparison(
        name="person",
        value=both,
        is_null=" OR ".join(f"{name}_{side} IS NULL" for name in (g, f) for side in "lr"),
        levels=(
            Level(f"{both}_l = {both}_r", 0.73, 1e-4),
            Level(f"{g}_l = {f}_r AND {f}_l = {g}_r", 0.05, 1e-5),
            Level(f"({same_f} AND {near_g}) OR ({same_g} AND {near_f})", 0.12, 1e-4),
            Level(f"({near_g} AND {near_f}) OR ({crossed})", 0.05, 1e-4),
            Level(f"{same_g} OR {same_f}", 0.02, 0.02),
            Level("ELSE", 0.03, 0.98),
        ),
        features={
            g: _clean(f"key{given}", LETTERS),
            f: _clean(f"key{family}", LETTERS),
            both: f"{_clean(f'key{given}', LETTERS)} || ' ' || {_clean(f'key{family}', LETTERS)}",
            "person_any_order": _sorted_words(f"concat_ws(' ', key{given}, key{family})"),
            list_: f"[{_clean(f'key{given}', LETTERS)}, {_clean(f'key{family}', LETTERS)}]",
            "person_initials": (
                f"list_aggregate(list_sort([key{given}[1], key{family}[1]]), 'string_agg', '')"
            ),
        },
        exact="person_any_order",
        coarse=(f"unnest({list_})", "person_initials"),
        rare_by=(g, f),
    )


def _words(number: int) -> Comparison:
    x, ordered = f"words{number}", f"words{number}_sorted"
    close = f"jaro_winkler_similarity({x}_l, {x}_r) >= 0.94 OR {_near(f'{x}_l', f'{x}_r')}"
    return Comparison(
        name=x,
        value=x,
        is_null=f"{x}_l IS NULL OR {x}_r IS NULL",
        levels=(
            Level(f"{x}_l = {x}_r", 0.75, 5e-3),
            Level(f"{ordered}_l = {ordered}_r", 0.05, 1e-4),
            Level(close, 0.12, 2e-4),
            Level(f"jaro_winkler_similarity({x}_l, {x}_r) >= 0.88", 0.04, 5e-3),
            Level("ELSE", 0.04, 0.99),
        ),
        features={
            x: _clean(f"key{number}", LETTERS),
            ordered: _sorted_words(f"key{number}"),
            f"{x}_start": f"left({_clean(f'key{number}', LETTERS)}, 4)",
            f"{x}_end": f"right({_clean(f'key{number}', LETTERS)}, 4)",
        },
        exact=ordered,
        coarse=(f"{x}_start", f"{x}_end"),
        rare_by=(x,),
    )


def _date(number: int) -> Comparison:
    x = f"date{number}"
    digits = f"{x}_digits"
    formats = ", ".join(f"'{one}'" for one in DATE_FORMATS)
    parsed = f"TRY_CAST(try_strptime(regexp_extract(key{number}, '^[0-9./-]+'), [{formats}]) AS DATE)"
    text = f"strftime({parsed}, '%Y%m%d')"
    swapped = f"{digits}_l = left({digits}_r, 4) || right({digits}_r, 2) || {digits}_r[5:6]"
    return Comparison(
        name=x,
        value=x,
        is_null=f"{x}_l IS NULL OR {x}_r IS NULL",
        levels=(
            Level(f"{x}_l = {x}_r", 0.85, 2e-4),
            Level(swapped, 0.02, 2e-5),
            Level(f"abs({x}_l - {x}_r) <= 3", 0.04, 2e-4),
            Level(f"damerau_levenshtein({digits}_l, {digits}_r) <= 1", 0.06, 1e-3),
            Level("ELSE", 0.03, 0.99),
        ),
        features={
            x: parsed,
            digits: text,
            f"{x}_month": f"left({text}, 6)",
            f"{x}_day": f"right({text}, 4)",
            f"{x}_rest": f"left({text}, 4) || right({text}, 2)",
            f"{x}_swapped": f"left({text}, 4) || list_aggregate(list_sort([{text}[5:6], {text}[7:8]]),"
            " 'string_agg', '')",
        },
        exact=digits,
        coarse=(f"{x}_month", f"{x}_day", f"{x}_rest", f"{x}_swapped"),
    )


def _email(number: int) -> Comparison:
    x, mailbox = f"email{number}", f"email{number}_mailbox"
    return Comparison(
        name=x,
        value=x,
        is_null=f"{x}_l IS NULL OR {x}_r IS NULL",
        levels=(
            Level(f"{x}_l = {x}_r", 0.75, 1e-5),
            Level(f"{mailbox}_l = {mailbox}_r OR damerau_levenshtein({x}_l, {x}_r) <= 2", 0.12, 1e-4),
            Level("ELSE", 0.13, 0.999),
        ),
        features={
            x: rf"NULLIF(regexp_extract(key{number}, '[^@\s]+@[^@\s]+'), '')",
            mailbox: rf"NULLIF(regexp_extract(key{number}, '([^@\s]+)@', 1), '')",
            f"{x}_start": f"left(key{number}, 5)",
            f"{x}_end": f"right(split_part(key{number}, '@', 1), 5)",
        },
        exact=x,
        coarse=(mailbox, f"{x}_start", f"{x}_end"),
    )


def _code(number: int, *, is_phone: bool) -> Comparison:
    x = f"code{number}"
    # Beginnings differ: 0113.. is +44 113..
    clean = f"right(regexp_replace(key{number}, '[^0-9]', '', 'g'), 9)" if is_phone else None
    value = f"NULLIF({clean}, '')" if clean else _clean(f"key{number}", SIGNS)
    return Comparison(
        name=x,
        value=x,
        is_null=f"{x}_l IS NULL OR {x}_r IS NULL",
        levels=(
            Level(f"{x}_l = {x}_r", 0.80, 1e-4),
            Level(f"damerau_levenshtein({x}_l, {x}_r) <= 1", 0.10, 1e-4),
            Level("ELSE", 0.10, 0.999),
        ),
        features={
            x: value,
            f"{x}_start": f"left({value}, greatest(length({value}) // 2, 1)::BIGINT)",
            f"{x}_end": f"right({value}, greatest(length({value}) // 2, 1)::BIGINT)",
        },
        exact=x,
        coarse=(f"{x}_start", f"{x}_end"),
    )


def _near(left: str, right: str) -> str:
    """One typing error, or names that start alike and differ little."""
    one_error = f"(damerau_levenshtein({left}, {right}) <= 1 AND length({left}) > 2 AND length({right}) > 2)"
    return f"({one_error} OR jaro_winkler_similarity({left}, {right}) >= 0.9)"


def _clean(key: str, others: str) -> str:
    """Leave accents and signs out."""
    return f"NULLIF(trim(regexp_replace(strip_accents({key}), '{others}', '', 'g')), '')"


def _sorted_words(key: str) -> str:
    words = f"list_sort(string_split({_clean(key, LETTERS)}, ' '))"
    return f"list_aggregate({words}, 'string_agg', ' ')"
