"""Names that say that a column holds what nobody should see in a report."""

from __future__ import annotations

import re

NAMES = re.compile(
    r"""(?x) (?:^|_) (?:
        ssn | social_security(?:_n\w*)? | nino | national_(?:id\w*|insurance\w*|n\w*)
        | nhs(?:_?n\w*|_id)? | passport\w* | tax_?id | tin | bsn | cpf | personnummer | cnic | aadhaar\w*
        | (?:credit|debit|bank|payment)?_?card_?(?:n\w*|no)? | cc_?(?:n\w*) | pan | cvv2? | cvc | iban
        | pass | passwd | password\w* | passphrase | pwd | pw | pin | secret\w* | api_?key | token
    ) (?:_(?:hash\w*|enc\w*|digest|salt|old|new|\d+))? $"""
)
"""What sensitive columns are called, with the words of a name joined by underscores."""
WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def is_sensitive_name(name: str) -> bool:
    """Tell whether a column's name says that it holds national ids, card numbers or passwords."""
    return NAMES.search(WORD_ENDS.sub("_", name).strip("_").lower()) is not None
