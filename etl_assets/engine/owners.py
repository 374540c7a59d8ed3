"""Which source row has which key, from one run to the next.

A run that reads only what is new does not meet the row that was kept: without this, a late duplicate would
write over it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

import pyarrow as pa
from django.db import connections

from ..models import KeyOwner
from .batch import Batch, Rejection, legacy_key_text
from .verbs import as_text

Entry = tuple[str, str, str]
"""A key, the source row that has it, and that row's name for messages."""

IN_ONE_LIST = 1_000


@dataclass(frozen=True, slots=True)
class Owner:
    """The source row that has a key since an earlier run."""

    name: str
    row: int | None = None
    """Its position in this batch, where it is in it."""
    gave_up: bool = False
    """Is it in this batch, and wants the key no more?"""

    def keeps_out(self, row: int, refused: Mapping[int, Rejection]) -> bool:
        """Tell whether a row may not have the key; those read before the owner know nothing of it yet."""
        if self.row is None or row < self.row:
            return True
        return row > self.row and not self.gave_up and self.row not in refused


class Owners(Protocol):
    """Keys that source rows had before this run."""

    are_kept: bool
    """Does it matter what is asked and added?"""

    def begin(self, batch: Batch) -> None:
        """Take up the rows of a batch."""

    def of(self, keys: Mapping[int, str]) -> Mapping[str, Owner]:
        """Return who has the keys that rows want."""

    def add(self, keys: Mapping[str, int]) -> None:
        """Note keys of rows that were loaded."""

    def end(self, rejections: Sequence[Rejection]) -> None:
        """Keep what has changed: keys that rows of the batch took, and those that they gave up."""


class NoOwners:
    """For a transformer without a watermark, or a source in which no two rows can have one key."""

    are_kept = False

    def begin(self, batch: Batch) -> None: ...

    def of(self, keys: Mapping[int, str]) -> Mapping[str, Owner]:
        return {}

    def add(self, keys: Mapping[str, int]) -> None: ...

    def end(self, rejections: Sequence[Rejection]) -> None: ...


class NewOwners:
    """Of a run that reads everything: nothing of what was before holds."""

    are_kept = True

    def __init__(self, table: OwnerTable, columns: Sequence[str], *, hides_key: bool) -> None:
        self._table = table
        self._columns = columns
        self._hides_key = hides_key

    def begin(self, batch: Batch) -> None:
        self._batch = batch
        self._loaded: dict[str, int] = {}

    def of(self, keys: Mapping[int, str]) -> Mapping[str, Owner]:
        return {}

    def add(self, keys: Mapping[str, int]) -> None:
        self._loaded |= {self._table.stored(key): row for key, row in keys.items()}

    def end(self, rejections: Sequence[Rejection]) -> None:
        self._table.insert(self._entries())

    def _entries(self) -> Iterator[Entry]:
        """Return key, owner and name of each row that was loaded."""
        rows = list(self._loaded.values())
        identities = self._identities(rows)
        for key, row, owner in zip(self._loaded, rows, identities, strict=True):
            yield key, owner, "***" if self._hides_key else self._batch.legacy_key(row)

    def _identities(self, rows: Sequence[int]) -> list[str]:
        """Name source rows by their primary key, or, where there is none, by the columns of their key."""
        if not self._columns:
            return [self._table.stored(self._batch.legacy_key(row)) for row in rows]
        raw = self._batch.raw.take(pa.array(rows, pa.int64()))
        texts = (as_text(raw.column(name)).to_pylist() for name in self._columns)
        return [self._table.stored(legacy_key_text(values)) for values in zip(*texts, strict=True)]


