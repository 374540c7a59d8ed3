"""Finding rows by values: conditions for the ORM, cut so that none is too long for a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from django.db.models import Field, Q

from ..collation import Fold

KEYS_AT_ONCE = 1_000
"""Values in one `IN` list."""
TUPLES_AT_ONCE = 200
"""Alternatives in one condition, and rows in one list of literal rows."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a key or of a unique value."""

    name: str
    """By which the ORM knows it."""
    field: Field[Any, Any]
    """Has its type."""
    fold: Fold | None


def any_of(parts: Sequence[Part], wanted: Sequence[tuple[Any, ...]]) -> Iterator[Q]:
    """Select the rows that have one of these tuples of values, by conditions that are not too long."""
    if len(parts) == 1 and all(value is not None for (value,) in wanted):
        for some in chunks([value for (value,) in wanted], KEYS_AT_ONCE):
            yield Q(**{f"{parts[0].name}__in": some})
        return
    for tuples in chunks(wanted, TUPLES_AT_ONCE):
        condition = Q()
        for values in tuples:
            condition |= Q(*(_is(part, value) for part, value in zip(parts, values, strict=True)))
        yield condition


def _is(part: Part, value: Any) -> Q:
    return Q(**{f"{part.name}__isnull": True}) if value is None else Q(**{part.name: value})


def chunks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
