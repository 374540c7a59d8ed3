"""What is wrong with the old system's rows, how often, and what the transformers do about it.

A row has at most one kind of dirt, so that what was written can be counted and compared.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from . import words
from .chance import Chance, Row

Fate = Literal["mended", "warned", "skipped", "rejected"]


@dataclass(frozen=True)
class Dirt:
    """One kind of dirt."""

    name: str
    rate: float
    """Share of the table's rows."""
    fate: Fate
    """What becomes of such a row."""
    spoil: Callable[[Row, Chance], None]

    @property
    def is_loaded(self) -> bool:
        return self.fate in ("mended", "warned")


class DirtTable:
    """All kinds of dirt in one legacy table."""

    def __init__(self, *kinds: Dirt) -> None:
        self.kinds = kinds
        self._bounds = list(accumulate(kind.rate for kind in kinds))

    def pick(self, chance: Chance) -> Dirt | None:
        """Return the next row's dirt; None for the rows that are clean."""
        place = bisect(self._bounds, chance.random())
        return self.kinds[place] if place < len(self.kinds) else None

    def named(self, name: str) -> Dirt:
        return next(kind for kind in self.kinds if kind.name == name)

    def share(self, *fates: Fate) -> float:
        """Return the share of rows that meet one of these fates."""
        return sum(kind.rate for kind in self.kinds if kind.fate in fates)


def misread(text: str) -> str:
    """Return what a program shows that takes UTF-8 for Windows' encoding: Müller becomes MÃ¼ller."""
    data = text.encode("utf-8")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:  # Windows has no character for five of the bytes
        return data.decode("latin-1")


def put(column: str, *values: str | int | None) -> Callable[[Row, Chance], None]:
    """Return what writes one of `values` into `column`."""

    def spoil(row: Row, chance: Chance) -> None:
        row[column] = chance.of(values)

    return spoil


# Patients

PLACEHOLDERS = (
    ("date_of_birth", "0000-00-00"),
    ("date_of_birth", "N/A"),
    ("email", "N/A"),
    ("email", " - "),
    ("phone", "-"),
    ("ssn", "N/A"),
    ("address", "-"),
    ("postcode", "N/A"),
    ("notes", "-"),
)


IMPOSSIBLE_DATES = ("31/02/1980", "29/02/1975", "00/07/1961", "12/13/1990")
WRONG_PHONES = ("0113 496", "12345", "ex directory", "0113 496 01234 5678")
MALFORMED_NUMBERS = ("TEMP", "AB12345", "1234567", "see notes")


def placeholder(row: Row, chance: Chance) -> None:
    column, value = chance.of(PLACEHOLDERS)
    row[column] = value


def iso_date(row: Row, chance: Chance) -> None:
    day, month, year = row["date_of_birth"].split("/")
    row["date_of_birth"] = f"{year}-{month}-{day}"


def stray_spaces(row: Row, chance: Chance) -> None:
    row["hosp_no"] = f"{row['hosp_no']} "
    row["first_name"] = f"  {row['first_name']}"
    row["last_name"] = f"{row['last_name']}\N{NO-BREAK SPACE}"
    row["address"] = row["address"].replace(" ", "  ", 1)


def wrong_case(row: Row, chance: Chance) -> None:
    row["hosp_no"] = row["hosp_no"].lower()
    row["first_name"] = row["first_name"].lower()
    row["last_name"] = row["last_name"].upper()
    row["gender"] = row["gender"].lower()
    row["postcode"] = row["postcode"].lower()


def broken_encoding(row: Row, chance: Chance) -> None:
    row["last_name"] = misread(chance.of(words.ACCENTED_LAST_NAMES))


def postcode_without_space(row: Row, chance: Chance) -> None:
    row["postcode"] = row["postcode"].replace(" ", "")


def wrong_check_digit(row: Row, chance: Chance) -> None:
    number = row["ssn"]
    row["ssn"] = number[:-1] + str((int(number[-1]) + 1) % 10)


def test_account(row: Row, chance: Chance) -> None:
    row["hosp_no"] = f"ZZ{row['hosp_no'][2:]}"
    row["first_name"], row["last_name"] = "Test", "Patient"


def birth_after_registration(row: Row, chance: Chance) -> None:
    """The registration's year was typed where the year of birth belongs, and the month slipped."""
    row["date_of_birth"] = f"31/12/{row['registered_at'][:4]}"
    row["registered_at"] = f"{row['registered_at'][:4]}-01{row['registered_at'][7:]}"


def wrong_email(row: Row, chance: Chance) -> None:
    at_sign = chance.of(("(at)", "", "@@", " at "))
    row["email"] = f"{row['first_name']}.{row['last_name']}{at_sign}example.org"


def overlong_name(row: Row, chance: Chance) -> None:
    row["last_name"] += " *** SEE PAPER FILE, SURNAME UNDER DISPUTE, ASK RECEPTION BEFORE PRINTING LABELS ***"


