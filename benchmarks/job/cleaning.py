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

_NUMBER = re.compile(r"[A-Y][A-Z][0-9]{6}")
_CODE = re.compile(r"[A-Z]{2,8}")
_NOT_DIGITS = re.compile(r"\D+")
_BRITISH = re.compile(r"(\d\d)/(\d\d)/(\d{4})")
_SEXES = {"M": "male", "F": "female", "O": "other"}
_FIRST_BIRTH = dt.date(1900, 1, 1)


class Rejected(ValueError):
    """A row that must not be loaded."""


class Cleaning:
    """Cleans patients in reading order, and lets the first one have a key or number that two want.

    Args:
        departments: what stands for a department in the result, by its legacy id.
    """

    def __init__(self, departments: Mapping[int, Any]) -> None:
        self._departments = departments
        self._keys: set[int] = set()
        self._numbers: set[str] = set()
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
        key, number, first, last, born, sex, mail, phone, address, postcode, ssn, dept, day, notes = row
        cleaned = (
            key,
            _number(number),
            _name(first),
            _name(last),
            self._birth(born),
            _SEXES.get((sex or "").strip().upper(), "unknown") if sex is not None else _refuse("sex"),
            _email(mail),
            _digits(phone, 10, 12) or "",
            _something(_collapsed(address)),
            _something(_collapsed(postcode).upper()),
            _digits(ssn, 10, 10),
            self._departments.get(dept) or _refuse("department"),
            dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC),
            _something((notes or "").strip()),
        )
        if key in self._keys or cleaned[1] in self._numbers:
            raise Rejected("duplicate")
        self._keys.add(key)
        self._numbers.add(cleaned[1])
        return cleaned

    def _birth(self, text: str | None) -> dt.date | None:
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
    return key, code, _collapsed(name)


def _number(text: str) -> str:
    number = text.strip().upper()
    if not _NUMBER.fullmatch(number):
        raise Rejected("number")
    return number


def _name(text: str) -> str:
    name = " ".join(text.split()).title()
    if not 0 < len(name) <= 60:
        raise Rejected("name")
    return name


def _email(text: str | None) -> str:
    address = _something((text or "").strip())
    if address:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Rejected("e-mail") from error
    return address


def _digits(text: str | None, low: int, high: int) -> str | None:
    digits = _NOT_DIGITS.sub("", text or "")
    if digits and not low <= len(digits) <= high:
        raise Rejected("digits")
    return digits or None


def _collapsed(text: str | None) -> str:
    return " ".join((text or "").split())


def _something(text: str) -> str:
    return "" if text in ("-", "N/A") else text


def _refuse(what: str) -> Any:
    raise Rejected(what)
