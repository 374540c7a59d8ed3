"""Reading only what is new: which rows a run reads by their watermark, and what it leaves for the next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import pyarrow as pa
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from ..exceptions import ConfigurationError
from ..models import Reject, Watermark
from .claims import keys_cannot_repeat
from .evaluate import written
from .options import RunOptions
from .owners import KnownOwners, NewOwners, NoOwners, Owners, OwnerTable
from .plan import Plan
from .sources import Reader
from .sources.changes import Changes, Condition, Key
from .watermarks import Kind, NoWatermark, Overlap, beginning, comparable, default_overlap, newest


@dataclass(frozen=True, slots=True)
class Window:
    """Which watermarks a run reads. One that goes on after another keeps to the window of that one."""

    kind: Kind
    since: str | None = None
    """Where it begins; None for everything."""
    until: str | None = None
    """The largest in the snapshot; None where no row has any."""

    def as_json(self) -> list[str | None]:
        return [self.kind, self.since, self.until]

    @classmethod
    def from_json(cls, kept: list[Any]) -> Window:
        return cls(*kept)


class Everything:
    """A run of a transformer without a watermark."""

    window: Window | None = None
    source_rows: int | None = None

    def notes(self, expected: int) -> list[str]:
        """Say how much is read, where it is not everything, or why it is."""
        return []

    def finish(self) -> None: ...

    def owners(self, *, hides_key: bool) -> Owners:
        return NoOwners()


class Increment(Everything):
    """A run of a transformer with one."""

    def __init__(
        self,
        plan: Plan,
        reader: Reader,
        options: RunOptions,
        run_id: str,
        goes_on_with: list[Any] | None,
    ) -> None:
        """Decide which rows to read, and tell the reader.

        Args:
            goes_on_with: the window of an unfinished run that this one continues.

        Raises:
            SourceError: the column is not there, or has no order.
            ConfigurationError: the target lacks the tables, or the overlap is no span of this watermark.
        """
        self.plan = plan
        self.reader = reader
        self.options = options
        self.run_id = run_id
        self._why: str | None = None
        self._using = plan.meta.using
        self._column = cast(str, plan.meta.watermark)
        self._require_tables()
        self._kept = Watermark.objects.using(self._using).filter(transformer=plan.meta.name)
        self._owners = OwnerTable(self._using, plan.meta.name)
        self._changes: Changes = reader.changes(reader, self._column)
        self.window = Window.from_json(goes_on_with) if goes_on_with else self._window()
        if self.window.since is not None:
            self.source_rows = reader.count()
            reader.only = self._choice(self.window.kind, self.window.since)
        elif not goes_on_with:
            self._forget()

    def notes(self, expected: int) -> list[str]:
        assert self.window is not None
        if self.source_rows is not None:
            rows = f"{expected} of {self.source_rows}"
            return [f"Reading the rows changed since {self.window.since} ({rows})"]
        if self._why is not None:
            return [f"Reading all rows of {self.plan.meta.source_label}: {self._why}"]
        return []

    def finish(self) -> None:
        """Keep the watermark: everything up to it has been read."""
        assert self.window is not None
        if self.options.dry_run:
            return
        if self.window.until is None:
            self._kept.delete()
            return
        kept = {"source": self._identity(self.window.kind), "value": self.window.until, "run_id": self.run_id}
        Watermark.objects.using(self._using).update_or_create(transformer=self.plan.meta.name, defaults=kept)

    def owners(self, *, hides_key: bool) -> Owners:
        """Return who knows which source rows have the keys."""
        if keys_cannot_repeat(self.plan, self.reader):
            return NoOwners()
        assert self.window is not None
        if self.window.since is not None:
            return KnownOwners(self._owners, self.reader.unique_key, hides_key=hides_key)
        if self.options.dry_run:
            return NoOwners()  # nobody comes after it
        return NewOwners(self._owners, self.reader.unique_key, hides_key=hides_key)

    # Where to begin

    def _window(self) -> Window:
        kind, until = self._newest()
        if until is not None:
            self._beginning(kind, until)  # a wrong overlap is told of now, and not by the next run
        return Window(kind, self._since(kind, until), until)

    def _newest(self) -> tuple[Kind, str | None]:
        """Return the largest watermark of the snapshot; of the kinds that a column mixes, of the first."""
        now = timezone.now().astimezone(dt.UTC).replace(tzinfo=None)
        kinds = self._changes.kinds()
        refused: NoWatermark | None = None
        for kind in kinds:
            try:
                found = newest(kind, lambda below, kind=kind: self._changes.largest(kind, below), now)  # type: ignore[misc]
            except NoWatermark as error:
                refused = error
                continue
            if found is not None:
                return kind, found
        if refused is not None:
            raise self._changes.unordered(f"holds values such as {refused.args[0]!r}") from refused
        return kinds[0], None

    def _since(self, kind: Kind, until: str | None) -> str | None:
        """Return where to begin, or None to read everything."""
        kept = self._kept.first()
        if kept is None or self.options.full:
            return None
        self._why = self._why_everything(kept, kind, until)
        return self._beginning(kind, kept.value) if self._why is None else None

    def _why_everything(self, kept: Watermark, kind: Kind, until: str | None) -> str | None:
        """Say why what is new cannot be told from what is not, or return None where it can."""
        if kept.source != self._identity(kind):
            return "its source, watermark, key or model is not that of the last run"
        if not self.plan.model._base_manager.using(self._using).exists():
            return "the target is empty"
        since = self._beginning(kind, kept.value)
        if until is None or _is_before(kind, until, since):
            return f"its largest {self._column} is below {since}, as if it had been put back"
        if not self._names:
            return "its rows cannot be asked for by a key"
        if self._rejected is None:
            return f"more than {self._changes.names_at_most} rows have open rejects"
        return None

    def _beginning(self, kind: Kind, value: str) -> str:
        overlap: Overlap | None = self.plan.meta.watermark_overlap
        try:
            return beginning(kind, value, default_overlap(kind, value) if overlap is None else overlap)
        except TypeError as error:
            wanted = "a number" if kind == "number" else "a datetime.timedelta"
            raise ConfigurationError(
                f"{self.plan.meta.label} has watermark_overlap {overlap!r}, and {self._column!r} holds "
                f"values such as {value}: write {wanted}."
            ) from error

    def _identity(self, kind: Kind) -> list[Any]:
        """Say what a watermark, and the owners of keys, hold for."""
        meta = self.plan.meta
        key = [
            [one.name, *one.expression.source_columns, *map(written, one.expression.steps)]
            for one in self.plan.keys
        ]
        return [meta.database, meta.source_label, self._column, kind, meta.model._meta.label, key]

    def _forget(self) -> None:
        """Before everything is read anew: what was before does not hold, also if this run is cut off."""
        if not self.options.dry_run:
            with transaction.atomic(self._using):
                self._kept.delete()
                self._owners.clear()

    def _require_tables(self) -> None:
        alias = self._using
        if alias == DEFAULT_DB_ALIAS:
            return
        if Watermark._meta.db_table not in connections[alias].introspection.table_names():
            raise ConfigurationError(
                f"Database {alias!r} has no table for watermarks, which {self.plan.meta.label} needs: "
                f"run manage.py migrate etl_assets --database {alias}."
            )

    # Which rows

    @property
    def _names(self) -> tuple[str, ...]:
        """Columns that name a source row, as a reject has kept it; nothing where none do."""
        names = self.reader.unique_key or self.plan.key_columns
        types = [self.reader.columns.get(name) for name in names]
        return () if None in types or any(map(pa.types.is_binary, types)) else names

    def _choice(self, kind: Kind, since: str) -> Condition | None:
        """Choose what has changed and what was rejected; without a primary key, what is like it too."""
        if self._rejected is None:
            return None
        changed = self._changes.since(kind, since)
        chosen = [changed]
        if self._rejected:
            chosen.append(self._changes.among(self._names, self._rejected))
        if not self.reader.unique_key:
            chosen.append(self._changes.alike(self._names, changed))
        if not self.reader.unique_key or not self.reader.key_is_typed:
            chosen.append(self._changes.nameless(self._names))
        return " OR ".join(f"({sql})" for sql, _ in chosen), [one for _, given in chosen for one in given]

    @cached_property
    def _rejected(self) -> list[Key] | None:
        """The names of the rows that have open rejects, or None where they are too many."""
        open_ones = Reject.objects.using(DEFAULT_DB_ALIAS).filter(
            transformer=self.plan.meta.name, resolved_run__isnull=True
        )
        values = [KeyTextTransform(name, "raw") for name in self._names]
        found: dict[Key, None] = {}
        for key in open_ones.values_list(*values).iterator():
            if None not in key:  # the others are found as those that no list can name
                found[key] = None
            if len(found) > self._changes.names_at_most:
                return None
        return list(found)


def increment_of(
    plan: Plan,
    reader: Reader,
    options: RunOptions,
    run_id: str,
    goes_on_with: list[Any] | None,
) -> Everything:
    """Decide how much of its source a run of a transformer reads."""
    if plan.meta.watermark is None:
        return Everything()
    return Increment(plan, reader, options, run_id, goes_on_with)


def _is_before(kind: Kind, value: str, since: str) -> bool:
    first, second = comparable(kind, value), comparable(kind, since)
    assert first is not None
    assert second is not None
    return bool(first < second)  # type: ignore[operator]
