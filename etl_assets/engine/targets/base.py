"""What a target database has to be able to do for one model: stage rows, compare them, write them."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CheckConstraint, F, Field, UniqueConstraint

from ..batch import Positions
from ..collation import Fold, fold_of, folded
from ..fields import arrow_type, read_as
from ..frames import array_from_values
from ..kinds import column_of, is_text
from ..plan import Plan
from ..verbs import Context

Packed = Any
"""Rows as a database's driver takes them."""

ROW = "etl_row"
"""Staging column with a row's position in its batch."""


@dataclass
class Matches:
    """What the target has of a batch already: all that is neither new nor changed."""

    new: Positions
    """Staged rows whose keys the target has not."""
    changed: Positions
    """Those of which any mapped column is different in the target, each once."""
    pks: list[Any]
    """The primary keys of the target's rows that they differ from."""
    ambiguous: set[int] = dataclasses.field(default_factory=set)
    """Rows whose key several target rows have."""

    @classmethod
    def of(cls, found: Sequence[tuple[int, Any]], ambiguous: Collection[int] = ()) -> Matches:
        """Take (row, primary key) of each row that differs, and (row, None) of each that is new."""
        changed = dict(reversed([one for one in found if one[1] is not None]))  # the first of several
        new = [row for row, pk in found if pk is None]
        rows = sorted(changed)
        return cls(
            np.array(sorted(new), dtype=np.int64),
            np.array(rows, dtype=np.int64),
            [changed[row] for row in rows],
            set(ambiguous),
        )

    @cached_property
    def changed_by_pk(self) -> Mapping[Any, Sequence[int]]:
        """Primary key -> staged rows that differ from its row."""
        found: dict[Any, list[int]] = {}
        for row, pk in zip(self.changed.tolist(), self.pks, strict=True):
            found.setdefault(pk, []).append(row)
        return found


@dataclass(frozen=True, slots=True)
class Part:
    """An index or a constraint, which can be dropped and made anew in one transaction."""

    name: str
    drop: str
    create: str


@dataclass(frozen=True, slots=True)
class UniqueSet:
    """Values that no two rows of the target may share."""

    code: str
    field: str
    """The field where it is one, else ''."""
    fields: tuple[str, ...]
    constraint: UniqueConstraint | None = None
    """Where it has a condition, expressions, or counts nulls as equal."""

    @property
    def looks_at(self) -> set[str]:
        """Names of all fields that decide whether rows clash."""
        names = set(self.fields)
        if self.constraint is not None:
            for expression in self.constraint.expressions:
                parts = expression.flatten()  # type: ignore[union-attr]
                names |= {part.name for part in parts if isinstance(part, F)}  # type: ignore[attr-defined]
            if self.constraint.condition is not None:
                names |= self.constraint.condition.referenced_base_fields
        return names


@dataclass(frozen=True, slots=True)
class Clash:
    """A staged row that wants values which another row has."""

    row: int
    values: tuple[Any, ...]
    owner: Any
    """Primary key of the target row that has them; None where only rows of the batch want them."""
    identity: tuple[Any, ...] = ()
    """The values as the database compares them, where that is not by their own texts."""

    @property
    def wanted(self) -> tuple[Any, ...]:
        """What two rows have in common that want the same."""
        return self.identity or self.values


