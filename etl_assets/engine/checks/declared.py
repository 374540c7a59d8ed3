"""Which checks a transformer has: told by its class, without a look at any data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from django.db.models import ForeignKey

from ...transformer import Options, RowRule

ROWS_ACCOUNTED_FOR = "rows_accounted_for"
REJECTED_SHARE = "rejected_share"
KEYS_UNIQUE = "keys_unique"
NO_ORPHANS = "no_orphans"
NULL_SHARE = "null_share"
MATCHES_SOURCE = "matches_source"


@dataclass(frozen=True, slots=True)
class DeclaredCheck:
    """A check that a transformer has, whatever it finds."""

    name: str
    description: str
    blocking: bool = True
    """False for one that only ever warns."""


def declared_checks(meta: Options) -> list[DeclaredCheck]:
    """Return a transformer's checks, in the order in which a run makes them."""
    key = ", ".join(meta.key_fields)
    checks = [
        DeclaredCheck(
            ROWS_ACCOUNTED_FOR,
            "All rows were read, and each was created, updated, left unchanged, rejected or skipped.",
        ),
        DeclaredCheck(REJECTED_SHARE, "No row was rejected; too many are an error."),
        *(DeclaredCheck(rule_check(rule), _about(rule, meta)) for rule in meta.rules),
        DeclaredCheck(
            NULL_SHARE, "No column is null in a very different share of rows than after the last run.", False
        ),
        DeclaredCheck(KEYS_UNIQUE, f"No two rows of the target have the same {key}."),
    ]
    if links := linked_fields(meta):
        checks.append(
            DeclaredCheck(NO_ORPHANS, f"Each row's {', '.join(links)} is a row that is there, or null.")
        )
    checks.append(
        DeclaredCheck(
            MATCHES_SOURCE, "Source rows that are read and cleaned anew are in the target as they should be."
        )
    )
    return checks


def _about(rule: RowRule, meta: Options) -> str:
    """Promise no more than a run can tell: one that reads what is new does not judge the rest again."""
    return f"No row that the run reads {rule.reason}." if meta.watermark else f"No row {rule.reason}."


def rule_check(rule: RowRule) -> str:
    """Name the check of a rule. Method names may have letters that no name in Dagster may have."""
    if re.fullmatch(r"\w+", rule.name, re.ASCII):
        return f"rule_{rule.name}"
    plain = re.sub(r"\W+", "_", rule.name, flags=re.ASCII)
    return f"rule_{plain}_{blake2b(rule.name.encode(), digest_size=4).hexdigest()}"


def linked_fields(meta: Options) -> list[str]:
    """Return the mapped foreign keys, be they links or not."""
    fields = {field.name: field for field in meta.model._meta.concrete_fields}
    return [name for name in meta.columns if isinstance(fields.get(name), ForeignKey)]
