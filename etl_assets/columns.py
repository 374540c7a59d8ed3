"""What an author writes on the right of a field: where its value comes from and what is done to it.

Expressions only record. They import neither pandas nor Arrow and touch no data; the engine reads
their steps, left to right. Each verb returns a new expression, so that a common beginning can be
shared::

    name = col("name").strip()
    first = name.title()          # `name` is as it was
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .exceptions import ConfigurationError

Severity = Literal["error", "warning"]

TRUE_WORDS = (1, "t", "T", "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES")
FALSE_WORDS = (0, "f", "F", "false", "False", "FALSE", "n", "N", "no", "No", "NO")


class NoDefault:
    """Stands for a `default=` that was not given, since None is a default one may want."""

    def __repr__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT = NoDefault()


@dataclass(frozen=True, slots=True)
class Step:
    """One verb or rule with its arguments: what the engine carries out."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    """None for a verb; "error" or "warning" for a rule."""

    @property
    def is_rule(self) -> bool:
        return self.severity is not None


@dataclass(frozen=True)
class Expression:
    """A start and the steps after it."""

    steps: tuple[Step, ...] = ()

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Names of the source columns that the expression reads, in the order written."""
        raise NotImplementedError

    def _verb(self, name: str, **arguments: Any) -> Self:
        return replace(self, steps=(*self.steps, Step(name, arguments)))

    def _rule(self, name: str, severity: Severity, **arguments: Any) -> Self:
        if severity not in ("error", "warning"):
            raise ConfigurationError(
                f"{name}(severity={severity!r}) is not a severity: write 'error' or 'warning'."
            )
        return replace(self, steps=(*self.steps, Step(name, arguments, severity)))

    def required(self, *, severity: Severity = "error") -> Self:
        """Refuse null. Every other rule lets null pass."""
        return self._rule("required", severity)


