"""Reading SQLite: a file opened read-only, and columns in which any row may hold any type."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote as quote_path

import pyarrow as pa
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import SourceError
from ..frames import array_from_values
from ..overlap import STEPPING
from .base import Reader, Relation
from .changes import SqliteChanges
from .portions import portions, weight_of_values

EXACT_FLOAT = 2**53
"""Whole numbers above it do not all fit a float."""

HAS_PLACES = re.compile(r"\(\s*\d+\s*,\s*[1-9]")
"""Finds a declaration such as DECIMAL(10, 2)."""


class SqliteReader(Reader):
    """Reads over the sqlite3 module itself: Django's converters would hide the dirt.

    A file that the run writes too is read over the connection that writes it, since a second one would
    lock the first out. That connection, and a database in memory, cannot be made read-only.
    """

    placeholder = "?"
    changes = SqliteChanges

    def connect(self) -> None:
        name = str(self.connection.settings_dict["NAME"])
        shared = self._shared_alias(name)
        self._own = shared is None
        self.reads_ahead = self._own
        self.stops_writing = not self._own  # for others too, text is bytes while it is fetched
        if shared is not None:
            connections[shared].ensure_connection()
            self.database: sqlite3.Connection = connections[shared].connection
            return
        path = Path(name)
        if not path.is_file():
            raise SourceError(
                f"Database {self.connection.alias!r} is the file {name}, which does not exist: "
                "check its NAME in DATABASES."
            )
        self.database = self._open_read_only(path)
        self.database.execute("BEGIN")  # one snapshot for the count and the rows

    def _open_read_only(self, path: Path) -> sqlite3.Connection:
        address = f"file:{quote_path(str(path.resolve()))}?mode=ro"
        database = _connect(address)
        try:
            database.execute("SELECT 1 FROM sqlite_master LIMIT 1")
        except sqlite3.OperationalError:
            # A file in WAL mode wants files beside it, which a read-only folder refuses. Nobody can be
            # writing there either, so without a log that is left over the file is all there is.
            if path.with_name(f"{path.name}-wal").exists():
                raise
            database.close()
            database = _connect(f"{address}&immutable=1")
        except sqlite3.DatabaseError:
            return database  # no SQLite file: whoever reads it first says so
        return database

    def close(self) -> None:
        if getattr(self, "_own", False) and hasattr(self, "database"):
            self.database.close()

    def give_up(self) -> None:
        self.database.interrupt()

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._execute(sql, parameters).fetchall()

    def tables(self) -> list[str]:
        names = self.fetch("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        return sorted(name for (name,) in names if not name.startswith("sqlite_"))

    def find(self, name: str) -> str | None:
        found = self.fetch(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)",
            (name,),
        )
        return self.quote(name) if found else None

    def describe(self, relation: Relation) -> dict[str, pa.DataType]:
        cursor = self._execute(f"SELECT * FROM {relation.sql} LIMIT 0", relation.parameters)
        names = [column[0] for column in cursor.description]
        declared: dict[str, str] = {}
        self.tie_break = None
        if relation.table is not None:
            info = self.fetch("SELECT name, type FROM pragma_table_xinfo(?)", (relation.table,))
            declared = dict(info)
            self.tie_break = self._row_id(relation, names)
        self.type_names = declared
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise SourceError(f"The query gives two columns named {twice!r}: name one of them with AS.")
        return {name: _affinity(declared.get(name, "")) for name in names}

    def primary_key(self, relation: Relation) -> tuple[str, ...]:
        if relation.table is None:
            return ()
        columns = self.fetch(
            "SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk", (relation.table,)
        )
        return tuple(name for (name,) in columns)

    @property
    def key_is_typed(self) -> bool:
        """Tell whether the key is the row id: any other column holds 5, '5 ' and x'35' side by side."""
        if self.relation.table is None or len(self.unique_key) != 1:
            return False
        indexes = "SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'"
        return not self.fetch(indexes, (self.relation.table,))

    def read(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[pa.RecordBatch]:
        cursor = self._execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        types = [self.columns.get(name, pa.int64()) for name in names]
        fetch = partial(self._fetch_bytes, cursor)
        for rows in portions(fetch, size, weight_of_values):
            values = zip(*rows, strict=True)
            columns = [_column(list(column), to) for column, to in zip(values, types, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, names)

    def _queryset_relation(self, rows: Any) -> Relation:
        relation = super()._queryset_relation(rows)
        # Django writes %s and doubles each %, and turns both back only in its own cursor.
        marker = "\0"
        sql = relation.sql.replace("%%", marker).replace("%s", "?").replace(marker, "%")
        return Relation(sql, relation.parameters)

    def literal(self, sql: str) -> str:
        return sql

    def _execute(self, sql: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        try:
            return self.database.cursor().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise
            raise SourceError(
                f"Database {self.connection.alias!r} cannot read the source: {error}. "
                f"Check {self.source_given_by}."
            ) from error
        except sqlite3.DatabaseError as error:
            raise SourceError(
                f"Database {self.connection.alias!r} cannot be read: {error}. "
                "Check that its NAME in DATABASES is a SQLite file."
            ) from error

    def _shared_alias(self, name: str) -> str | None:
        """Return the alias over which to read a file that the run writes, or a database in memory."""
        if _in_memory(name):
            return self.connection.alias
        same = (alias for alias in self.written if _is_file(connections[alias], Path(name)))
        return next(same, None)

    def _fetch_bytes(self, cursor: sqlite3.Cursor, size: int) -> list[tuple[Any, ...]]:
        """Fetch rows with text as bytes: Arrow checks UTF-8 for a whole column at once."""
        usual = self.database.text_factory
        self.database.text_factory = bytes
        try:
            with STEPPING:
                return cursor.fetchmany(size)
        finally:
            self.database.text_factory = usual

    def _row_id(self, relation: Relation, names: list[str]) -> str | None:
        """Name the row id, where the table has one under a name that no column took."""
        taken = {name.lower() for name in names}
        for name in ("rowid", "_rowid_", "oid"):
            if name in taken:
                continue
            try:
                self.database.execute(f"SELECT {name} FROM {relation.sql} LIMIT 0")
            except sqlite3.OperationalError:  # a view, or a table WITHOUT ROWID
                return None
            is_view = self.fetch(
                "SELECT 1 FROM sqlite_master WHERE type = 'view' AND lower(name) = lower(?)",
                (relation.table,),
            )
            return None if is_view else name
        return None


def _connect(address: str) -> sqlite3.Connection:
    """Open a file by its address; statements commit by themselves, and any one thread may read."""
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _affinity(declared: str) -> pa.DataType:
    """Return the type that a declaration gives a column by SQLite's rules (datatype3.html, 3.1).

    A number with decimal places is a float here, though SQLite stores those without a fraction as whole.
    """
    words = declared.upper()
    if "INT" in words:
        return pa.int64()
    if "BLOB" in words:
        return pa.binary()
    if any(word in words for word in ("REAL", "FLOA", "DOUB")) or HAS_PLACES.search(words):
        return pa.float64()
    return pa.string()


def _column(values: list[Any], declared: pa.DataType) -> pa.Array:
    """Make one column of values that may be of any type, whatever was declared.

    What a value becomes must not depend on its neighbours in the batch: where no one type leaves them all
    as they are, each becomes its own text.
    """
    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return array_from_values([_decoded(value) for value in values])
    if pa.types.is_null(column.type):
        return column.cast(declared)
    if pa.types.is_binary(column.type) and not pa.types.is_binary(declared):
        return _text(column, values)
    if pa.types.is_floating(declared) and not any(_is_too_large(value) for value in values):
        return column.cast(declared) if pa.types.is_integer(column.type) else column
    if pa.types.is_floating(column.type) and any(isinstance(value, int) for value in values):
        return pa.array([None if value is None else str(value) for value in values])
    return column


def _is_too_large(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > EXACT_FLOAT


def _text(column: pa.Array, values: list[Any]) -> pa.Array:
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([_decoded(value) for value in values], pa.string())


def _decoded(value: Any) -> Any:
    """Decode text. What is not UTF-8 was most likely written by an old Windows program."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", "backslashreplace")


def _in_memory(name: str) -> bool:
    return name == ":memory:" or "mode=memory" in name


def _is_file(connection: BaseDatabaseWrapper, path: Path) -> bool:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or _in_memory(name):
        return False
    return path.exists() and Path(name).exists() and path.samefile(name)