def registered_twice(row: Row, chance: Chance) -> None:
    """The same person, number and all, was entered once more: later, and with another telephone."""
    later = f"2025-03-{row['registered_at'][8:]}"
    row.update({**chance.earlier(), "phone": row["phone"], "registered_at": later})


def number_given_twice(row: Row, chance: Chance) -> None:
    row["hosp_no"] = chance.earlier()["hosp_no"]


PATIENT_DIRT = DirtTable(
    Dirt("ISO date", 0.12, "mended", iso_date),
    Dirt("stray spaces", 0.06, "mended", stray_spaces),
    Dirt("wrong case", 0.05, "mended", wrong_case),
    Dirt("blank e-mail", 0.05, "mended", put("email", "", "  ")),
    Dirt("placeholder", 0.04, "mended", placeholder),
    Dirt("broken encoding", 0.02, "mended", broken_encoding),
    Dirt("unknown gender code", 0.01, "mended", put("gender", "?", "9", "U")),
    Dirt("postcode without space", 0.01, "warned", postcode_without_space),
    Dirt("wrong check digit", 0.004, "warned", wrong_check_digit),
    Dirt("test account", 0.003, "skipped", test_account),
    Dirt("impossible date", 0.004, "rejected", put("date_of_birth", *IMPOSSIBLE_DATES)),
    Dirt("registered twice", 0.003, "rejected", registered_twice),
    Dirt("wrong phone number", 0.003, "rejected", put("phone", *WRONG_PHONES)),
    Dirt("number given twice", 0.002, "rejected", number_given_twice),
    Dirt("missing department", 0.002, "rejected", put("dept_id", 990, 999)),
    Dirt("over-long name", 0.002, "rejected", overlong_name),
    Dirt("wrong e-mail", 0.002, "rejected", wrong_email),
    Dirt("malformed number", 0.001, "rejected", put("hosp_no", *MALFORMED_NUMBERS)),
    Dirt("birth after registration", 0.001, "rejected", birth_after_registration),
)


# Appointments


def iso_times(row: Row, chance: Chance) -> None:
    for column in ("starts_at", "ends_at"):
        day, month, year_and_time = row[column].split("/")
        year, time = year_and_time.split()
        row[column] = f"{year}-{month}-{day} {time}"


def pound_sign(row: Row, chance: Chance) -> None:
    row["fee"] = f"£{row['fee'] or '15.00'}"


def untidy_text(row: Row, chance: Chance) -> None:
    row["status"] = f" {row['status'].lower()}"
    row["clinician"] = f"{row['clinician']}  "
    row["room"] = row["room"].lower()


def broken_reason(row: Row, chance: Chance) -> None:
    row["reason"] = misread("Ménière's disease")


def lasts_for_days(row: Row, chance: Chance) -> None:
    row["starts_at"] = f"01{row['starts_at'][2:]}"
    row["ends_at"] = f"04{row['ends_at'][2:]}"


def ends_before_start(row: Row, chance: Chance) -> None:
    row["starts_at"], row["ends_at"] = row["ends_at"], row["starts_at"]


def in_the_lost_hour(row: Row, chance: Chance) -> None:
    """Clocks went forward from 01:00 to 02:00 on that night."""
    row["starts_at"], row["ends_at"] = "31/03/2019 01:15", "31/03/2019 02:45"


def booked_twice(row: Row, chance: Chance) -> None:
    earlier = chance.earlier()
    for column in ("patient_id", "starts_at", "ends_at", "status"):
        row[column] = earlier[column]


APPOINTMENT_DIRT = DirtTable(
    Dirt("ISO times", 0.10, "mended", iso_times),
    Dirt("pound sign", 0.05, "mended", pound_sign),
    Dirt("untidy text", 0.04, "mended", untidy_text),
    Dirt("placeholder", 0.03, "mended", put("fee", "-", "N/A", "")),
    Dirt("broken encoding", 0.01, "mended", broken_reason),
    Dirt("closed department", 0.005, "mended", put("dept_id", 990)),
    Dirt("lasts for days", 0.003, "warned", lasts_for_days),
    Dirt("missing patient", 0.002, "rejected", put("patient_id", 1, 13, 4711)),
    Dirt("impossible date", 0.0015, "rejected", put("starts_at", "31/02/2019 10:00", "00/00/0000 00:00")),
    Dirt("unknown status", 0.001, "rejected", put("status", "Q", "TBC")),
    Dirt("ends before it starts", 0.001, "rejected", ends_before_start),
    Dirt("booked twice", 0.001, "rejected", booked_twice),
    Dirt("odd fee", 0.0005, "rejected", put("fee", "forty", "12,50", "18.005")),
    Dirt("in the lost hour", 0.0005, "rejected", in_the_lost_hour),
)
