"""A plain reading of the old rows, one by one: what the hospital accepts, apart from all other code."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

NOTHING = (None, "", "-", "N/A")

Row = dict[str, Any]


def parsed(text: str, *formats: str) -> dt.datetime | None:
    for pattern in formats:
        try:
            return dt.datetime.strptime(text.strip(), pattern)  # noqa: DTZ007
        except ValueError:
            continue
    return None


def is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def is_phone(text: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, "GB"))
    except phonenumbers.NumberParseException:
        return False


def given(row: Row, column: str) -> str | None:
    text = row[column]
    return None if text is None or text.strip() in NOTHING else text.strip()


def nhs_number_adds_up(text: str) -> bool:
    digits = [int(letter) for letter in text if letter.isdigit()]
    return sum(digit * (10 - place) for place, digit in enumerate(digits)) % 11 == 0


def patient_is_good(row: Row) -> bool:
    """Tell whether the row alone could be a patient, whatever the other rows hold."""
    born_text, email, phone = given(row, "date_of_birth"), given(row, "email"), given(row, "phone")
    if born_text and born_text != "0000-00-00":
        born = parsed(born_text, "%d/%m/%Y", "%Y-%m-%d")
        if born is None or str(born.date()) > row["registered_at"][:10]:
            return False
    return (
        re.fullmatch(r"[A-Z]{2}\d{6}", row["hosp_no"].strip().upper()) is not None
        and len(row["last_name"]) <= 60
        and row["dept_id"] in range(10, 210, 10)
        and (email is None or is_email(email))
        and (phone is None or is_phone(phone))
    )


def read_patients(table: list[Row]) -> Counter[str]:
    """Say what becomes of the rows, read by key and then by time of registration."""
    fates: Counter[str] = Counter()
    ids: set[int] = set()
    numbers: set[str] = set()
    nhs_numbers: set[str] = set()
    for row in sorted(table, key=lambda row: (row["patient_id"], row["registered_at"])):
        number = row["hosp_no"].strip().upper()
        nhs_number = given(row, "ssn")
        if not patient_is_good(row):
            fates["rejected"] += 1
        elif number.startswith("ZZ"):
            fates["skipped"] += 1
        elif row["patient_id"] in ids or number in numbers or nhs_number in nhs_numbers:
            fates["rejected"] += 1
        else:
            ids.add(row["patient_id"])
            numbers.add(number)
            nhs_numbers.update(filter(None, [nhs_number]))
            postcode = given(row, "postcode")
            has_warning = (postcode and " " not in postcode) or (
                nhs_number and not nhs_number_adds_up(nhs_number)
            )
            fates["warned" if has_warning else "good"] += 1
    return fates


def read_appointments(table: list[Row], patient_ids: range) -> Counter[str]:
    """The same, as if every patient had been loaded."""
    fates: Counter[str] = Counter()
    taken: set[tuple[int, dt.datetime]] = set()
    for row in table:
        starts, ends = (
            parsed(row[name], "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M") for name in ("starts_at", "ends_at")
        )
        status = row["status"].strip().upper()
        fee = (given(row, "fee") or "0").replace("£", "")
        if (
            row["patient_id"] not in patient_ids
            or status not in ("B", "C", "X", "DNA")
            or not re.fullmatch(r"\d+(\.\d\d?)?", fee)
            or starts is None
            or ends is None
            or starts >= ends
            or starts == dt.datetime(2019, 3, 31, 1, 15)  # noqa: DTZ001
            or (status != "X" and (row["patient_id"], starts) in taken)
        ):
            fates["rejected"] += 1
            continue
        if status != "X":
            taken.add((row["patient_id"], starts))
        fates["warned" if ends - starts > dt.timedelta(days=1) else "good"] += 1
    return fates