class Target(ABC):
    """One model's table in one database, for the length of one run.

    Staged rows go by their position in the batch, which is also their reading order.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, plan: Plan, context: Context, now: datetime, dry_run: bool
    ) -> None:
        self.connection = connection
        self.plan = plan
        self.meta = plan.model._meta
        self.context = context
        self.now = now
        self.dry_run = dry_run

    # What differs by database

    @abstractmethod
    def open(self) -> None:
        """Make what `stage` needs, and let deferred constraints speak at each statement."""

    @abstractmethod
    def close(self) -> None:
        """Remove what `open` made."""

    def pack(self, rows: pa.Table) -> Packed:
        """Bring rows, `ROW` and a column for each of `staged_fields`, into the form that `stage` takes.

        Needs no connection, so another thread may do it.
        """
        return rows

    def clear(self) -> None:  # noqa: B027 - not every target keeps them
        """Forget the rows that are staged; called before each `stage`, outside its savepoint."""

    @abstractmethod
    def stage(self, packed: Packed) -> None:
        """Take the rows of a batch."""

    can_append: bool = False
    """Is there a shorter way than staging, for rows that are known to have new keys and unique values?"""

    def pack_new(self, rows: pa.Table) -> Packed:
        """Bring such rows into the form that `append` takes."""
        raise NotImplementedError

    def reserve(self, rows: int) -> None:  # noqa: B027 - not every database gives keys out beforehand
        """Have keys ready for so many new rows more, which another thread may then pack."""

    def append(self, packed: Packed) -> int:
        """Create them, and return how many were."""
        raise NotImplementedError

    can_rebuild: bool = False
    """Can indexes be dropped so that a rollback brings them back?"""

    def set_aside(self) -> list[Part]:
        """Drop what each new row would cost time in, and what may be made anew when all of them are there.

        That is indexes, save those that refuse rows, and foreign keys whose values were looked up.

        Raises:
            TargetBusy: somebody else uses the table.
            ConfigurationError: the table belongs to somebody else.
        """
        raise NotImplementedError

    def put_back(self, parts: Sequence[Part]) -> None:
        """Make them anew, for the rows that are there now."""
        raise NotImplementedError

    @abstractmethod
    def match(self) -> Matches:
        """Look the staged rows up by key."""

    @abstractmethod
    def failing(self, constraint: CheckConstraint) -> list[int]:
        """Return the staged rows that a check constraint would refuse."""

    @abstractmethod
    def clashes(self, unique: UniqueSet, rows: Positions) -> list[Clash]:
        """Return those of the rows whose values another of them, or another target row, has."""

    @abstractmethod
    def insert(self, chosen: Positions) -> int:
        """Create these rows, in reading order, and return how many were."""

    @abstractmethod
    def update(self, chosen: Positions) -> int:
        """Write the mapped columns of these rows over those with their keys; return how many were."""

    @abstractmethod
    def advance_sequence(self) -> None:
        """Move the primary key's sequence past the largest key, never back."""

    @abstractmethod
    def verify(self) -> None:
        """Let constraints speak that would otherwise wait for the commit, which a dry run never sees.

        Raises:
            django.db.IntegrityError: one is violated.
        """

    # What does not

    def is_empty(self) -> bool:
        """Tell whether the target table has no rows."""
        return not self.plan.model._base_manager.using(self.connection.alias).exists()

    def count(self) -> int:
        """Count the rows of the target table."""
        return self.plan.model._base_manager.using(self.connection.alias).count()

    @property
    def pk(self) -> Field[Any, Any]:
        return self.meta.pk

    @cached_property
    def pk_is_drawn(self) -> bool:
        """Tell whether the database draws primary keys itself."""
        return isinstance(self.pk, models.AutoField) and self.pk.name not in self.plan.fields

    @cached_property
    def mapped(self) -> list[Field[Any, Any]]:
        return [plan.field for plan in self.plan.fields.values()]

    @cached_property
    def keys(self) -> list[Field[Any, Any]]:
        return [plan.field for plan in self.plan.keys]

    @cached_property
    def compared(self) -> list[Field[Any, Any]]:
        """Mapped fields that may differ where the key is the same."""
        return [field for field in self.mapped if field not in self.keys]

    @cached_property
    def unmapped(self) -> list[Field[Any, Any]]:
        """Fields that are filled when a row is created; the database fills those with `db_default`."""
        return [
            field
            for field in self.meta.concrete_fields
            if field.name not in self.plan.fields
            and not (field is self.pk and self.pk_is_drawn)
            and not field.generated
            and not field.has_db_default()
        ]

    @cached_property
    def filled_by_database(self) -> list[Field[Any, Any]]:
        """Fields that the database fills by itself: from `db_default`, then generated from others."""
        left = [field for field in self.meta.concrete_fields if field.name not in self.plan.fields]
        return [field for field in left if field.has_db_default()] + [
            field for field in left if field.generated
        ]

    @cached_property
    def touched(self) -> list[Field[Any, Any]]:
        """Unmapped `auto_now` fields, which an update sets too."""
        return [field for field in self.unmapped if getattr(field, "auto_now", False)]

    @property
    def staged_fields(self) -> list[Field[Any, Any]]:
        return [*self.mapped, *self.unmapped]

    def table_of(self, positions: pa.Array, columns: dict[str, pa.Array]) -> pa.Table:
        """Return the mapped columns with defaults beside them, ready to be staged."""
        rows = len(positions)
        arrays = {ROW: positions}
        arrays |= {column_of(field): columns[field.name] for field in self.mapped}
        arrays |= {column_of(field): self._default(field, rows) for field in self.unmapped}
        return pa.table(arrays)

    def _default(self, field: Field[Any, Any], rows: int) -> pa.Array:
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            return pa.repeat(pa.scalar(self._moment(field), arrow_type(field)), rows)
        if field.has_default():
            values = [field.get_default() for _ in range(rows)]  # a callable gives each row its own
        else:
            values = ["" if is_text(field) and not field.null else None] * rows
        return read_as(field, array_from_values(values), self.context).values

    def _moment(self, field: Field[Any, Any]) -> Any:
        local = self.now.astimezone(self.context.time_zone)
        if isinstance(field, models.DateTimeField):
            return self.now if arrow_type(field).tz else local.replace(tzinfo=None)
        return local.date() if isinstance(field, models.DateField) else local.time()

    def folded(self, columns: Mapping[str, pa.Array]) -> Mapping[str, pa.Array]:
        """Return the key's columns, with one text in place of all that the database takes for it."""
        found = dict(columns)
        for field, fold in self._key_folds.items():
            found[field.name] = pa.array(folded(fold, columns[field.name].to_pylist()), pa.string())
        return found

    @cached_property
    def _key_folds(self) -> dict[Field[Any, Any], Fold]:
        folds = {field: fold_of(self.connection, field) for field in self.keys}
        return {field: fold for field, fold in folds.items() if fold is not None}

    @cached_property
    def checks(self) -> list[CheckConstraint]:
        return [
            one
            for one in self.meta.constraints
            if isinstance(one, CheckConstraint)
            and not self._waits_for_pk(one.condition.referenced_base_fields)  # type: ignore[union-attr]
        ]

    @cached_property
    def unique_sets(self) -> list[UniqueSet]:
        """All that must be unique, save the key: rows with one key are one row."""
        key = {field.name for field in self.keys}
        return [
            one
            for one in self._unique_sets()
            if (one.constraint or set(one.fields) != key) and not self._waits_for_pk(one.looks_at)
        ]

    def _waits_for_pk(self, names: Collection[str]) -> bool:
        """Tell whether a constraint looks at a key that is not drawn yet: that is left to the database."""
        return self.pk_is_drawn and not {"pk", self.pk.name}.isdisjoint(names)

    def _unique_sets(self) -> Iterator[UniqueSet]:
        for field in self.meta.concrete_fields:
            if field.unique and not (field is self.pk and self.pk_is_drawn):
                yield UniqueSet("unique", field.name, (field.name,))
        for names in self.meta.unique_together:
            yield UniqueSet("unique_together", "", tuple(names))
        for one in self.meta.constraints:
            if not isinstance(one, UniqueConstraint):
                continue
            plain = not one.condition and not one.expressions and one.nulls_distinct is not False
            if plain and len(one.fields) == 1:
                yield UniqueSet("unique", one.fields[0], tuple(one.fields))
            else:
                yield UniqueSet(one.name, "", tuple(one.fields), None if plain else one)
