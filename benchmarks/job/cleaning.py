"""The full job once more, row by row in plain Python.

It says what each contender has to leave in the target, and it is what those contenders use who clean in
Python. It is written to be fast: tuples, no `strptime`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

SOURCE = (
    "patient_id",
    "hosp_no",
    "first_name",
    "last_name",
    "date_of_birth",
    "gender",
    "email",
    "phone",
    "address",
    "postcode",
    "ssn",
    "dept_id",
    "registered_at",
    "notes",
)
"""Columns of legacy_patients, in the order in which `Cleaning` takes them."""

TARGET = (
    "legacy_id",
    "number",
    "first_name",
    "last_name",
    "date_of_birth",
    "sex",
    "email",
    "phone",
    "address",
    "postcode",
    "national_id",
    "department_id",
    "registered_at",
    "notes",
)
"""Columns of the target, in the order in which `Cleaning` gives them."""

READING_ORDER = ("patient_id", "registered_at")

DEPARTMENT_SOURCE = ("dept_id", "code", "name")
DEPARTMENT_TARGET = ("legacy_id", "code", "name")

_NUMBER = re.compile(r"[A-Y][A-Z][0-9]{6}")
_CODE = re.compile(r"[A-Z]{2,8}")
_NOT_DIGITS = re.compile(r"\D+")
_BRITISH = re.compile(r"(\d\d)/(\d\d)/(\d{4})")
SEXES = {"M": "male", "F": "female", "O": "other"}
_FIRST_BIRTH = dt.date(1900, 1, 1)


class Rejected(ValueError):
    """A row that must not be loaded."""


class Cleaning:
    """Cleans patients in reading order, and lets the first one have a value that two want.

    Args:
        departments: what stands for a department in the result, by its legacy id.
    """

    unique: tuple[int, ...] = (0, 1)
    """Places of the columns of which no two rows may have the same value."""

    def __init__(self, departments: Mapping[int, Any]) -> None:
        self.departments = departments
        self._taken: dict[int, set[Any]] = {place: set() for place in self.unique}
        self._today = dt.datetime.now(dt.UTC).date()

    def good(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Yield what the good ones among these rows become."""
        for row in rows:
            try:
                yield self.clean(row)
            except Rejected:
                continue

    def clean(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a row of the target.

        Raises:
            Rejected: the row must not be loaded.
        """
        cleaned = self.values(row)
        for place, taken in self._taken.items():
            if cleaned[place] in taken:
                raise Rejected("taken")
        for place, taken in self._taken.items():
            if cleaned[place] is not None:
                taken.add(cleaned[place])
        return cleaned

    def values(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a row of the target, whoever else may want its values."""
        key, number, first, last, born, sex, mail, phone, address, postcode, ssn, dept, day, notes = row
        return (
            key,
            number_of(number),
            name_of(first),
            name_of(last),
            self.birth(born),
            SEXES.get((sex or "").strip().upper(), "unknown") if sex is not None else refuse("sex"),
            email_of(mail),
            digits_of(phone, 10, 12) or "",
            something(collapsed(address)),
            something(collapsed(postcode).upper()),
            digits_of(ssn, 10, 10),
            self.departments.get(dept) or refuse("department"),
            dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC),
            something((notes or "").strip()),
        )

    def birth(self, text: str | None) -> dt.date | None:
        text = (text or "").strip()
        if text in ("", "-", "N/A", "0000-00-00"):
            return None
        try:
            if british := _BRITISH.fullmatch(text):
                born = dt.date(int(british[3]), int(british[2]), int(british[1]))
            else:
                born = dt.date.fromisoformat(text)
        except ValueError as error:
            raise Rejected("date of birth") from error
        if not _FIRST_BIRTH <= born <= self._today:
            raise Rejected("date of birth")
        return born


def clean_department(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return legacy_id, code and name.

    Raises:
        Rejected: the code is malformed.
    """
    key, code, name = row
    code = code.strip().upper()
    if not _CODE.fullmatch(code):
        raise Rejected("code")
    return key, code, collapsed(name)


def number_of(text: str) -> str:
    number = text.strip().upper()
    if not _NUMBER.fullmatch(number):
        raise Rejected("number")
    return number


def name_of(text: str) -> str:
    name = " ".join(text.split()).title()
    if not 0 < len(name) <= 60:
        raise Rejected("name")
    return name


def email_of(text: str | None) -> str:
    address = something((text or "").strip())
    if address:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Rejected("e-mail") from error
    return address


def digits_of(text: str | None, low: int, high: int) -> str | None:
    digits = _NOT_DIGITS.sub("", text or "")
    if digits and not low <= len(digits) <= high:
        raise Rejected("digits")
    return digits or None


def collapsed(text: str | None) -> str:
    return " ".join((text or "").split())


def something(text: str) -> str:
    return "" if text in ("-", "N/A") else text


def refuse(what: str) -> Any:
    raise Rejected(what)
