"""Reading booleans, e-mail addresses and phone numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pyarrow import types

from ...columns import FALSE_WORDS, TRUE_WORDS
from .distinct import per_distinct
from .lookup import places
from .outcome import Context, Outcome, outcome
from .text import blank_to_null, strip
from .writing import as_text

SURELY_EMAIL = r"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([A-Za-z0-9]{1,60}\.)+[A-Za-z]{2,60}$"
SURELY_SHORT = 320
"""What Django's validator accepts whatever else it asks; it takes four microseconds for each address."""


def boolean(
    values: pa.Array,
    context: Context,
    true: Sequence[Any] = TRUE_WORDS,
    false: Sequence[Any] = FALSE_WORDS,
) -> Outcome:
    """Read booleans by exact match. A blank is null unless it was listed."""
    if types.is_boolean(values.type):
        return Outcome(values)
    place = places(values, [*true, *false], context)
    asked = blank_to_null(values) if types.is_string(values.type) else values
    listed = place.is_valid()
    return outcome(pc.if_else(listed, values, asked), pc.less(place, len(true)))


def email(values: pa.Array, context: Context) -> Outcome:
    def read(text: str) -> str:
        validate_email(text)
        return text

    texts = strip(blank_to_null(as_text(values)))
    sure = pc.and_(
        pc.match_substring_regex(texts, SURELY_EMAIL), pc.less_equal(pc.utf8_length(texts), SURELY_SHORT)
    )
    checked = per_distinct(pc.if_else(sure, None, texts), read, pa.string(), refusal=ValidationError)
    return Outcome(pc.if_else(sure, texts, checked.values), checked.unreadable)


def phone(values: pa.Array, context: Context, region: str) -> Outcome:
    def read(text: str) -> str:
        number = phonenumbers.parse(text, region)
        # Most are of the region itself; to find out which one a number is of takes twice as long.
        if not (
            phonenumbers.is_valid_number_for_region(number, region) or phonenumbers.is_valid_number(number)
        ):
            raise phonenumbers.NumberParseException(
                phonenumbers.NumberParseException.NOT_A_NUMBER, "no valid number"
            )
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    texts = strip(blank_to_null(as_text(values)))
    return per_distinct(texts, read, pa.string(), refusal=phonenumbers.NumberParseException)
