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

from .batch import Batch, Positions, Rejection, shortened
from .claims import Claims
from .failures import is_row_at_fault
from .newcomers import Newcomers
from .plan import Plan
from .targets.base import Clash, Match, Matches, Target, UniqueSet
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
        self.sensitive = frozenset(
            name
            for name, plan in target.plan.fields.items()
            if sensitive & {name, *plan.expression.source_columns}
        )
        """Target fields whose values no message may show."""

    def load(self, batch: Batch) -> Merged:
        """Load what is still in of a batch."""
        everything = np.arange(len(batch), dtype=np.int64)
        if self.newcomers is None or not self.newcomers.are_welcome or not len(batch):
            return self._attempt(batch, everything)
        rows = self.target.table_of(pa.array(batch.rows), batch.columns)
        alone = self.newcomers.alone(rows)
        merged = self._append(batch, everything[alone], rows.filter(pa.array(alone)), self.newcomers)
        merged += self._attempt(batch, everything[~alone])
        return merged

    def _append(self, batch: Batch, chosen: Positions, rows: pa.Table, newcomers: Newcomers) -> Merged:
        """Create rows as they are; where the database refuses one, all of them go the long way."""
        try:
            with transaction.atomic(self.target.connection.alias):
                created = self.target.append(rows)
        except DatabaseError as error:
            if not is_row_at_fault(error):
                raise
            newcomers.refusals += 1
            return self._attempt(batch, chosen)
        if self.claims.are_kept:
            taken = pa.array(chosen)
            keys = {field.name: batch.columns[field.name].take(taken) for field in self.target.keys}
            texts = self._key_texts(self.target.folded(keys))
            hides = bool(self.sensitive & {field.name for field in self.target.keys})
            names = (name_of(batch, int(row), hides) for row in batch.rows[chosen])
            self.claims.add(dict(zip(texts, names, strict=True)))
        return Merged(created=created)

    def _attempt(self, batch: Batch, chosen: Positions) -> Merged:
        """Load some rows; where the database refuses, each half by itself, down to the rows at fault."""
        if not len(chosen):
            return Merged()
        try:
            with transaction.atomic(self.target.connection.alias):
                merged, claimed = self._merge(batch, chosen)
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
        self.claims.add(claimed)
        return merged

    def _merge(self, batch: Batch, chosen: Positions) -> tuple[Merged, dict[str, str]]:
        """Stage, compare, settle, write; return the counts and the keys taken."""
        taken = pa.array(chosen)
        positions = pa.array(batch.rows[chosen])
        columns = {name: values.take(taken) for name, values in batch.columns.items()}
        self.target.stage(self.target.table_of(positions, columns))
        matches = self.target.match()
        rows = positions.to_pylist()
        keys = dict(zip(rows, self._key_texts(self.target.folded(columns)), strict=True))

        settlement = Settlement(batch, matches, self.target.plan, self.sensitive)
        settlement.refuse_ambiguous()
        for constraint in self.target.checks:
            settlement.refuse(self.target.failing(constraint), "", constraint.name, "fails the constraint")
        fresh = [row for row in rows if settlement.is_open(row) and _is_fresh(matches.by_row.get(row))]
        clashes = [(unique, self.target.clashes(unique, fresh)) for unique in self.target.unique_sets]
        settlement.settle(keys, self.claims.taken(list(keys.values())), clashes)

        loaded = [row for row in rows if row not in settlement.refused]
        new = [row for row in loaded if row not in matches.by_row]
        changed = [row for row in loaded if row in matches.by_row and matches.by_row[row].changed]
        merged = self._write(new, changed)
        merged.unchanged = len(loaded) - len(new) - len(changed)
        merged.rejections = list(settlement.refused.values())
        return merged, {keys[row]: settlement.name(row) for row in loaded}

    def _write(self, new: Sequence[int], changed: Sequence[int]) -> Merged:
        """Write the staged rows that were settled."""
        updated = self.target.update(changed)  # first, so that values they give up are free for new rows
        return Merged(created=self.target.insert(new), updated=updated)

    def _key_texts(self, columns: Mapping[str, pa.Array]) -> list[str]:
        """Write each key as one text, of a length that can be stored."""
        parts = [as_text(columns[field.name]) for field in self.target.keys]
        # A separator that no part holds unescaped, so that ("a", "bc") and ("ab", "c") differ.
        if len(parts) > 1:
            escaped = [pc.replace_substring(part, "\\", "\\\\") for part in parts]
            parts = [pc.replace_substring(part, "|", "\\|") for part in escaped]
        joined = pc.binary_join_element_wise(*parts, "|") if len(parts) > 1 else parts[0]
        return [shortened(key) for key in joined.to_pylist()]


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

    def is_open(self, row: int) -> bool:
        return row not in self.refused

    def name(self, row: int) -> str:
        """Name a row for those that lose to it."""
        return name_of(self.batch, row, self.hides_key)

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
        clashes: Sequence[tuple[UniqueSet, Sequence[Clash]]],
    ) -> None:
        """Go through the rows that clash in reading order: the first that may have a value keeps it."""
        holders = dict(claimed)
        wanted = _by_row(clashes)
        values: dict[tuple[str, tuple[Any, ...]], int] = {}
        rows_of: dict[Any, list[int]] = {}
        for row, match in self.matches.by_row.items() if wanted else ():
            rows_of.setdefault(match.pk, []).append(row)
        repeated = _repeated(keys, claimed)
        for row in sorted({*repeated, *wanted} - self.refused.keys()):
            key = keys[row]
            rejection = None
            if key in holders:
                reason = f"legacy row {holders[key]} has the same key, was read first and was kept"
                rejection = Rejection(row, "", "duplicate_key", reason)
            else:
                rejection = self._clash(row, wanted.get(row, ()), values, rows_of)
            if rejection is not None:
                self.refused[row] = rejection
                continue
            if row in repeated:
                holders[key] = self.name(row)
            for unique, clash in wanted.get(row, ()):
                values[unique.code + unique.field, clash.wanted] = row

    def _clash(
        self,
        row: int,
        wanted: Sequence[tuple[UniqueSet, Clash]],
        values: Mapping[tuple[str, tuple[Any, ...]], int],
        rows_of: Mapping[Any, Sequence[int]],
    ) -> Rejection | None:
        for unique, clash in wanted:
            holder = values.get((unique.code + unique.field, clash.wanted))
            if holder is not None:
                whose = f"legacy row {self.name(holder)}, which was read first"
            elif clash.owner is not None and not self._was_given_up(rows_of.get(clash.owner, ()), row):
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

    def _was_given_up(self, owners: Sequence[int], by: int) -> bool:
        """Tell whether a value's owner was changed by a row of this batch that was read earlier."""
        return any(
            row < by and row not in self.refused and self.matches.by_row[row].changed for row in owners
        )


def name_of(batch: Batch, row: int, hides_key: bool) -> str:
    """Name a row of the source, by its key where that may be shown."""
    key = "***" if hides_key else batch.legacy_key(row)
    return shortened(f"{key} (row {batch.row_number(row)} read)")


def _is_fresh(match: Match | None) -> bool:
    """Only a row that is written can take a value from another."""
    return match is None or match.changed


def _repeated(keys: Mapping[int, str], claimed: Mapping[str, str]) -> set[int]:
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
