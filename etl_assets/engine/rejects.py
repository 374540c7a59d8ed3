"""Rejected rows: kept in a temporary file while a run may still roll back, then in the model `Reject`."""

from __future__ import annotations

import csv
import json
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, reset_queries, transaction

from ..models import Reject, Run
from ..spreadsheet import COLUMNS, cells
from .batch import Batch
from .bulk import upsert
from .raw import RawRow, as_text, kept_rows, storable

AT_ONCE = 5_000


class RejectedRow(NamedTuple):
    """One rejected row, as it is kept."""

    legacy_key: str
    field: str
    code: str
    reason: str
    raw_text: str
    """The raw row in JSON."""
    digest: str
    """Of key and raw row, so that the same row is not kept twice for the same reason; see `kept_rows`."""

    @property
    def raw(self) -> RawRow:
        row: RawRow = json.loads(self.raw_text)
        return row


class RejectLog:
    """The rejects of one transformer in one run, on disk and in order, however many there are.

    It also notes open rejects of earlier runs whose rows have now been loaded.
    """

    def __init__(self, transformer: str) -> None:
        self.transformer = transformer
        self._rows = _spool()
        self._resolved = _spool()
        self._stored = self._end = 0
        self._open: np.ndarray[Any, Any] | None = None

    def __iter__(self) -> Iterator[RejectedRow]:
        yield from self._read(0)

    def close(self) -> None:
        self._rows.close()
        self._resolved.close()

    def add(self, batch: Batch) -> None:
        """Take the rejections of a batch, with the raw values of their rows."""
        if not batch.rejections:
            return
        positions = pa.array([rejection.position for rejection in batch.rejections], pa.int64())
        keys = batch.key_texts.take(positions).to_pylist()
        kept = kept_rows(keys, batch.raw.take(positions))
        rows = [
            (key, one.field, one.code, storable(one.reason), as_text(raw), digest)
            for one, key, (raw, digest) in zip(batch.rejections, keys, kept, strict=True)
        ]
        self._rows.seek(self._end)  # one list for each batch, which is read back much faster than lines
        pickle.dump(rows, self._rows, pickle.HIGHEST_PROTOCOL)
        self._end = self._rows.tell()

    def watch_open(self) -> None:
        """Find out which legacy keys have open rejects, as hashes: 8 bytes for each."""
        keys = self._open_rejects().values_list("legacy_key", flat=True)
        hashes = np.fromiter((hash(key) for key in keys.iterator()), dtype=np.int64)
        self._open = np.unique(hashes)

    def note_loaded(self, batch: Batch) -> None:
        """Note the rows of a batch that were loaded although an earlier run had rejected them."""
        if self._open is None or not len(self._open):
            return
        keys = [batch.legacy_key(int(position)) for position in batch.rows]
        found = np.isin(np.fromiter(map(hash, keys), dtype=np.int64, count=len(keys)), self._open)
        self._resolved.seek(0, 2)
        for index in np.flatnonzero(found):
            self._resolved.write(json.dumps(keys[index]).encode() + b"\n")

    def rewind(self) -> None:
        """After a rollback: nothing was loaded, and what was stored may be gone, so `store` begins anew."""
        self._stored = 0
        self._forget_loaded()

    def _forget_loaded(self) -> None:
        self._resolved.seek(0)
        self._resolved.truncate()

    def store(self, run: Run) -> None:
        """Write what has come since the last time to `default`."""
        self.keep(run)
        self.resolve(run)

    def keep(self, run: Run) -> None:
        """Write the rejects; they are true whatever becomes of the run."""
        for rows in _chunks(self._read(self._stored), AT_ONCE):
            _save(rows, self.transformer, run)
            forget_queries()
        self._stored = self._end

    def resolve(self, run: Run) -> None:
        """Mark the rejects whose rows have been loaded; to be called once that is committed, or with it."""
        self._resolved.seek(0)
        for keys in map(set, _chunks(map(json.loads, self._resolved), AT_ONCE)):
            # What this run rejected again, such as the other one of two rows with a key, stays open.
            met_before = self._open_rejects().exclude(run=run)
            found = met_before.filter(legacy_key__in=keys).values_list("pk", "legacy_key")
            # A database that takes 'a' for 'A' finds too much.
            exact = [pk for pk, key in found if key in keys]
            met_before.filter(pk__in=exact).update(resolved_run=run)
        self._forget_loaded()

    def _open_rejects(self) -> Any:
        return Reject.objects.using(DEFAULT_DB_ALIAS).filter(
            transformer=self.transformer, resolved_run__isnull=True
        )

    def _read(self, position: int) -> Iterator[RejectedRow]:
        while position < self._end:
            self._rows.seek(position)
            rows = pickle.load(self._rows)  # noqa: S301 - nobody else can write to the file
            position = self._rows.tell()
            yield from map(RejectedRow._make, rows)


def write_csv(path: Path, logs: Iterable[RejectLog], sensitive: frozenset[str]) -> int:
    """Write the rejects of a run as CSV and return how many; sensitive source columns are masked."""
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for log in logs:
            for row in log:
                texts = (log.transformer, row.legacy_key, row.field, row.code, row.reason)
                writer.writerow(cells(*texts, raw=row.raw, sensitive=sensitive))
                count += 1
    return count


FIELDS = (
    "run",
    "first_run",
    "resolved_run",
    "transformer",
    "legacy_key",
    "field",
    "code",
    "reason",
    "raw",
    "digest",
)


def _save(rows: list[RejectedRow], transformer: str, run: Run) -> None:
    """Keep each row once for each reason; one that is known already is only marked as met by this run."""
    distinct = {(row.digest, row.field, row.code): row for row in rows}
    whose = (run.pk, run.pk, None, transformer)
    with transaction.atomic(DEFAULT_DB_ALIAS):
        done = upsert(
            Reject,
            DEFAULT_DB_ALIAS,
            (
                (*whose, row.legacy_key, row.field, row.code, row.reason, row.raw_text, digest)
                for (digest, *_), row in distinct.items()
            ),
            fields=FIELDS,
            updated=("run", "resolved_run"),
        )
    if not done:
        _save_one_by_one(distinct, transformer, run)


def _save_one_by_one(
    distinct: Mapping[tuple[str, str, str], RejectedRow], transformer: str, run: Run
) -> None:
    rejects = Reject.objects.using(DEFAULT_DB_ALIAS)
    known = {
        (one.digest, one.field, one.code): one
        for one in rejects.filter(transformer=transformer, digest__in={key[0] for key in distinct})
    }
    again = [known[key].pk for key in distinct if key in known]
    rejects.filter(pk__in=again).update(run=run, resolved_run=None)
    rejects.bulk_create(
        Reject(
            run=run,
            first_run=run,
            transformer=transformer,
            legacy_key=row.legacy_key,
            field=row.field,
            code=row.code,
            reason=row.reason,
            raw=row.raw,
            digest=key[0],
        )
        for key, row in distinct.items()
        if key not in known
    )


def forget_queries() -> None:
    """Free what Django remembers where DEBUG is on: the last 9000 statements, with all their values."""
    if settings.DEBUG:
        reset_queries()


def _spool() -> IO[bytes]:
    """Open a file that is gone when it is closed, or when the process ends."""
    return tempfile.TemporaryFile(prefix="etl-rejects-")


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
