"""The check that looks for source rows, cleaned as a run cleans them, in the target.

The target compares, by the same statement that tells a load what has changed; nothing is written but its
staging table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.db import DatabaseError, transaction
from django.db.models import Field

from ..batch import Batch, legacy_key_text
from ..failures import is_row_at_fault
from ..kinds import column_of, stored_field
from ..raw import as_json, kept_rows
from ..rejects import RejectedRow
from ..sources import Reader
from ..targets import Target
from .declared import MATCHES_SOURCE
from .reading import as_read
from .result import MASK, SAMPLES, CheckResult, Severity, counted, hidden_fields

SPOTS = 10
"""Places in the source where a sample is read."""
AT_ONCE = 10_000
"""Rows of a full reading that are in memory together."""

Rejected = Callable[[Collection[tuple[str, str]]], set[str]]
"""Gets legacy keys with digests, and returns the digests of the rows that a run has rejected."""


def spread(reader: Reader, rows: int, wanted: int | None) -> Iterator[pa.RecordBatch]:
    """Read about `wanted` of a source's `rows` rows, at places that lie apart; None for all of them."""
    if wanted is None or rows <= wanted:
        yield from reader.batches(AT_ONCE, ordered=False)
        return
    size = math.ceil(wanted / SPOTS)
    for spot in range(SPOTS):
        yield from reader.batches(size, ordered=False, limit=size, offset=spot * rows // SPOTS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows as they should be in the target."""

    columns: dict[str, pa.Array]
    keys: list[str]
    """Legacy keys."""
    raw: pa.RecordBatch | None = None
    """As they were read; None where they are known to have been loaded."""

    @classmethod
    def accepted(cls, batch: Batch) -> Wanted:
        """Take the rows that are still in of a cleaned batch."""
        keys = list(map(batch.legacy_key, batch.rows.tolist()))
        return cls(dict(batch.columns), keys, batch.raw.take(pa.array(batch.rows)))

    @classmethod
    def loaded(cls, batch: Batch, most: int) -> Wanted:
        """Take the first rows of a batch that was written."""
        rows = batch.rows[:most].tolist()
        keys = [legacy_key_text([one[row].as_py() for one in batch.legacy_keys]) for row in rows]
        few = pa.array(range(len(rows)))  # taken out, since a slice would keep the whole batch in memory
        return cls({name: values.take(few) for name, values in batch.columns.items()}, keys)

    def __len__(self) -> int:
        return len(self.keys)

    def slice(self, chosen: range) -> Mapping[str, pa.Array]:
        return {name: values[chosen.start : chosen.stop] for name, values in self.columns.items()}

    def digest(self, index: int) -> str:
        """Hash a row as its reject would be."""
        if self.raw is None:
            return ""
        ((_, digest),) = kept_rows([self.keys[index]], self.raw.slice(index, 1))
        return digest


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that is not in the target as it should be."""

    legacy_key: str
    digest: str
    problem: str
    differences: Sequence[Mapping[str, Any]] = ()


class Matching:
    """Compares rows with the target, a few thousand at a time."""

    def __init__(self, target: Target, sensitive: Collection[str]) -> None:
        self.target = target
        self.doubts: list[Doubt] = []
        """Rows that wait to be settled."""
        self._hidden = hidden_fields(target.plan, sensitive)
        self._samples: list[Mapping[str, Any]] = []
        self._figures = dict.fromkeys(("read", "compared", "rejected", "skipped", "missing", "different"), 0)

    def take(self, batch: Batch) -> None:
        """Look for all rows of a cleaned batch that were accepted."""
        self._figures["skipped"] += batch.skipped
        self._figures["rejected"] += len(batch.rejections)
        self._figures["read"] += batch.raw.num_rows - len(batch)
        self.look_for(Wanted.accepted(batch))

    def look_for(self, rows: Wanted) -> None:
        """Look for rows."""
        self._figures["read"] += len(rows)
        self._figures["compared"] += len(rows)
        self._attempt(rows, range(len(rows)))

    def settle(self, rejected: Rejected | None = None) -> None:
        """Decide about the rows that were not as they should be: those that were rejected may be so."""
        wanted = {(doubt.legacy_key, doubt.digest) for doubt in self.doubts}
        known = rejected(wanted) if rejected is not None and wanted else set()
        for doubt in self.doubts:
            if doubt.digest in known:
                self._figures["rejected"] += 1
                self._figures["compared"] -= 1
            else:
                self._note(doubt)
        self.doubts.clear()

    def result(self, rows: int, severity: Severity) -> CheckResult:
        """Tell what was found in a source of so many rows."""
        figures = self._figures
        wrong = figures["missing"] + figures["different"]
        looked = f"{figures['compared']} of {counted(rows, 'source row')} compared with the target"
        if wrong:
            found = f"{looked}: {figures['missing']} missing there, {figures['different']} different"
        else:
            found = f"{looked}, and all are there as they should be"
        return CheckResult(
            MATCHES_SOURCE,
            not wrong,
            found,
            severity,
            figures={"source_rows": rows, **figures},
            samples=tuple(self._samples),
        )

    def _attempt(self, rows: Wanted, chosen: range) -> None:
        """Compare rows; where the database refuses some, each half by itself, down to the rows at fault."""
        if not chosen:
            return
        try:
            with transaction.atomic(self.target.connection.alias):
                self._compare(rows, chosen)
        except DatabaseError as error:
            if not is_row_at_fault(error):
                raise
            if len(chosen) == 1:
                self._doubt(rows, chosen[0], "missing")
                return
            middle = len(chosen) // 2
            self._attempt(rows, chosen[:middle])
            self._attempt(rows, chosen[middle:])

    def _compare(self, rows: Wanted, chosen: range) -> None:
        self.target.clear()
        columns = dict(rows.slice(chosen))
        self.target.stage(self.target.pack(self.target.table_of(pa.array(chosen, pa.int64()), columns)))
        matches = self.target.match()
        for index in matches.new.tolist():
            self._doubt(rows, index, "missing")
        for index, pk in zip(matches.changed.tolist(), matches.pks, strict=True):
            self._doubt(rows, index, "different", pk)

    def _doubt(self, rows: Wanted, index: int, problem: str, pk: Any = None) -> None:
        wants_more = problem == "different" and len(self._samples) + len(self.doubts) < 4 * SAMPLES
        differences = list(self._differences(rows, index, pk)) if wants_more else []
        self.doubts.append(Doubt(rows.keys[index], rows.digest(index), problem, differences))

    def _differences(self, rows: Wanted, index: int, pk: Any) -> Iterator[Mapping[str, Any]]:
        """Name the fields that differ, with both values."""
        fields = self.target.compared
        for field, value in zip(fields, self._there(fields, pk), strict=True):
            wanted = rows.columns[field.name][index].as_py()
            if _as_text(field, wanted) != _as_text(field, value):
                shown = (MASK, MASK) if field.name in self._hidden else (as_json(wanted), as_json(value))
                yield {"field": field.name, "source": shown[0], "target": shown[1]}

    def _there(self, fields: Sequence[Field[Any, Any]], pk: Any) -> list[Any]:
        """Read a row of the target."""
        connection, meta = self.target.connection, self.target.plan.model._meta

        def quote(name: str) -> str:
            return connection.ops.quote_name(name).replace("%", "%%")

        columns = ", ".join(quote(column_of(field)) for field in fields)
        sql = f"SELECT {columns} FROM {quote(meta.db_table)} WHERE {quote(column_of(meta.pk))} = %s"
        with connection.cursor() as cursor:
            cursor.execute(sql, [meta.pk.get_db_prep_value(pk, connection)])
            row = cursor.fetchone()
        return [as_read(field, value, connection.alias) for field, value in zip(fields, row, strict=True)]

    def _note(self, doubt: Doubt) -> None:
        self._figures[doubt.problem] += 1
        key = MASK if self._hidden & set(self.target.plan.meta.key_fields) else doubt.legacy_key
        row = {"legacy_key": key, "problem": doubt.problem}
        found = [{**row, **difference} for difference in doubt.differences] or [row]
        self._samples += found[: SAMPLES - len(self._samples)]


def rejected_in(rejects: Iterable[RejectedRow]) -> Rejected:
    """Look rejected rows up among those of a run, which are read no further than needed."""

    def look(wanted: Collection[tuple[str, str]]) -> set[str]:
        keys, digests = {key for key, _ in wanted}, {digest for _, digest in wanted}
        found: set[str] = set()
        for row in rejects:
            if row.legacy_key in keys and row.digest in digests:
                found.add(row.digest)
                if found == digests:
                    break
        return found

    return look


def _as_text(field: Field[Any, Any], value: Any) -> str | None:
    """Write a value so that one from Arrow and one from the ORM read alike; for show only."""
    if value is None:
        return None
    stored = stored_field(field)
    return str(stored.get_prep_value(stored.to_python(value)))
