"""From finished columns to the target table: each row created, updated, left alone, or rejected.

A batch is staged and compared with the target as a set. Rows that want the same key or unique value are
then settled one by one in reading order, so that the outcome does not depend on the batch size. What the
database refuses all the same is narrowed down by halving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import DatabaseError, transaction

from .batch import Batch, Positions, Rejection, kept_texts
from .claims import Claims, Keys
from .failures import is_row_at_fault
from .newcomers import Newcomers
from .owners import NoOwners, Owner, Owners
from .plan import Plan
from .sieve import hashes_of, repeated
from .targets.base import Clash, Matches, Packed, Target, UniqueSet
from .verbs import as_text


@dataclass(slots=True)
class Merged:
    """What became of staged rows, by their positions in the batch."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    def __iadd__(self, other: Merged) -> Merged:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.rejections += other.rejections
        return self


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as it is sent."""

    batch: Batch
    rows: pa.Table
    """Those still in, with defaults beside their columns."""
    others: Positions
    """Rows that are to be compared with the target, by their places among those still in."""
    packed: Packed
    new: Positions | None = None
    """Rows that are not."""
    packed_new: Packed = None
    keys: Keys = field(default_factory=Keys.none)
    """Theirs, where it matters who has them."""


class Merger:
    """Loads batches into one target."""

    def __init__(
        self,
        target: Target,
        claims: Claims,
        sensitive: frozenset[str] = frozenset(),
        newcomers: Newcomers | None = None,
    ) -> None:
        self.target = target
        self.claims = claims
        self.newcomers = newcomers
        """Where the target was empty: knows which rows need not be compared with it."""
        self.owners: Owners = NoOwners()
        """Of runs before this one; whoever has read only a part of the source knows some."""
        self.sensitive = frozenset(
            name
            for name, plan in target.plan.fields.items()
            if sensitive & {name, *plan.expression.source_columns}
        )
        """Target fields whose values no message may show."""
        self.hides_key = bool(self.sensitive & {field.name for field in target.keys})

    def prepare(self, batch: Batch) -> Prepared:
        """Bring what is still in of a batch into the form in which it is sent. Asks the database nothing."""
        everything = np.arange(len(batch), dtype=np.int64)
        rows = self.target.table_of(pa.array(batch.rows), batch.columns)
        if self.newcomers is None or not self.newcomers.are_welcome or not len(batch):
            return Prepared(batch, rows, everything, self.target.pack(rows))
        alone = self.newcomers.alone(rows)
        return Prepared(
            batch,
            rows,
            everything[~alone],
            self.target.pack(rows.filter(pa.array(~alone))),
            everything[alone],
            self.target.pack_new(rows.filter(pa.array(alone))),
            self._keys(batch, everything[alone]),
        )

    def load(self, prepared: Prepared) -> Merged:
        """Load a batch."""
        self.owners.begin(prepared.batch)
        if prepared.new is None:
            merged = self._attempt(prepared.batch, prepared.others, prepared.packed)
        else:
            merged = self._append(prepared, prepared.new)
        self.owners.end(merged.rejections)
        return merged

    def _append(self, prepared: Prepared, chosen: Positions) -> Merged:
        """Create rows that need not be compared, and in their midst what is left of the others to create.

        Where the database refuses one, all of them go the long way.
        """
        batch = prepared.batch
        self.target.clear()
        try:
            with transaction.atomic(self.target.connection.alias):
                merged, taken, found = self._settled_others(prepared)
                packed = prepared.packed_new
                if len(found):
                    new = np.union1d(chosen, np.searchsorted(batch.rows, found))
                    packed = self.target.pack_new(prepared.rows.take(pa.array(new)))
                merged.created = self.target.append(packed)
        except DatabaseError as error:
            if not is_row_at_fault(error):
                raise
            assert self.newcomers is not None
            self.newcomers.refusals += 1
            return self._attempt(batch, np.arange(len(batch), dtype=np.int64))
        self._note(batch, prepared.keys)
        self._note(batch, taken)
        return merged

    def _settled_others(self, prepared: Prepared) -> tuple[Merged, Keys, Positions]:
        """Settle and write the rows that are to be compared; return those of them that are to be created."""
        if not len(prepared.others):
            return Merged(), Keys.none(), np.zeros(0, np.int64)
        merged, taken, new, changed = self._settle(prepared.batch, prepared.others, prepared.packed)
        merged.updated = self.target.update(changed)
        return merged, taken, new

    def _attempt(self, batch: Batch, chosen: Positions, packed: Packed = None) -> Merged:
        """Load some rows; where the database refuses, each half by itself, down to the rows at fault."""
        if not len(chosen):
            return Merged()
        self.target.clear()
        try:
            with transaction.atomic(self.target.connection.alias):
                merged, taken = self._merge(batch, chosen, packed)
        except DatabaseError as error:
            if not is_row_at_fault(error):
                raise
            if len(chosen) == 1:
                position = int(batch.rows[chosen[0]])
                return Merged(rejections=[Rejection(position, "", "database", _refusal(error))])
            middle = len(chosen) // 2
            merged = self._attempt(batch, chosen[:middle])
            merged += self._attempt(batch, chosen[middle:])
            return merged
        self._note(batch, taken)
        return merged

    def _note(self, batch: Batch, taken: Keys) -> None:
        """Note which rows have taken which keys."""
        if len(taken):
            self.claims.add(taken, names_of(batch, taken.rows, self.hides_key))
            if self.owners.are_kept:
                self.owners.add({key: row for row, key in taken.by_row().items()})

    def _merge(self, batch: Batch, chosen: Positions, packed: Packed) -> tuple[Merged, Keys]:
        """Settle rows and write them; return the counts and the keys taken."""
        merged, taken, new, changed = self._settle(batch, chosen, packed)
        merged += self._write(new, changed)
        return merged, taken

    def _write(self, new: Positions, changed: Positions) -> Merged:
        """Write the staged rows that were settled."""
        updated = self.target.update(changed)  # first, so that values they give up are free for new rows
        return Merged(created=self.target.insert(new), updated=updated)

    def _settle(
        self, batch: Batch, chosen: Positions, packed: Packed
    ) -> tuple[Merged, Keys, Positions, Positions]:
        """Stage rows, compare them with the target, and decide what becomes of each.

        Returns:
            What needs no writing, the keys taken and by which rows, and the rows to create and to update.
        """
        rows = batch.rows[chosen]
        if packed is None:
            some = pa.array(chosen)
            columns = {name: values.take(some) for name, values in batch.columns.items()}
            packed = self.target.pack(self.target.table_of(pa.array(rows), columns))
        self.target.stage(packed)
        matches = self.target.match()
        keys = self._keys(batch, chosen)

        settlement = Settlement(batch, matches, self.target.plan, self.sensitive)
        settlement.refuse_ambiguous()
        for constraint in self.target.checks:
            settlement.refuse(self.target.failing(constraint), "", constraint.name, "fails the constraint")
        # Only a row that is written can take a value from another.
        fresh = settlement.open_among(np.union1d(matches.new, matches.changed))
        clashes = [(unique, self.target.clashes(unique, fresh)) for unique in self.target.unique_sets]
        self._settle_keys(settlement, keys, clashes)

        loaded = settlement.open_among(rows)
        new = settlement.open_among(matches.new)
        changed = settlement.open_among(matches.changed)
        merged = Merged(
            unchanged=len(loaded) - len(new) - len(changed), rejections=list(settlement.refused.values())
        )
        return merged, keys.among(loaded) if settlement.refused else keys, new, changed

    def _settle_keys(
        self, settlement: Settlement, keys: Keys, clashes: Sequence[tuple[UniqueSet, Sequence[Clash]]]
    ) -> None:
        """Settle rows of which something is known besides what the target has."""
        doubtful = keys.where(self.claims.perhaps(keys.hashes) | repeated(keys.hashes))
        claimed = self.claims.taken(doubtful)
        wanted = doubtful.by_row()
        owners: Mapping[str, Owner] = {}
        if self.owners.are_kept:
            owners = self.owners.of(keys.by_row())
            wanted |= {row: key for row, key in keys.by_row().items() if key in owners}
        settlement.settle(wanted, claimed, owners, clashes)

    def _keys(self, batch: Batch, chosen: Positions) -> Keys:
        """Return the keys of rows; nothing where no two rows of the source can have one key."""
        if not self.claims.are_kept:
            return Keys.none()
        taken = pa.array(chosen)
        keys = {field.name: batch.columns[field.name].take(taken) for field in self.target.keys}
        folded = self.target.folded(keys)
        return Keys(batch.rows[chosen], self._key_texts(folded), hashes_of(list(folded.values())))

    def _key_texts(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """Write each key as one text, of a length that can be stored."""
        parts = [as_text(columns[field.name]) for field in self.target.keys]
        # A separator that no part holds unescaped, so that ("a", "bc") and ("ab", "c") differ.
        if len(parts) > 1:
            escaped = [pc.replace_substring(part, "\\", "\\\\") for part in parts]
            parts = [pc.replace_substring(part, "|", "\\|") for part in escaped]
        joined = pc.binary_join_element_wise(*parts, "|") if len(parts) > 1 else parts[0]
        return kept_texts(joined)


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
        values: dict[tuple[str, tuple[Any, ...]], int] = {}
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
                values[unique.code + unique.field, clash.wanted] = row

    def _clash(
        self,
        row: int,
        wanted: Sequence[tuple[UniqueSet, Clash]],
        values: Mapping[tuple[str, tuple[Any, ...]], int],
    ) -> Rejection | None:
        for unique, clash in wanted:
            holder = values.get((unique.code + unique.field, clash.wanted))
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


def _by_row(
    clashes: Sequence[tuple[UniqueSet, Sequence[Clash]]],
) -> dict[int, list[tuple[UniqueSet, Clash]]]:
    wanted: dict[int, list[tuple[UniqueSet, Clash]]] = {}
    for unique, found in clashes:
        for clash in found:
            wanted.setdefault(clash.row, []).append((unique, clash))
    return wanted


def _refusal(error: Exception) -> str:
    first: Iterator[str] = iter(str(error).splitlines())
    return f"the database refuses it: {next(first, type(error).__name__)}"