class Verbs(Expression):
    """The verbs and rules. Those that a value cannot follow reject its row."""

    # Text

    def strip(self) -> Self:
        """Remove white space from both ends; every Unicode white space counts, nbsp too."""
        return self._verb("strip")

    def collapse_spaces(self) -> Self:
        """Turn each run of Unicode white space into one space, and remove it from both ends."""
        return self._verb("collapse_spaces")

    def lower(self) -> Self:
        """Lower case, as Python's `str.lower`."""
        return self._verb("lower")

    def upper(self) -> Self:
        """Upper case, as Python's `str.upper`."""
        return self._verb("upper")

    def title(self) -> Self:
        """Title case, as Python's `str.title`."""
        return self._verb("title")

    def digits(self) -> Self:
        """Keep the digits 0 to 9 and nothing else."""
        return self._verb("digits")

    def replace(self, text: str, with_: str, *, regex: bool = False) -> Self:
        """Replace all occurrences of `text`, literally, or as a pattern with `regex=True`.

        The pattern language and the references in `with_` (`\\1`) are those of Python's `re`.
        """
        if regex:
            _compiled("replace", text)
        return self._verb("replace", text=text, with_=with_, regex=regex)

    def truncate(self, n: int) -> Self:
        """Keep the first `n` characters (code points)."""
        return self._verb("truncate", n=_count("truncate", n))

    def fix_encoding(self) -> Self:
        """Mend text that was decoded with the wrong encoding ("MÃ¼ller"), and nothing else.

        The work is done by `ftfy.fix_encoding`; quotes and HTML entities stay as they are.
        """
        return self._verb("fix_encoding")

    # To a type

    def integer(self) -> Self:
        """Read a whole number; 7.0 is one. White space around it and a sign are allowed; a blank is null."""
        return self._verb("integer")

    def decimal(self, places: int, *, round: bool = False) -> Self:
        """Read a decimal number with a point and at most `places` digits after it.

        More significant digits reject the row, unless `round=True`, which rounds half to even.
        """
        return self._verb("decimal", places=_count("decimal", places), round=round)

    def boolean(
        self,
        *,
        true: Hashable | tuple[Hashable, ...] = TRUE_WORDS,
        false: Hashable | tuple[Hashable, ...] = FALSE_WORDS,
    ) -> Self:
        """Read true or false by exact match with a value or its text (1 and '1').

        A column that already is boolean is taken as it is.
        """
        return self._verb("boolean", true=_several(true), false=_several(false))

    def date(self, *formats: str) -> Self:
        """Read a date in the first of the `strptime` formats that fits; ISO 8601 where none is given.

        Reads as Python's `datetime.strptime` does: 2023-02-31 is no date. A column of dates is
        taken as it is, one of times gives their day.
        """
        return self._verb("date", formats=_formats("date", formats))

    def datetime(self, *formats: str, tz: str | None = None) -> Self:
        """Read a time in the first of the `strptime` formats that fits; ISO 8601 where none is given.

        A time without an offset is local to `tz` (an IANA name; default: Django's TIME_ZONE). A local
        time that a clock change skipped is rejected; of one that came twice the first is meant.
        """
        if tz is not None:
            _zone(tz)
        return self._verb("datetime", formats=_formats("datetime", formats), tz=tz)

    def email(self) -> Self:
        """Check an e-mail address with Django's validator; white space around it goes, case stays."""
        return self._verb("email")

    def phone(self, region: str) -> Self:
        """Read a valid phone number of `region` (ISO 3166, "GB") or an international one, to E.164."""
        if not (isinstance(region, str) and re.fullmatch(r"[A-Za-z]{2}", region)):
            raise ConfigurationError(
                f"phone({region!r}) needs a country: write its two letters, as in phone('GB')."
            )
        return self._verb("phone", region=region.upper())

    # Values

    def map(self, values: Mapping[Any, Any], default: Any = NO_DEFAULT) -> Self:
        """Look the value up, by itself or by its text. Null stays null.

        A value that is not there becomes `default`; without one its row is rejected.
        """
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"map({values!r}) needs a dict: write map({{'M': 'male'}}).")
        if None in values:
            raise ConfigurationError(
                "map({None: ...}) has no effect, since null stays null: write .default(value) after it."
            )
        return self._verb("map", values=dict(values), default=default)

    def null_if(self, *values: Any) -> Self:
        """Make null of each of these values, compared by itself or by its text."""
        return self._verb("null_if", values=_single("null_if", values))

    def default(self, value: Any) -> Self:
        """Put `value` where the value is null."""
        return self._verb("default", value=value)

    def apply(self, function: Callable[[Any], Any]) -> Self:
        """Call `function` with each distinct value that is not null; what it raises rejects the row."""
        if not callable(function):
            raise ConfigurationError(f"apply({function!r}) needs a function of one value.")
        return self._verb("apply", function=function)

    # Rules: null passes all but `required`

    def matches(self, regex: str, *, severity: Severity = "error") -> Self:
        """The whole text must match `regex` (Python's `re`)."""
        _compiled("matches", regex)
        return self._rule("matches", severity, regex=regex)

    def between(self, low: Any, high: Any, *, severity: Severity = "error") -> Self:
        """The value must lie between two bounds, both included; None leaves a side open.

        For dates a bound may be ISO text or "today".
        """
        if type(low) is type(high) and low is not None and "today" not in (low, high) and low > high:
            raise ConfigurationError(
                f"between({low!r}, {high!r}) lets nothing pass: give the lower bound first."
            )
        return self._rule("between", severity, low=low, high=high)

    def one_of(self, *values: Any, severity: Severity = "error") -> Self:
        """The value must be one of these, compared by itself or by its text."""
        if not values:
            raise ConfigurationError("one_of() lets nothing pass: name the values that are good.")
        return self._rule("one_of", severity, values=_single("one_of", values))

    def length(self, low: int, high: int, *, severity: Severity = "error") -> Self:
        """The text must have between `low` and `high` characters, both included."""
        if _count("length", low) > _count("length", high):
            raise ConfigurationError(f"length({low}, {high}) lets nothing pass: give the lower bound first.")
        return self._rule("length", severity, low=low, high=high)


@dataclass(frozen=True)
class Column(Verbs):
    """One source column."""

    name: str = ""

    @property
    def source_columns(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True)
class Key(Column):
    """The source column that identifies a row; its field identifies the row in the target."""


