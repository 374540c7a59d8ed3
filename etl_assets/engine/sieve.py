"""Which rows want a key or unique value that no row before them wanted, told in bounded memory.

A Bloom filter (B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970) is never
wrong about a value that is new; some that are new it takes for old, and these are looked up in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from .batch import Mask

Hashes = npt.NDArray[np.uint64]

BITS_PER_VALUE = 32
PROBES = 6
"""With 32 bits for each value, 6 probes take 2 in 100,000 new values for old ones."""
NULL = -559038737
"""Stands for null among numbers: a row that wants this one is looked up, as others are."""
SMALLEST, LARGEST = 2**20, 2**28
"""Bits of a filter: 32 MB at most, enough for 8 million values; more are looked up in vain after that."""


class Sieve:
    """The values that have passed, each as a few bits."""

    def __init__(self, expected: int) -> None:
        wanted = max(expected, 1) * BITS_PER_VALUE
        bits = min(max(2 ** int(wanted - 1).bit_length(), SMALLEST), LARGEST)
        self._mask = np.uint64(bits - 1)
        self._bytes = np.zeros(bits // 8, dtype=np.uint8)

    def pass_on(self, hashes: Hashes) -> Mask:
        """Add these values, and return which of them may have been there before their turn."""
        seen = self.has(hashes)
        self.add(hashes)
        return again(hashes) | seen

    def has(self, hashes: Hashes) -> Mask:
        """Return which of these values may have been added."""
        found = np.ones(len(hashes), dtype=np.bool_)
        for probe in range(PROBES):
            place = self._place(hashes, probe)
            found &= (self._bytes[place >> np.uint64(3)] & _bit(place)) != 0
        return found

    def add(self, hashes: Hashes) -> None:
        for probe in range(PROBES):
            place = self._place(hashes, probe)
            np.bitwise_or.at(self._bytes, place >> np.uint64(3), _bit(place))

    def _place(self, hashes: Hashes, probe: int) -> Hashes:
        """Derive each probe from two halves of the hash (Kirsch and Mitzenmacher, 2006)."""
        return (hashes + np.uint64(probe) * ((hashes >> np.uint64(32)) | np.uint64(1))) & self._mask


def repeated(hashes: Hashes) -> Mask:
    """Return which of these values come more than once."""
    order = np.argsort(hashes)
    same = np.zeros(len(hashes) + 1, dtype=np.bool_)
    same[1:-1] = np.diff(hashes[order]) == 0
    found = np.empty(len(hashes), dtype=np.bool_)
    found[order] = same[1:] | same[:-1]
    return found


def again(hashes: Hashes) -> Mask:
    """Return which of these values have come already, earlier among them."""
    order = np.argsort(hashes, kind="stable")
    same = np.zeros(len(hashes), dtype=np.bool_)
    same[1:] = np.diff(hashes[order]) == 0
    found = np.empty(len(hashes), dtype=np.bool_)
    found[order] = same
    return found


def _bit(places: Hashes) -> npt.NDArray[np.uint8]:
    return np.left_shift(1, (places & np.uint64(7)).astype(np.uint8)).astype(np.uint8)


def hashes_of(columns: Sequence[pa.Array | pa.ChunkedArray]) -> Hashes:
    """Return a hash of each row's values: equal for equal values of one type."""
    total = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        total = _mixed(total ^ _hashes(column))
    return total


def _hashes(values: pa.Array | pa.ChunkedArray) -> Hashes:
    column = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if _is_number(column.type):
        width = pa.int32() if column.type.bit_width == 32 else pa.int64()
        numbers = column.cast(width) if types.is_integer(column.type) else column.view(width)
        return _mixed(np.asarray(numbers.fill_null(NULL)).astype(np.int64).view(np.uint64))
    plain: list[Any] = column.to_pylist()
    return _mixed(np.fromiter(map(hash, map(_hashable, plain)), np.int64, len(plain)).view(np.uint64))


def _is_number(of: pa.DataType) -> bool:
    """Tell whether values of a type are whole numbers inside, as dates and times are."""
    return bool(types.is_integer(of) or (types.is_temporal(of) and not types.is_interval(of)))


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, (list, dict)) else value


def _mixed(numbers: Hashes) -> Hashes:
    """Spread numbers that lie close together over all bits: SplitMix64's finaliser (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return numbers ^ (numbers >> np.uint64(31))


__all__ = ["Hashes", "Sieve", "hashes_of", "repeated"]
