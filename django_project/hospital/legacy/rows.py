"""The rows of the old system's three tables, one after another, as many as are asked for."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Iterator

from . import words
from .chance import Chance, Row, scattered
from .departments import DEPARTMENT_IDS
from .dirt import APPOINTMENT_DIRT, PATIENT_DIRT, DirtTable

FIRST_PATIENT_ID = 100_001
FIRST_APPOINTMENT_ID = 500_001
APPOINTMENTS_PER_PATIENT = 1.75

PREFIXES = tuple(
    first + second for first in "ABCDEFGHIJKLMNOPQRSTUVWXY" for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
"""Beginnings of hospital numbers; Z is left to test accounts."""

NHS_NUMBERS = range(900_000_000, 999_000_000, 2)
"""A range that is not issued, without the check digit. Only even ones: see `nhs_number`."""

NHS_WEIGHTS = range(10, 1, -1)
MOST_PATIENTS = len(NHS_NUMBERS)
LAST_DAY = dt.date(2025, 6, 30)
"""The day the old system was copied. A fixed one, so that a seed gives the same rows for ever."""

BIRTHS = range(dt.date(1928, 1, 1).toordinal(), dt.date(2024, 1, 1).toordinal())
REGISTRATIONS = range(dt.date(2005, 1, 1).toordinal(), dt.date(2024, 12, 30).toordinal())
VISITS = range(dt.date(2015, 1, 1).toordinal(), dt.date(2025, 12, 31).toordinal())
PAST = ("C", "C", "C", "C", "C", "C", "C", "X", "DNA")
FUTURE = ("B", "B", "B", "B", "B", "X")


def patients(count: int, seed: int, dirt: Counter[str]) -> Iterator[Row]:
    """Yield `count` rows of legacy_patients, and count in `dirt` what is wrong with them."""
    chance = Chance(f"{seed}/patients")
    tidy = (tidy_patient(index, chance) for index in range(count))
    return spoiled(tidy, PATIENT_DIRT, chance, dirt)


def appointments(patient_count: int, seed: int, dirt: Counter[str]) -> Iterator[Row]:
    """Yield rows of legacy_appointments, seven for four patients, as `patients` does."""
    chance = Chance(f"{seed}/appointments")
    count = max(1, int(patient_count * APPOINTMENTS_PER_PATIENT))
    tidy = (tidy_appointment(index, patient_count, chance) for index in range(count))
    return spoiled(tidy, APPOINTMENT_DIRT, chance, dirt)


def spoiled(tidy: Iterator[Row], kinds: DirtTable, chance: Chance, dirt: Counter[str]) -> Iterator[Row]:
    for row in tidy:
        # Some kinds copy a good row, so that the first row has to be one.
        kind = kinds.pick(chance) if chance.good_rows else None
        if kind is not None:
            kind.spoil(row, chance)
            dirt[kind.name] += 1
        if (kind is None or kind.is_loaded) and not is_cancelled(row):
            chance.good_rows.append(row)
        yield row


def is_cancelled(row: Row) -> bool:
    """Tell whether the row is no good example of a double booking: the same visit may be cancelled twice."""
    return row.get("status", "").strip().upper() == "X"


def tidy_patient(index: int, chance: Chance) -> Row:
    first_name, gender = chance.of(words.FIRST_NAMES)
    last_name = chance.of(words.LAST_NAMES)
    born = BIRTHS.start + chance.below(len(BIRTHS))
    registered = max(born, REGISTRATIONS.start) + 1
    registered += chance.below(REGISTRATIONS.stop - registered)
    town, letters = chance.of(words.TOWNS)
    return {
        "patient_id": FIRST_PATIENT_ID + index,
        "hosp_no": hospital_number(index),
        "first_name": first_name,
        "last_name": last_name,
        "date_of_birth": british(born),
        "gender": gender,
        "email": None if chance.one_in(6) else mailbox(first_name, last_name, chance),
        "phone": None if chance.one_in(12) else phone(chance),
        "address": f"{1 + chance.below(180)} {chance.of(words.STREETS)}, {town}",
        "postcode": postcode(letters, chance),
        "ssn": nhs_number(index),
        "dept_id": chance.of(DEPARTMENT_IDS),
        "registered_at": f"{dt.date.fromordinal(registered)} {office_hour(chance)}:00",
        "notes": chance.of(words.NOTES) if chance.one_in(8) else None,
        "updated_at": f"{last_change(registered, index)} 17:30:00",
    }


def last_change(registered: int, index: int) -> dt.date:
    """Return the day of a patient's last change. It takes no chance, so that a seed's other columns stay."""
    return dt.date.fromordinal(registered + scattered(index, LAST_DAY.toordinal() - registered))


def tidy_appointment(index: int, patient_count: int, chance: Chance) -> Row:
    day = VISITS.start + chance.below(len(VISITS))
    starts_at = dt.datetime.combine(dt.date.fromordinal(day), dt.time.fromisoformat(office_hour(chance)))
    ends_at = starts_at + dt.timedelta(minutes=15 * (1 + chance.below(4)))
    title, clinician = chance.of(words.CLINICIANS)
    return {
        "appt_id": FIRST_APPOINTMENT_ID + index,
        "patient_id": FIRST_PATIENT_ID + chance.below(patient_count),
        "dept_id": chance.of(DEPARTMENT_IDS),
        "starts_at": f"{british(day)} {starts_at:%H:%M}",
        "ends_at": f"{british(day)} {ends_at:%H:%M}",
        "status": chance.of(PAST if day <= LAST_DAY.toordinal() else FUTURE),
        "clinician_title": title,
        "clinician": clinician,
        "room": f"{chance.of('ABCW')}{1 + chance.below(4)}.{1 + chance.below(30):02}",
        "fee": chance.of(words.FEES) if chance.one_in(4) else None,
        "reason": chance.of(words.REASONS) if chance.random() < 0.8 else None,
    }


def hospital_number(index: int) -> str:
    prefix, digits = divmod(scattered(index, len(PREFIXES) * 1_000_000), 1_000_000)
    return f"{PREFIXES[prefix]}{digits:06}"


def nhs_number(index: int) -> str:
    number = NHS_NUMBERS[scattered(index, len(NHS_NUMBERS))]
    check = check_digit(number)
    if check == 10:  # no digit fits one number in eleven, but then one does fit the next, odd number
        number += 1
        check = check_digit(number)
    digits = f"{number}{check}"
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def check_digit(number: int) -> int:
    """Return what makes the sum of the ten digits, weighted 10 to 1, a multiple of eleven."""
    return -sum(int(digit) * weight for digit, weight in zip(str(number), NHS_WEIGHTS, strict=True)) % 11


def british(ordinal: int) -> str:
    day = dt.date.fromordinal(ordinal)
    return f"{day.day:02}/{day.month:02}/{day.year}"


def office_hour(chance: Chance) -> str:
    return f"{8 + chance.below(10):02}:{15 * chance.below(4):02}"


def phone(chance: Chance) -> str:
    number = f"{chance.of(words.DIALLING_CODES)}{chance.below(1000):03}"
    if chance.one_in(5):
        return f"+44 {number[1:]}"
    return number.replace(" ", "") if chance.one_in(4) else number


def postcode(letters: str, chance: Chance) -> str:
    last = chance.of(words.POSTCODE_LETTERS) + chance.of(words.POSTCODE_LETTERS)
    return f"{letters}{1 + chance.below(28)} {1 + chance.below(9)}{last}"


def mailbox(first_name: str, last_name: str, chance: Chance) -> str:
    return f"{ASCII[first_name]}.{ASCII[last_name]}{chance.below(100)}@{chance.of(words.MAIL_HOSTS)}"


def _ascii(name: str) -> str:
    """Return the letters that a mailbox of this name would have: Ó'Dónaill becomes odonaill."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return plain.replace("'", "").replace("-", "")


ASCII = {name: _ascii(name) for name in (*(name for name, _ in words.FIRST_NAMES), *words.LAST_NAMES)}
