from __future__ import annotations

from decimal import Decimal

import phonenumbers
import pyarrow as pa
import pytest
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from hypothesis import given
from hypothesis import strategies as st

from etl_assets.columns import FALSE_WORDS, TRUE_WORDS, col

from .oracle import NASTY_TEXTS, Unreadable, assert_reads, rows, verb

x = col("x")


def test_boolean_reads_its_words_and_no_others():
    texts = [*NASTY_TEXTS, *map(str, TRUE_WORDS), *map(str, FALSE_WORDS), "tRUE", " true", "1.0", "on", "01"]

    def read(text):
        if not text.strip():
            return None
        if text in [str(word) for word in TRUE_WORDS]:
            return True
        if text in [str(word) for word in FALSE_WORDS]:
            return False
        raise Unreadable

    assert_reads(x.boolean(), texts, read, pa.bool_())


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 0, 2, None], pa.int16()),
        ([1.0, 0.0, 1.5, None], pa.float64()),
        ([Decimal("1.00"), Decimal("0.00"), Decimal("2.00"), None], pa.decimal128(10, 2)),
    ],
)
def test_boolean_reads_numbers_that_equal_a_listed_one(values, kind):
    def read(value):
        if value not in (0, 1):
            raise Unreadable
        return value == 1

    assert_reads(x.boolean(), values, read, pa.bool_(), kind)


def test_boolean_takes_booleans_whatever_is_listed():
    assert_reads(x.boolean(true=("J",), false=("N",)), [True, False, None], lambda value: value, pa.bool_())


def test_boolean_reads_listed_values_only():
    outcome = verb(x.boolean(true=("J",), false=("N", "")), pa.array(["J", "N", "", " ", "1", "true", None]))
    assert rows(outcome) == [True, False, False, None, Unreadable, Unreadable, None]
    assert rows(verb(x.boolean(true=("1",), false=("0",)), pa.array([1, 0, 2]))) == [True, False, Unreadable]
    assert rows(verb(x.boolean(true=(True,), false=(False,)), pa.array(["True", "true"]))) == [Unreadable] * 2


def django_email(text):
    text = text.strip()
    if not text:
        return None
    try:
        EmailValidator()(text)
    except ValidationError:
        raise Unreadable from None
    return text


def test_email_is_checked_by_djangos_validator():
    addresses = [
        "Jane.Doe@Example.COM",
        " jane@example.com\xa0",
        "jane@localhost",
        "jane@exämple.de",
        "jane@",
        "@example.com",
        "jane@example..com",
        "a b@example.com",
        "jane@example.com, joe@example.com",
    ]

    assert_reads(x.email(), [*NASTY_TEXTS, *addresses], django_email, pa.string())
    assert rows(verb(x.email(), pa.array(addresses[:3]))) == [
        "Jane.Doe@Example.COM",
        "jane@example.com",
        "jane@localhost",
    ]


def test_phone_gives_e164_for_valid_numbers_only():
    numbers = [
        "020 7946 0018",
        "+44 20 7946 0018",
        "+1 212-555-2368",
        "(020) 79460018",
        "12",
        "0000000000",
        "call me",
        "٠٢٠ ٧٩٤٦ ٠٠١٨",
        "07911 123456 ext 3",
    ]

    def read(text):
        if not text.strip():
            return None
        try:
            number = phonenumbers.parse(text.strip(), "GB")
        except phonenumbers.NumberParseException:
            raise Unreadable from None
        if not phonenumbers.is_valid_number(number):
            raise Unreadable
        return f"+{number.country_code}{phonenumbers.national_significant_number(number)}"

    assert_reads(x.phone("GB"), [*NASTY_TEXTS, *numbers], read, pa.string())
    assert rows(verb(x.phone("gb"), pa.array(numbers[:2]))) == ["+442079460018", "+442079460018"]
    assert rows(verb(x.phone("GB"), pa.array([447911123456, 2079460018]))) == [
        "+447911123456",
        "+442079460018",
    ]


@given(
    st.lists(
        st.from_regex(
            r"[A-Za-z0-9_+.@ -]{0,8}@?([A-Za-z0-9-]{0,64}\.){0,3}[A-Za-z0-9-]{0,64}", fullmatch=True
        ),
        max_size=20,
    )
)
def test_email_takes_no_short_cut_that_django_would_not_take(addresses):
    assert_reads(x.email(), addresses, django_email, pa.string())
