"""Links: from legacy keys to the primary keys that their rows have in the target, a batch at a time."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connections
from django.db.models import Field

from .batch import Mask, to_numpy
from .collation import Fold, fold_of, folded
from .fields import arrow_type
from .kinds import kind
from .plan import Lookup

REMEMBERED = 200_000
"""Keys of one link that are kept from batch to batch: all of a small parent, a few batches of a large one."""


class LinkResolver:
    """Looks legacy keys up in one target database, and remembers what it found.

    What a transformer links to does not change while it runs, so what was missing stays missing.
    """

    def __init__(self, using: str, at_once: int) -> None:
        self.using = using
        self.at_once = at_once
        """Values in one `IN` list."""
        self._known: dict[tuple[str, str, str], dict[Any, Any]] = {}
        self._shared: set[tuple[tuple[str, str, str], Any]] = set()
        self._folds: dict[Field[Any, Any], Fold | None] = {}

    def resolve(self, values: pa.Array, lookup: Lookup) -> tuple[pa.Array, Mask]:
        """Return the foreign key's values, and where a key that is not null has no row."""
        given = values
        if lookup.through is not None:
            values, _ = self.resolve(values, lookup.through)
        encoded = pc.dictionary_encode(values)
        keys = [_comparable(value, lookup.key) for value in encoded.dictionary.to_pylist()]
        known, identities = self._look_up(keys, lookup)
        found = pa.array([_plain(known.get(one)) for one in identities], arrow_type(lookup.value))
        resolved = found.take(encoded.indices)
        missing: Mask = to_numpy(pc.and_(pc.is_valid(given), pc.is_null(resolved)))
        return resolved, missing

    def is_shared(self, value: Any, lookup: Lookup) -> bool:
        """Tell whether a key that was looked up is that of several parents."""
        (identity,) = folded(self._fold(lookup.key), [_comparable(value, lookup.key)])
        return (_name(lookup), identity) in self._shared

    def _look_up(self, keys: Sequence[Any], lookup: Lookup) -> tuple[dict[Any, Any], list[Any]]:
        """Return what is known of the keys, and under which name each of them is known."""
        known = self._known.setdefault(_name(lookup), {})
        fold = self._fold(lookup.key)
        identities = folded(fold, keys)
        key_of = dict(zip(identities, keys, strict=True))
        fresh = [one for one in key_of if one not in known]
        if len(known) + len(fresh) > REMEMBERED:
            known.clear()
            fresh = list(key_of)
        for first in range(0, len(fresh), self.at_once):
            some = fresh[first : first + self.at_once]
            known.update(dict.fromkeys(some))
            known.update(self._parents([key_of[one] for one in some], lookup, fold))
        return known, identities

    def _parents(self, keys: Sequence[Any], lookup: Lookup, fold: Fold | None) -> dict[Any, Any]:
        """Return the parents' values; None where several have one key, since none may be chosen by chance."""
        rows = lookup.model._base_manager.using(self.using)
        asked = [key for key in keys if _can_be_asked(key)]
        pairs = list(
            rows.filter(**{f"{lookup.key.attname}__in": asked}).values_list(
                lookup.key.attname, lookup.value.attname
            )
        )
        identities = folded(fold, [key for key, _ in pairs])
        several = {one for one, count in Counter(identities).items() if count > 1}
        self._shared |= {(_name(lookup), one) for one in several}
        values = zip(identities, (value for _, value in pairs), strict=True)
        return {one: None if one in several else value for one, value in values}

    def _fold(self, key: Field[Any, Any]) -> Fold | None:
        if key not in self._folds:
            self._folds[key] = fold_of(connections[self.using], key)
        return self._folds[key]


def _name(lookup: Lookup) -> tuple[str, str, str]:
    return (lookup.model._meta.label, lookup.key.attname, lookup.value.attname)


def _can_be_asked(key: Any) -> bool:
    """Leave out what no database can hold, or look for: null, and text with a NUL in it."""
    return key is not None and not (isinstance(key, str) and "\x00" in key)


def _comparable(value: Any, field: Any) -> Any:
    """Turn an Arrow value into what Django returns for this field."""
    if kind(field) == "UUIDField" and value is not None:
        return uuid.UUID(value)
    return value


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value
