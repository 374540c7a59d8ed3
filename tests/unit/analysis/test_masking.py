"""Which columns are sensitive, and what is shown of them."""

from __future__ import annotations

import pytest

from etl_assets.analysis.masking import MASK, Masker, is_sensitive_name, looks_sensitive


@pytest.mark.parametrize(
    "name",
    ["ssn", "SSN", "patient_ssn", "NationalId", "national id", "nhs_no", "nhsNumber", "passport_no",
     "card_number", "CreditCardNo", "cvv", "iban", "password", "user_passwd", "PasswordHash",
     "pwd", "api_key", "tax_id"],
)  # fmt: skip
def test_names_that_say_so(name: str) -> None:
    assert is_sensitive_name(name)


@pytest.mark.parametrize(
    "name",
    ["hosp_no", "passenger", "compass", "company", "discard", "number", "tinned", "spanish", "assn", "email"],
)
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_sensitive_name(name)


@pytest.mark.parametrize(
    "values",
    [
        ["4111 1111 1111 1111", "5500000000000004"],
        ["943 476 5919", "9434765870"],
        ["078-05-1120", "219-09-9999", "unknown"],
        ["QQ123456C", "AB 12 34 56 D", "AA123456A"],
        ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"],
        ["pbkdf2_sha256$600000$salt$hash", "$2b$12$abcdefghijklmnopqrstuv"],
        [4111111111111111, 5500000000000004],
    ],
)
def test_values_that_say_so(values: list[object]) -> None:
    assert looks_sensitive(values)


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["4111 1111 1111 1112", "5500000000000005"],
        ["943 476 5918", "943 476 5871"],
        ["01/02/1999", "31/12/2001"],
        ["0113 496 0100", "0114 496 0123"],
        [100001, 100002, 100003],
        ["4111 1111 1111 1111", "a", "b", "c"],
    ],
)
def test_values_that_do_not(values: list[object]) -> None:
    assert not looks_sensitive(values)


def test_what_is_shown() -> None:
    masker = Masker({"ssn"})
    assert masker.mask("SSN", "123") == MASK
    assert masker.mask("ssn", None) is None
    assert masker.mask("name", "Ann") == "Ann"
    assert masker.mask_row({"ssn": 1, "name": "Ann"}) == {"ssn": MASK, "name": "Ann"}
    assert Masker({"ssn"}, show=True).mask("ssn", "123") == "123"


def test_a_look_at_values_adds_a_column() -> None:
    masker = Masker()
    masker.look_at("remark", ["4111 1111 1111 1111", None, "5500000000000004"])
    assert masker.covers("remark")
