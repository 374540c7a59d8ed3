"""Which keys a run has loaded, so that of two source rows with one key the first is kept."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Protocol

import numpy as np
import pyarrow as pa

from ..models import ClaimedKey
from .fields import arrow_type
from .plan import Plan
from .sieve import Sieve, hashes_of_texts
from .sources import Reader


class Claims(Protocol):
    """Keys that are taken, each with the name of the row that has it."""

    are_kept: bool
    """Does it matter what is added?"""

    def taken(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return those of the keys that are taken, with the row that was kept."""

    def add(self, keys: Mapping[str, str]) -> None:
        """Note keys as taken."""

    def close(self) -> None:
        """Forget them, or free what they took."""


class NoClaims:
    """For a source in which no two rows can have one key."""

    are_kept = False

    def taken(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {}

    def add(self, keys: Mapping[str, str]) -> None: ...

    def close(self) -> None: ...


class LocalClaims:
    """In a temporary file: memory stays bounded however many keys there are.

    Enough for a run in one transaction, which leaves nothing to go on after. Where it goes on itself after
    one that committed its batches, `before` holds the keys of that one.
    """

    are_kept = True

    def __init__(self, before: Claims, expected: int) -> None:
        self._before = before
        self._sieve = Sieve(expected)
        self._file = tempfile.NamedTemporaryFile(prefix="etl-claims-")  # noqa: SIM115 - lives as long as this
        self._database = sqlite3.connect(self._file.name, isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE claim (key TEXT PRIMARY KEY, kept TEXT) WITHOUT ROWID;"
            "CREATE TEMP TABLE asked (key TEXT)"
        )

    def taken(self, keys: Sequence[str]) -> Mapping[str, str]:
        perhaps = self._sieve.has(hashes_of_texts(keys))
        self._database.execute("BEGIN")
        self._database.execute("DELETE FROM asked")
        self._database.executemany(
            "INSERT INTO asked VALUES (?)", ((keys[index],) for index in np.flatnonzero(perhaps).tolist())
        )
        found = self._database.execute("SELECT key, kept FROM asked JOIN claim USING (key)").fetchall()
        self._database.execute("COMMIT")
        return {**self._before.taken(keys), **dict(found)}

    def add(self, keys: Mapping[str, str]) -> None:
        self._sieve.add(hashes_of_texts(keys))
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO claim VALUES (?, ?)", keys.items())
        self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()
        self._file.close()


class StoredClaims:
    """In the target database, where they commit with each batch and outlive a run that was cut off."""

    are_kept = True

    def __init__(self, using: str, transformer: str, at_once: int) -> None:
        self._transformer = transformer
        self._rows = ClaimedKey.objects.using(using)
        self._at_once = at_once

    def taken(self, keys: Sequence[str]) -> Mapping[str, str]:
        mine = self._rows.filter(transformer=self._transformer)
        key_of = {_digest(key): key for key in keys}
        asked = list(key_of)
        found: dict[str, str] = {}
        step = self._at_once - 1  # the transformer's name is a parameter too
        for first in range(0, len(asked), step):
            rows = mine.filter(key__in=asked[first : first + step])
            found.update((key_of[digest], kept) for digest, kept in rows.values_list("key", "kept"))
        return found

    def add(self, keys: Mapping[str, str]) -> None:
        self._rows.bulk_create(
            (
                ClaimedKey(transformer=self._transformer, key=_digest(key), kept=kept)
                for key, kept in keys.items()
            ),
            batch_size=self._at_once,
        )

    def close(self) -> None:
        """Keep them: they go with the checkpoint, when the source has been read to its end."""


def _digest(key: str) -> str:
    """Shorten a key to what every database tells from all others: MySQL takes 'a' for 'A'."""
    return blake2b(key.encode(), digest_size=16).hexdigest()


def keys_cannot_repeat(plan: Plan, reader: Reader) -> bool:
    """Tell whether the source's primary key becomes the target's key unchanged."""
    author = plan.transformer
    if any(author.overrides(hook) for hook in ("prepare", "transform", "transform_row")):
        return False
    if not reader.unique_key or not set(reader.unique_key) <= set(plan.key_columns):
        return False
    if not reader.key_is_typed:
        return False
    for field in plan.keys:
        verbs = [step for step in field.expression.steps if not step.is_rule]
        declared = [reader.columns[name] for name in field.expression.source_columns]
        exact = len(declared) == 1 and declared[0] == arrow_type(field.field) == pa.int64()
        if verbs or field.lookup is not None or not exact:
            return False
    return True
