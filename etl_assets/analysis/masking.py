"""Sensitive columns: which they are, and what is shown in the place of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import conf
from ..registry import Registry
from ..sensitive import is_sensitive_name as is_sensitive_name
from .table import LegacyTable, open_table

MASK = "***"
ODD_SIGN = re.compile(r"[^Aa9+ ./:@-]")
"""In a format: what letters and digits do not become, and so is the value's own."""
LOOKED_AT = 1_000
"""Values of a column that are looked at to tell by their content what it holds."""
SHARE = 0.5
"""How many of them have to look alike. One in eleven of any ten digits passes for an NHS number."""

US_SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
UK_NINO = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:\d\d ?){3}[A-D]", re.IGNORECASE)
CARD = re.compile(r"[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}")
IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
PASSWORD_HASH = re.compile(
    r"\$(?:2[abxy]|argon2\w*|1|5|6|y)\$.+|(?:pbkdf2|bcrypt|argon2|scrypt|md5|sha1)\w*\$.+"
)


@dataclass
class Masker:
    """Knows which columns are sensitive, and hides their values."""

    columns: set[str] = field(default_factory=set)
    """Names, in lower case."""
    show: bool = False
    """`--show-sensitive`: hide nothing."""

    @classmethod
    def for_table(cls, table: LegacyTable, *, show: bool = False, registry: Registry | None = None) -> Masker:
        """Find the sensitive columns of a table: by the settings, by their names, by their content.

        Args:
            registry: where a transformer fills a field that the settings name, what it reads is sensitive.
        """
        named = {name.lower() for name in conf.load().sensitive_columns}
        masker = cls(named | {name.lower() for name in table.columns if is_sensitive_name(name)}, show)
        for transformer in (registry or {}).values():
            if transformer._meta.source_label == table.name:
                for target, expression in transformer._meta.columns.items():
                    if target.lower() in named:
                        masker.columns |= {name.lower() for name in expression.source_columns}
        if not show:
            masker._look_at(table)
        return masker

    def covers(self, column: str) -> bool:
        """Tell whether a column's values are hidden."""
        return not self.show and column.lower() in self.columns

    def mask(self, column: str, value: Any) -> Any:
        """Return what may be shown of a value; null is no secret."""
        return MASK if value is not None and self.covers(column) else value

    def pattern(self, column: str, pattern: str) -> str:
        """Return what may be shown of a format: of signs only those that numbers and dates are parted by."""
        return ODD_SIGN.sub("*", pattern) if self.covers(column) else pattern

    def mask_row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Mask a row of column -> value."""
        return {name: self.mask(name, value) for name, value in row.items()}

    def look_at(self, column: str, values: Iterable[Any]) -> None:
        """Add a column if its values look like national ids, card numbers or passwords."""
        if looks_sensitive([value for value in values if value is not None]):
            self.columns.add(column.lower())

    def _look_at(self, table: LegacyTable) -> None:
        """Look at the first rows. A connection of its own is used, since that reading is cut off."""
        names = [
            name for name in table.columns if name.lower() not in self.columns and _holds_text(table, name)
        ]
        if not names:
            return
        with open_table(table.name, table.database) as looked_at:
            batches = looked_at.batches(names, size=LOOKED_AT)
            first = next(batches, None)
            for name in names if first is not None else ():
                self.look_at(name, first.column(name).to_pylist())  # type: ignore[union-attr]
            batches.close()  # type: ignore[attr-defined]


def _holds_text(table: LegacyTable, column: str) -> bool:
    """Tell whether a column may hold what can be looked at; card numbers may be kept as numbers."""
    kind = str(table.columns[column])
    return kind in ("string", "int64") or kind.startswith("decimal")


def looks_sensitive(values: Sequence[Any]) -> bool:
    """Tell whether most of the values look like national ids, card numbers or password hashes."""
    texts = [text for text in {str(value).strip() for value in values} if text]
    return len(texts) > 1 and any(sum(map(look, texts)) >= SHARE * len(texts) for look in LOOKS)


def is_card_number(text: str) -> bool:
    """Tell a card number by its length, its first digits and its check digit (ISO/IEC 7812)."""
    if not CARD.fullmatch(text):
        return False
    digits = [int(digit) for digit in reversed(text) if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(digits) <= 19 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_nhs_number(text: str) -> bool:
    """Tell a British NHS number by its check digit."""
    if not re.fullmatch(r"\d{3}[ -]?\d{3}[ -]?\d{4}", text, re.ASCII):
        return False
    digits = [int(digit) for digit in text if digit.isdigit()]
    return sum(digit * weight for digit, weight in zip(digits, range(10, 0, -1), strict=True)) % 11 == 0


def is_iban(text: str) -> bool:
    """Tell an account number by its check digits (ISO 13616)."""
    if not IBAN.fullmatch(text):
        return False
    plain = text.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


LOOKS: tuple[Callable[[str], bool], ...] = (
    is_card_number,
    is_nhs_number,
    is_iban,
    lambda text: US_SSN.fullmatch(text) is not None,
    lambda text: UK_NINO.fullmatch(text) is not None,
    lambda text: PASSWORD_HASH.fullmatch(text) is not None,
)
"""Each tells one kind of value that nobody should see in a report."""
