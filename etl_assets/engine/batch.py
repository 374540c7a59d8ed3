"""The rows of one batch on their way: which are still in, what their columns are, why the others left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..models import KEY_LENGTH

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one row of a batch was not loaded."""

    position: int
    """Of the row in the raw batch."""
    field: str
    """Target field; '' for row rules and duplicate keys."""
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows with one thing wrong in one field."""

    bad: Mask
    """Aligned with the rows still in when it was found."""
    field: str
    code: str
    reason: Callable[[int], str]
    """Makes the sentence from a row's index among them."""


@dataclass
class Batch:
    """Raw rows as they were read, and what has become of those that are still in."""

    raw: pa.RecordBatch
    first_row: int
    """How many rows come before it in the source, those of an unfinished run included."""
    rows: Positions = field(init=False)
    """Positions in `raw` of the rows still in."""
    columns: dict[str, pa.Array] = field(default_factory=dict)
    """Target columns, aligned with `rows`."""
    legacy_keys: list[pa.Array] = field(default_factory=list)
    """The key's source columns as text, aligned with `raw`."""
    skips: list[tuple[Positions, str]] = field(default_factory=list)
    """Positions in `raw` of the rows that were left out on purpose, with the reason."""
    rejections: list[Rejection] = field(default_factory=list)
    warnings: dict[str, Mask] = field(default_factory=dict)
    """"field:code" -> which of the raw rows; a warning stands only if its row is loaded."""

    def __post_init__(self) -> None:
        self.rows = np.arange(self.raw.num_rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, good: Mask) -> None:
        """Go on with these of the rows still in."""
        if good.all():
            return
        self.rows = self.rows[good]
        chosen = pa.array(good)
        self.columns = {name: values.filter(chosen) for name, values in self.columns.items()}

    def reject(self, faults: Sequence[Fault]) -> None:
        """Reject each faulty row once, for the first of its faults."""
        gone = np.zeros(len(self), dtype=np.bool_)
        for fault in faults:
            fresh = fault.bad & ~gone
            gone |= fresh
            self.rejections += [
                Rejection(int(self.rows[index]), fault.field, fault.code, fault.reason(int(index)))
                for index in np.flatnonzero(fresh)
            ]
        self.keep(~gone)

    def reject_rows(self, rejections: Sequence[Rejection]) -> None:
        """Reject rows that were found by position."""
        self.rejections += rejections
        gone = np.array([rejection.position for rejection in rejections], dtype=np.int64)
        self.keep(~np.isin(self.rows, gone))

    def skip(self, chosen: Mask, reason: str = "") -> None:
        """Leave rows out on purpose."""
        if chosen.any():
            self.skips.append((self.rows[chosen], reason))
            self.keep(~chosen)

    @property
    def skipped(self) -> int:
        """How many rows were left out on purpose."""
        return sum(len(positions) for positions, _ in self.skips)

    def warn(self, fault: Fault) -> None:
        """Note a warning for rows that are still in."""
        if fault.bad.any():
            none = np.zeros(self.raw.num_rows, dtype=np.bool_)
            self.warnings.setdefault(f"{fault.field}:{fault.code}", none)[self.rows[fault.bad]] = True

    def legacy_key(self, position: int) -> str:
        """Return the key's source values as text; a JSON list where there are several."""
        return self._key_list[position]

    @cached_property
    def _key_list(self) -> list[str]:
        return cast("list[str]", self.key_texts.to_pylist())

    @cached_property
    def key_texts(self) -> pa.Array:
        """The keys of all raw rows, each as `legacy_key` returns it."""
        if len(self.legacy_keys) == 1:
            return kept_texts(pc.fill_null(self.legacy_keys[0], ""))
        columns = [column.to_pylist() for column in self.legacy_keys]
        return pa.array([legacy_key_text(values) for values in zip(*columns, strict=True)], pa.string())

    def row_number(self, position: int) -> int:
        """Number of a row in the source's reading order, from 1."""
        return self.first_row + position + 1


def legacy_key_text(values: Sequence[str | None]) -> str:
    """Write the values of a key's source columns as one text: a JSON list where there are several."""
    if len(values) == 1:
        return shortened(values[0] or "")
    return shortened(json.dumps(values, ensure_ascii=False))


def shortened(key: str) -> str:
    """Return a key as it is kept: whole, or, where it is too long for its column, with a digest."""
    key = key.replace("\x00", "\\x00")
    if len(key) <= KEY_LENGTH:
        return key
    digest = blake2b(key.encode(), digest_size=16).hexdigest()
    return f"{key[: KEY_LENGTH - len(digest) - 1]}…{digest}"


def kept_texts(keys: pa.Array) -> pa.Array:
    """Return keys as they are kept; see `shortened`."""
    longest = pc.max(pc.utf8_length(keys)).as_py() or 0
    if longest <= KEY_LENGTH and not pc.any(pc.match_substring(keys, "\x00")).as_py():
        return keys
    return pa.array([shortened(key) for key in keys.to_pylist()], pa.string())


def to_numpy(mask: pa.Array) -> Mask:
    """Turn a boolean array without nulls into numpy's."""
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)


def shown(value: Any, limit: int = 100) -> str:
    """Write a value for a message, not too long."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
