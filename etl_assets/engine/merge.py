"""From finished columns to the target table: each row created, updated, left alone, or rejected.

A batch is staged and compared with the target as a set. Rows that want the same key or unique value are
then settled one by one in reading order, so that the outcome does not depend on the batch size. What the
database refuses all the same is narrowed down by halving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import DatabaseError, transaction

from .batch import Batch, Positions, Rejection, kept_texts
from .claims import Claims, Keys
from .failures import is_row_at_fault
from .newcomers import Newcomers
from .owners import NoOwners, Owner, Owners
from .settlement import Settlement, names_of
from .sieve import hashes_of, repeated
from .targets.base import Clash, Packed, Target, UniqueSet
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
            return Prepared(batch, everything, self.target.pack(rows))
        alone = self.newcomers.alone(rows)
        return Prepared(
            batch,
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
        """Create rows that need not be compared, then see what becomes of the others.

        These want what earlier rows want, and take nothing from the rest of their batch that anybody here
        knows of. The database may know more: where it refuses any row, all of them go the long way, since
        of two that it does not want together the first is to be kept.
        """
        assert self.newcomers is not None
        batch, merged, taken = prepared.batch, Merged(), Keys.none()
        if len(prepared.others):
            self.target.clear()
        try:
            with transaction.atomic(self.target.connection.alias):
                created = self.target.append(prepared.packed_new) if len(chosen) else 0
                if len(prepared.others):
                    merged, taken = self._merge(batch, prepared.others, prepared.packed, beside=prepared)
        except DatabaseError as error:
            if not is_row_at_fault(error):
                raise
            self.newcomers.refusals += 1
            return self._attempt(batch, np.arange(len(batch), dtype=np.int64))
        self._note(batch, prepared.keys)
        self._note(batch, taken)
        merged.created += created
        self.newcomers.reserve(created)
        return merged

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

    def _merge(
        self, batch: Batch, chosen: Positions, packed: Packed, beside: Prepared | None = None
    ) -> tuple[Merged, Keys]:
        """Settle rows and write them; return the counts and the keys taken.

        The new rows of `beside` are in the target already, and hold keys that nobody has noted yet.
        """
        merged, taken, new, changed = self._settle(batch, chosen, packed, beside)
        merged.updated = self.target.update(changed)  # first: values they give up are free for new rows
        merged.created = self.target.insert(new)
        return merged, taken

    def _settle(
        self, batch: Batch, chosen: Positions, packed: Packed, beside: Prepared | None
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
        if beside is not None and beside.new is not None:
            settlement.note_holders(batch.rows[beside.new], clashes)
        self._settle_keys(settlement, keys, clashes, beside.keys if beside is not None else Keys.none())

        loaded = settlement.open_among(rows)
        new = settlement.open_among(matches.new)
        changed = settlement.open_among(matches.changed)
        merged = Merged(
            unchanged=len(loaded) - len(new) - len(changed), rejections=list(settlement.refused.values())
        )
        return merged, keys.among(loaded) if settlement.refused else keys, new, changed

    def _settle_keys(
        self,
        settlement: Settlement,
        keys: Keys,
        clashes: Sequence[tuple[UniqueSet, Sequence[Clash]]],
        beside: Keys,
    ) -> None:
        """Settle rows of which something is known besides what the target has."""
        perhaps = self.claims.perhaps(keys.hashes) | np.isin(keys.hashes, beside.hashes)
        doubtful = keys.where(perhaps | repeated(keys.hashes))
        near = beside.where(np.isin(beside.hashes, doubtful.hashes))
        names = names_of(settlement.batch, near.rows, self.hides_key)
        claimed = {
            **self.claims.taken(doubtful),
            **dict(zip(near.texts.to_pylist(), names.to_pylist(), strict=True)),
        }
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


def _refusal(error: Exception) -> str:
    first: Iterator[str] = iter(str(error).splitlines())
    return f"the database refuses it: {next(first, type(error).__name__)}"
