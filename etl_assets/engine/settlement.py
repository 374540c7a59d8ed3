"""Which rows of a batch may have a key or unique value that more than one wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from .batch import Batch, Positions, Rejection, kept_texts, to_numpy
from .owners import Owner
from .plan import Plan
from .targets.base import Clash, Matches, UniqueSet

Value = tuple[str, tuple[str, ...], tuple[Any, ...]]
"""What no two rows may have: a unique set, and values of it."""


class Settlement:
    """Decides which rows of a batch may have a key or unique value that more than one wants."""

    def __init__(
        self, batch: Batch, matches: Matches, plan: Plan, sensitive: frozenset[str] = frozenset()
    ) -> None:
        self.batch = batch
        self.matches = matches
        self.sensitive = sensitive
        self.hides_key = bool(sensitive & set(plan.meta.key_fields))
        self.links = {name for name, field in plan.fields.items() if field.lookup is not None}
        self.refused: dict[int, Rejection] = {}
        self._holders: dict[Value, int] = {}
        """Unique value -> the row of the batch that has it."""

    def open_among(self, rows: Positions) -> Positions:
        """Return those of the rows that have not been refused."""
        if not self.refused:
            return rows
        return rows[~np.isin(rows, np.fromiter(self.refused, np.int64, len(self.refused)))]

    def name(self, row: int) -> str:
        """Name a row for those that lose to it."""
        (name,) = names_of(self.batch, np.array([row]), self.hides_key).to_pylist()
        return str(name)

    def refuse(self, rows: Sequence[int], field: str, code: str, what: str) -> None:
        for row in rows:
            self.refused.setdefault(row, Rejection(row, field, code, f"{what} {code!r}"))

    def refuse_ambiguous(self) -> None:
        for row in self.matches.ambiguous:
            reason = "several rows of the target have its key: make it unique there first"
            self.refused[row] = Rejection(row, "", "ambiguous_key", reason)

    def note_holders(self, written: Positions, clashes: Sequence[tuple[UniqueSet, Sequence[Clash]]]) -> None:
        """Find rows of the batch, which are in the target by now, whose values others want: to name them."""
        for unique, found in clashes:
            names = {clash.values: clash.wanted for clash in found if clash.owner is not None}
            columns = [self.batch.columns[name] for name in unique.fields if name in self.batch.columns]
            is_mapped = len(columns) == len(unique.fields) > 0
            if not names or not len(written) or not is_mapped or not all(map(_is_plain, columns)):
                continue
            places = np.searchsorted(self.batch.rows, written)
            for column, wanted in zip(columns, zip(*names, strict=True), strict=True):
                having = pc.is_in(column.take(pa.array(places)), pa.array(wanted, column.type))
                places = places[to_numpy(having)]
            values = zip(*(column.take(pa.array(places)).to_pylist() for column in columns), strict=True)
            for value, row in zip(values, self.batch.rows[places].tolist(), strict=True):
                if value in names:
                    self._holders[_value(unique, names[value])] = row

    def settle(
        self,
        keys: Mapping[int, str],
        claimed: Mapping[str, str],
        owners: Mapping[str, Owner],
        clashes: Sequence[tuple[UniqueSet, Sequence[Clash]]],
    ) -> None:
        """Go through the rows that clash in reading order: the first that may have a value keeps it."""
        holders = dict(claimed)
        wanted = _by_row(clashes)
        values = dict(self._holders)
        repeated = _repeated(keys, {**claimed, **owners})
        for row in sorted({*repeated, *wanted} - self.refused.keys()):
            key = keys.get(row)
            rejection = None
            if key is not None and key in holders:
                reason = f"legacy row {holders[key]} has the same key, was read first and was kept"
                rejection = Rejection(row, "", "duplicate_key", reason)
            elif key is not None and key in owners and owners[key].keeps_out(row, self.refused):
                reason = f"legacy row {owners[key].name} has the same key, and an earlier run kept it"
                rejection = Rejection(row, "", "duplicate_key", reason)
            else:
                rejection = self._clash(row, wanted.get(row, ()), values)
            if rejection is not None:
                self.refused[row] = rejection
                continue
            if key is not None and row in repeated:
                holders[key] = self.name(row)
            for unique, clash in wanted.get(row, ()):
                values[_value(unique, clash.wanted)] = row

    def _clash(
        self,
        row: int,
        wanted: Sequence[tuple[UniqueSet, Clash]],
        values: Mapping[Value, int],
    ) -> Rejection | None:
        for unique, clash in wanted:
            holder = values.get(_value(unique, clash.wanted))
            if holder is not None:
                whose = f"legacy row {self.name(holder)}, which was read first"
            elif clash.owner is not None and not self._was_given_up(clash.owner, row):
                whose = "another row of the target"
            else:
                continue
            reason = f"{self._shown(unique, clash)} is taken by {whose}"
            return Rejection(row, unique.field, unique.code, reason)
        return None

    def _shown(self, unique: UniqueSet, clash: Clash) -> str:
        """Name the fields, and their values where they say something: a link's is a key drawn by this run."""
        what = unique.field or f"{', '.join(unique.fields) or unique.code} ({unique.code})"
        if self.links & unique.looks_at:
            return what
        hidden = self.sensitive & set(unique.fields) if unique.fields else self.sensitive
        return f"{what}: {'***' if hidden else ', '.join(map(repr, clash.values))}"

    def _was_given_up(self, owner: Any, by: int) -> bool:
        """Tell whether a value's owner was changed by a row of this batch that was read earlier."""
        return any(row < by and row not in self.refused for row in self.matches.changed_by_pk.get(owner, ()))


def names_of(batch: Batch, rows: Positions, hides_key: bool) -> pa.Array:
    """Name rows of the source, by their keys where these may be shown."""
    keys = pa.repeat("***", len(rows)) if hides_key else batch.key_texts.take(pa.array(rows))
    numbers = pa.array(batch.first_row + 1 + rows).cast(pa.string())
    return kept_texts(pc.binary_join_element_wise(keys, " (row ", numbers, " read)", ""))


def _repeated(keys: Mapping[int, str], claimed: Mapping[str, object]) -> set[int]:
    """Return the rows whose key is taken already, or wanted by another row of the batch."""
    if not claimed and len(set(keys.values())) == len(keys):
        return set()
    seen: dict[str, int] = {}
    found = set()
    for row, key in keys.items():
        if key in seen:
            found |= {row, seen[key]}
        elif key in claimed:
            found.add(row)
        seen.setdefault(key, row)
    return found


def _value(unique: UniqueSet, wanted: tuple[Any, ...]) -> Value:
    return unique.code, unique.fields, wanted  # all that is unique together has one code


def _is_plain(column: pa.Array) -> bool:
    """Tell whether the values of a column are what the database's driver gives back."""
    return bool(types.is_string(column.type) or types.is_integer(column.type) or types.is_date(column.type))


def _by_row(
    clashes: Sequence[tuple[UniqueSet, Sequence[Clash]]],
) -> dict[int, list[tuple[UniqueSet, Clash]]]:
    wanted: dict[int, list[tuple[UniqueSet, Clash]]] = {}
    for unique, found in clashes:
        for clash in found:
            wanted.setdefault(clash.row, []).append((unique, clash))
    return wanted
