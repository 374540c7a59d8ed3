"""Which keys a run has loaded, so that of two source rows with one key the first is kept."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np
import pyarrow as pa

from ..models import ClaimedKey
from .batch import Mask, Positions
from .fields import arrow_type
from .plan import Plan
from .sieve import Hashes, Sieve
from .sources import Reader


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of some rows of a batch: each as a text, and as a hash that equal ones have in common."""

    rows: Positions
    texts: pa.Array
    hashes: Hashes

    @classmethod
    def none(cls) -> Keys:
        return cls(np.zeros(0, np.int64), pa.array([], pa.string()), np.zeros(0, np.uint64))

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, chosen: Mask) -> Keys:
        return Keys(self.rows[chosen], self.texts.filter(pa.array(chosen)), self.hashes[chosen])

    def among(self, rows: Positions) -> Keys:
        """Return those of some rows."""
        chosen = np.isin(self.rows, rows)
        return self if chosen.all() else self.where(chosen)

    def by_row(self) -> dict[int, str]:
        return dict(zip(self.rows.tolist(), self.texts.to_pylist(), strict=True))


class Claims(Protocol):
    """Keys that are taken, each with the name of the row that has it."""

    are_kept: bool
    """Does it matter what is added?"""

    def perhaps(self, hashes: Hashes) -> Mask:
        """Return which keys may be taken; no others are."""

    def taken(self, keys: Keys) -> Mapping[str, str]:
        """Return those of the keys that are taken, as texts, with the row that was kept."""

    def add(self, keys: Keys, names: pa.Array) -> None:
        """Note keys that nobody has as taken, by rows with these names."""

    def close(self) -> None:
        """Forget them, or free what they took."""


class NoClaims:
    """For a source in which no two rows can have one key."""

    are_kept = False

    def perhaps(self, hashes: Hashes) -> Mask:
        return np.zeros(len(hashes), dtype=np.bool_)

    def taken(self, keys: Keys) -> Mapping[str, str]:
        return {}

    def add(self, keys: Keys, names: pa.Array) -> None: ...

    def close(self) -> None: ...


class LocalClaims:
    """In a temporary file, with 8 bytes for each key in memory.

    Enough for a run in one transaction, which leaves nothing to go on after. Where it goes on itself after
    one that committed its batches, `before` holds the keys of that one.
    """

    are_kept = True

    def __init__(self, before: Claims, expected: int) -> None:
        self._before = before
        self._sieve = Sieve(expected)
        self._numbers = Numbered()
        self._file = ClaimFile()

    def perhaps(self, hashes: Hashes) -> Mask:
        return self._sieve.has(hashes) | self._before.perhaps(hashes)

    def taken(self, keys: Keys) -> Mapping[str, str]:
        found = dict(self._before.taken(keys))
        for text, numbers in zip(keys.texts.to_pylist(), self._numbers.find(keys.hashes), strict=True):
            for number in numbers:
                there, name = self._file.read(number)
                if there == text:  # and not only a hash like it
                    found[text] = name
        return found

    def add(self, keys: Keys, names: pa.Array) -> None:
        self._sieve.add(keys.hashes)
        self._numbers.add(keys.hashes)
        self._file.write(keys.texts, names)

    def close(self) -> None:
        self._file.close()


class Numbered:
    """Hashes in the order in which they came, found by half of their bits.

    In sorted runs, merged before there are many, as in a log-structured merge tree (O'Neil et al., 1996).
    """

    def __init__(self) -> None:
        self._runs: list[Hashes] = []
        self._count = 0

    def add(self, hashes: Hashes) -> None:
        numbers = np.arange(self._count, self._count + len(hashes), dtype=np.uint64)
        self._count += len(hashes)
        run = np.sort((hashes & HALF) | numbers)
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")  # of two that are sorted
        self._runs.append(run)

    def find(self, hashes: Hashes) -> Iterator[list[int]]:
        """Yield for each hash the numbers, from 0, of those that may be the same."""
        halves = hashes & HALF
        found = [
            (run, np.searchsorted(run, halves), np.searchsorted(run, halves | ~HALF, "right"))
            for run in self._runs
        ]
        for index in range(len(hashes)):
            yield [int(entry & ~HALF) for run, low, high in found for entry in run[low[index] : high[index]]]


HALF = np.uint64(0xFFFF_FFFF_0000_0000)
"""The bits of a hash beside which its number has room."""


class ClaimFile:
    """Keys with their rows' names, one block for each batch, in a temporary file."""

    SCHEMA = pa.schema({"key": pa.string(), "name": pa.string()})

    def __init__(self) -> None:
        # Lives as long as this.
        self._file = tempfile.TemporaryFile("w+b", prefix="etl-claims-", buffering=0)  # noqa: SIM115
        self._first: list[int] = []
        """Number of each block's first key."""
        self._places: list[tuple[int, int]] = []
        self._count = 0
        self._latest: tuple[int, pa.RecordBatch] | None = None

    def write(self, keys: pa.Array, names: pa.Array) -> None:
        if not len(keys):
            return
        block = pa.record_batch([keys, names], schema=self.SCHEMA).serialize()
        self._first.append(self._count)
        self._places.append((os.lseek(self._file.fileno(), 0, os.SEEK_END), block.size))
        self._count += len(keys)
        self._file.write(block)

    def read(self, number: int) -> tuple[str, str]:
        """Return a key and a name by when it was written, from 0."""
        index = bisect_right(self._first, number) - 1
        if self._latest is None or self._latest[0] != index:
            offset, size = self._places[index]
            data = pa.py_buffer(os.pread(self._file.fileno(), size, offset))
            self._latest = (index, pa.ipc.read_record_batch(data, self.SCHEMA))
        row = number - self._first[index]
        key, name = (column[row].as_py() for column in self._latest[1].columns)
        return key, name

    def close(self) -> None:
        self._file.close()


class StoredClaims:
    """In the target database, where they commit with each batch and outlive a run that was cut off."""

    are_kept = True

    def __init__(self, using: str, transformer: str, at_once: int) -> None:
        self._transformer = transformer
        self._rows = ClaimedKey.objects.using(using)
        self._at_once = at_once

    def perhaps(self, hashes: Hashes) -> Mask:
        return np.ones(len(hashes), dtype=np.bool_)

    def taken(self, keys: Keys) -> Mapping[str, str]:
        mine = self._rows.filter(transformer=self._transformer)
        key_of = {_digest(key): key for key in keys.texts.to_pylist()}
        asked = list(key_of)
        found: dict[str, str] = {}
        step = self._at_once - 1  # the transformer's name is a parameter too
        for first in range(0, len(asked), step):
            rows = mine.filter(key__in=asked[first : first + step])
            found.update((key_of[digest], kept) for digest, kept in rows.values_list("key", "kept"))
        return found

    def add(self, keys: Keys, names: pa.Array) -> None:
        self._rows.bulk_create(
            (
                ClaimedKey(transformer=self._transformer, key=_digest(key), kept=kept)
                for key, kept in zip(keys.texts.to_pylist(), names.to_pylist(), strict=True)
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
