"""Links: from legacy keys to the primary keys that their rows have in the target, a batch at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .batch import Mask, to_numpy
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

    def resolve(self, values: pa.Array, lookup: Lookup) -> tuple[pa.Array, Mask]:
        """Return the foreign key's values, and where a key that is not null has no row."""
        given = values
        if lookup.through is not None:
            values, _ = self.resolve(values, lookup.through)
        encoded = pc.dictionary_encode(values)
        keys = [_comparable(value, lookup.key) for value in encoded.dictionary.to_pylist()]
        known = self._look_up(keys, lookup)
        found = pa.array([_plain(known.get(key)) for key in keys], arrow_type(lookup.value))
        resolved = found.take(encoded.indices)
        missing: Mask = to_numpy(pc.and_(pc.is_valid(given), pc.is_null(resolved)))
        return resolved, missing

    def _look_up(self, keys: Iterable[Any], lookup: Lookup) -> dict[Any, Any]:
        name = (lookup.model._meta.label, lookup.key.attname, lookup.value.attname)
        known = self._known.setdefault(name, {})
        fresh = [key for key in keys if key not in known]
        if len(known) + len(fresh) > REMEMBERED:
            known.clear()
            fresh = list(keys)
        rows = lookup.model._base_manager.using(self.using)
        for first in range(0, len(fresh), self.at_once):
            some = fresh[first : first + self.at_once]
            known.update(dict.fromkeys(some))
            asked = [key for key in some if _can_be_asked(key)]
            pairs = rows.filter(**{f"{lookup.key.attname}__in": asked})
            for key, value in pairs.values_list(lookup.key.attname, lookup.value.attname):
                # Two parents under one key: neither may be chosen by chance.
                known[key] = value if known.get(key) is None else None
        return known


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
