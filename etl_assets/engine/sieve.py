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
import pyarrow.compute as pc
from pyarrow import types

from .batch import Mask

Hashes = npt.NDArray[np.uint64]

BITS_PER_VALUE = 16
PROBES = 4
"""With 16 bits for each value, 4 probes take 2 in 1000 new values for old ones."""
SMALLEST, LARGEST = 2**20, 2**28
"""Bits of a filter: 32 MB at most, enough for 16 million values."""


class Sieve:
    """The values that have passed, each as a few bits."""

    def __init__(self, expected: int) -> None:
        wanted = max(expected, 1) * BITS_PER_VALUE
        bits = min(max(2 ** int(wanted - 1).bit_length(), SMALLEST), LARGEST)
        self._mask = np.uint64(bits - 1)
        self._bytes = np.zeros(bits // 8, dtype=np.uint8)

    def pass_on(self, hashes: Hashes) -> Mask:
        """Note these values, and return which of them may have passed before or come more than once."""
        _, first, count = np.unique(hashes, return_inverse=True, return_counts=True)
        old: Mask = (count > 1)[first]
        places = [self._place(hashes, probe) for probe in range(PROBES)]
        seen = np.ones(len(hashes), dtype=np.bool_)
        for place in places:
            seen &= (self._bytes[place >> np.uint64(3)] & _bit(place)) != 0
        for place in places:
            np.bitwise_or.at(self._bytes, place >> np.uint64(3), _bit(place))
        return old | seen

    def _place(self, hashes: Hashes, probe: int) -> Hashes:
        """Derive each probe from two halves of the hash (Kirsch and Mitzenmacher, 2006)."""
        return (hashes + np.uint64(probe) * ((hashes >> np.uint64(32)) | np.uint64(1))) & self._mask


def _bit(places: Hashes) -> npt.NDArray[np.uint8]:
    return np.left_shift(1, (places & np.uint64(7)).astype(np.uint8)).astype(np.uint8)


def hashes_of(columns: Sequence[pa.Array | pa.ChunkedArray]) -> Hashes:
    """Return a hash of each row's values: equal for equal values of one type."""
    total = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        total = _mixed(total ^ _hashes(column))
    return total


def _hashes(column: pa.Array | pa.ChunkedArray) -> Hashes:
    whole = types.is_integer(column.type) or types.is_temporal(column.type) and not types.is_interval(column.type)
    if whole and not column.null_count:
        width = pa.int32() if column.type.bit_width == 32 else pa.int64()
        numbers = column.cast(width) if types.is_integer(column.type) else column.view(width)
        return _mixed(np.asarray(numbers).astype(np.int64).view(np.uint64))
    values: list[Any] = column.to_pylist()
    return _mixed(np.fromiter(map(hash, map(_hashable, values)), np.int64, len(values)).view(np.uint64))


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, (list, dict)) else value


def _mixed(numbers: Hashes) -> Hashes:
    """Spread numbers that lie close together over all bits: the finaliser of SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return numbers ^ (numbers >> np.uint64(31))


__all__ = ["Sieve", "hashes_of"]