class KnownOwners(NewOwners):
    """Of a run that reads what is new."""

    def begin(self, batch: Batch) -> None:
        super().begin(batch)
        self._owner_of = self._identities(range(batch.raw.num_rows))
        self._rows: dict[str, int] = {}
        for row, owner in enumerate(self._owner_of):
            self._rows.setdefault(owner, row)
        self._wanted: dict[int, str] = {}
        mine = self._table.find("owner", list(self._rows))
        self._known = {key: (owner, name) for key, owner, name in mine}
        self._mine = set(self._known)

    def of(self, keys: Mapping[int, str]) -> Mapping[str, Owner]:
        wanted = {row: self._table.stored(key) for row, key in keys.items()}
        text_of = dict(zip(wanted.values(), keys.values(), strict=True))
        found = self._table.find("key", list(text_of))
        self._known |= {key: (owner, name) for key, owner, name in found}
        self._wanted |= wanted
        owners = {}
        for key, owner, name in found:
            row = self._rows.get(owner)
            gave_up = row is not None and wanted.get(row) != key
            owners[text_of[key]] = Owner(name, row, gave_up)
        return owners

    def end(self, rejections: Sequence[Rejection]) -> None:
        now = {key: (owner, name) for key, owner, name in self._entries()}
        stay = now.keys() | {self._wanted[one.position] for one in rejections if self._is_shared(one)}
        changed = {key: entry for key, entry in now.items() if self._known.get(key) != entry}
        self._table.delete([*(self._mine - stay), *(changed.keys() & self._known.keys())])
        self._table.insert((key, *entry) for key, entry in changed.items())

    def _is_shared(self, beaten: Rejection) -> bool:
        """Tell whether a row lost its own key to one of the same identity; a source with no key has such."""
        key = self._wanted.get(beaten.position)
        if beaten.code != "duplicate_key" or key is None or key not in self._known:
            return False
        return self._known[key][0] == self._owner_of[beaten.position]


class OwnerTable:
    """The owners of one transformer's keys in the target database."""

    def __init__(self, using: str, transformer: str) -> None:
        self._connection = connections[using]
        self._transformer = transformer
        self._rows = KeyOwner.objects.using(using).filter(transformer=transformer)
        self._quote = self._connection.ops.quote_name
        self._table = self._quote(KeyOwner._meta.db_table)
        # Others may take 'a' for 'A'. Where texts are kept as they are, most come in the index's order.
        self._is_exact = self._connection.vendor in ("postgresql", "sqlite")

    def stored(self, text: str) -> str:
        """Return a key or an owner as what the database tells from all others."""
        return text if self._is_exact else blake2b(text.encode(), digest_size=16).hexdigest()

    def clear(self) -> None:
        self._rows.delete()

    def find(self, column: str, values: Sequence[str]) -> list[Entry]:
        """Return the entries that have one of these keys, or of these owners."""
        found: list[Entry] = []
        for condition, parameters in self._among(column, values):
            found += self._execute(f"SELECT {self._names} FROM {self._table} WHERE {condition}", parameters)
        return found

    def delete(self, keys: Sequence[str]) -> None:
        for condition, parameters in self._among("key", keys):
            self._execute(f"DELETE FROM {self._table} WHERE {condition}", parameters)

    def insert(self, entries: Iterable[Entry]) -> None:
        """Add keys that nobody has."""
        rows = [(self._transformer, *entry) for entry in entries]
        if not rows:
            return
        table = f"{self._table} ({self._quote('transformer')}, {self._names})"
        with self._connection.cursor() as cursor:
            if self._connection.vendor == "postgresql":
                self._copy(cursor, table, rows)
            else:
                cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s, %s, %s)", rows)

    def _copy(self, cursor: Any, table: str, rows: Iterable[tuple[str, ...]]) -> None:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
        with (
            self._connection.wrap_database_errors,
            cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy,
        ):
            copy.write(text.getvalue())

    @property
    def _names(self) -> str:
        return ", ".join(map(self._quote, ("key", "owner", "name")))

    def _among(self, column: str, values: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
        """Compose the conditions that together choose all these values, with their parameters."""
        mine = f"{self._quote('transformer')} = %s AND {self._quote(column)}"
        if not values:
            return
        if self._connection.vendor == "postgresql":
            yield f"{mine} = ANY(%s)", [self._transformer, list(values)]
        elif self._connection.vendor == "sqlite":
            yield f"{mine} IN (SELECT value FROM json_each(%s))", [self._transformer, json.dumps(values)]
        else:
            for first in range(0, len(values), IN_ONE_LIST):
                some = values[first : first + IN_ONE_LIST]
                yield f"{mine} IN ({', '.join(['%s'] * len(some))})", [self._transformer, *some]

    def _execute(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall()) if cursor.description else []
