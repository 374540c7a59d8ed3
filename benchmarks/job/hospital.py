"""The hospital's own transformers once more, row by row in plain Python; see `cleaning.py`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

import ftfy
import phonenumbers

from .cleaning import (
    READING_ORDER,
    SEXES,
    SOURCE,
    Rejected,
    collapsed,
    digits_of,
    email_of,
    refuse,
    something,
)
from .cleaning import Cleaning as CommonCleaning

DEPARTMENT_SOURCE = ("dept_id", "code", "name", "building", "phone", "email", "opened", "active")
DEPARTMENT_TARGET = ("legacy_id", "code", "name", "building", "phone", "email", "opened_on", "is_active")
TARGET = (
    "legacy_id",
    "number",
    "national_id",
    "first_name",
    "last_name",
    "date_of_birth",
    "sex",
    "email",
    "phone",
    "address",
    "postcode",
    "department_id",
    "registered_at",
    "notes",
)

__all__ = [
    "DEPARTMENT_SOURCE",
    "DEPARTMENT_TARGET",
    "READING_ORDER",
    "SOURCE",
    "TARGET",
    "Cleaning",
    "clean_department",
]

_LONDON = ZoneInfo("Europe/London")
_NUMBER = re.compile(r"[A-Z]{2}[0-9]{6}")


class Cleaning(CommonCleaning):
    unique = (0, 1, 2)

    def values(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        key, number, first, last, born, sex, mail, phone, address, postcode, ssn, dept, day, notes = row
        birth = self.birth(born)
        registered = dt.datetime.fromisoformat(day).replace(tzinfo=_LONDON)
        if birth is not None and registered.date() < birth:
            raise Rejected("registered before being born")
        return (
            key,
            number_of(number),
            digits_of(ssn, 10, 10),
            name_of(first),
            name_of(last),
            birth,
            SEXES.get((sex or "").strip().upper(), "unknown") if sex is not None else refuse("sex"),
            email_of(mail),
            phone_of(phone),
            something(collapsed(mended(address))),
            something(collapsed(postcode).upper()),
            self.departments.get(dept) or refuse("department"),
            registered.astimezone(dt.UTC),
            something(mended(notes).strip()),
        )


def clean_department(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a department's values, in the order of DEPARTMENT_TARGET."""
    key, code, name, building, phone, mail, opened, active = row
    return (
        key,
        code.strip().upper(),
        collapsed(mended(name)),
        something(collapsed(building)),
        phone_of(phone),
        email_of(mail).lower(),
        CommonCleaning({}).birth(opened),
        active == "Y",
    )


def number_of(text: str) -> str:
    number = text.strip().upper()
    # Test accounts begin with ZZ and are left out.
    if not _NUMBER.fullmatch(number) or number.startswith("ZZ"):
        raise Rejected("number")
    return number


def name_of(text: str) -> str:
    name = collapsed(mended(text)).title()
    if not 0 < len(name) <= 60:
        raise Rejected("name")
    return name


def mended(text: str | None) -> str:
    """Mend a text that was read in the wrong encoding; plain ASCII cannot have been."""
    if text is None or text.isascii():
        return text or ""
    return ftfy.fix_encoding(text)


def phone_of(text: str | None) -> str:
    text = something((text or "").strip())
    if not text:
        return ""
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException as error:
        raise Rejected("phone") from error
    if not phonenumbers.is_valid_number(number):
        raise Rejected("phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