@dataclass(frozen=True)
class Concat(Verbs):
    """Several source columns as one text."""

    parts: tuple[Expression, ...] = ()
    separator: str = " "

    @property
    def source_columns(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.source_columns)


@dataclass(frozen=True)
class Const(Verbs):
    """The same value in every row."""

    value: Any = None

    @property
    def source_columns(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Link(Expression):
    """A foreign key to a row that another transformer loads."""

    target: str = ""
    value: Expression = Expression()
    missing: Literal["reject", "null"] = "reject"
    by_name: bool = True
    """True where the author named a column, and the parent's key verbs are applied to it."""

    @property
    def source_columns(self) -> tuple[str, ...]:
        return self.value.source_columns


def col(name: str) -> Column:
    """Read a source column."""
    return Column(name=_name("col", name))


def key(name: str) -> Key:
    """Read the source column that identifies a row. A transformer has one, or `Meta.key`."""
    return Key(name=_name("key", name))


def concat(*names: str | Expression, sep: str = " ") -> Concat:
    """Join columns (or expressions) as text with `sep`, leaving null out; all null is null."""
    if not names:
        raise ConfigurationError("concat() joins nothing: name at least one source column.")
    parts = tuple(part if isinstance(part, Verbs) else col(_name("concat", part)) for part in names)
    return Concat(parts=parts, separator=sep)


def const(value: Any) -> Const:
    """Use the same value in every row."""
    return Const(value=value)


def link(
    target: str,
    name_or_expression: str | Expression,
    missing: Literal["reject", "null"] = "reject",
) -> Link:
    """Refer to the row that transformer `target` loaded under this legacy key.

    A column name goes through the verbs of the parent's own key, so that both sides are cleaned
    alike; an expression is taken as it is written. A legacy key that has no row rejects the row, or
    becomes null with `missing="null"`. Null is null.
    """
    if not isinstance(target, str):
        raise ConfigurationError(
            f"link({target!r}) needs the name of a transformer: write link('departments', ...)."
        )
    if missing not in ("reject", "null"):
        raise ConfigurationError(f"link(missing={missing!r}) is not known: write 'reject' or 'null'.")
    if isinstance(name_or_expression, Verbs):
        return Link(target=target, value=name_or_expression, missing=missing, by_name=False)
    return Link(target=target, value=col(_name("link", name_or_expression)), missing=missing)


def _name(start: str, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{start}({name!r}) needs the name of a source column, as text.")
    return name


def _count(verb: str, n: Any) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise ConfigurationError(f"{verb}({n!r}) needs a whole number from 0 up.")
    return n


def _compiled(verb: str, regex: Any) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except (re.error, TypeError) as error:
        raise ConfigurationError(f"{verb}({regex!r}) is no regular expression: {error}.") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"datetime(tz={name!r}) is no known time zone: write an IANA name such as 'Europe/London'."
        ) from error


def _formats(verb: str, formats: tuple[Any, ...]) -> tuple[str, ...]:
    for pattern in formats:
        if not isinstance(pattern, str) or "%" not in pattern:
            raise ConfigurationError(
                f"{verb}({pattern!r}) is no strptime format: write one such as '%d/%m/%Y'."
            )
        _try_format(verb, pattern)
    return formats


def _try_format(verb: str, pattern: str) -> None:
    """Refuse a format that reads nothing whatever it is given: an unknown directive, or one given twice."""
    try:
        dt.datetime.strptime("", pattern)  # noqa: DTZ007 - only the pattern matters
    except (ValueError, re.error) as error:
        if "does not match format" not in str(error):
            raise ConfigurationError(f"{verb}({pattern!r}) is no strptime format: {error}.") from error


def _single(verb: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    for value in values:
        if isinstance(value, (list, tuple, set, dict)):
            raise ConfigurationError(
                f"{verb}({value!r}) gets its values one by one: write {verb}('N/A', '-')."
            )
    return values


def _several(values: Any) -> tuple[Hashable, ...]:
    """Take one value where a tuple of them was meant: boolean(true="J")."""
    return tuple(values) if isinstance(values, (tuple, list, set, frozenset)) else (values,)
