"""How far a run without rollback came, kept in the target database with the rows themselves."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from ..exceptions import ConfigurationError
from ..models import Checkpoint, ClaimedKey
from .plan import Plan
from .sources import Position, Reader


class Checkpoints:
    """The checkpoint of one transformer."""

    def __init__(self, plan: Plan, reader: Reader, run_id: str) -> None:
        self.name = plan.meta.name
        self.using = plan.meta.using
        self.reader = reader
        self.run_id = run_id
        self.reading_order = [plan.meta.database, plan.meta.source_label, *map(str, reader.order)]
        if plan.meta.watermark is not None:
            self.reading_order.append(f"by {plan.meta.watermark}")
        self.window: list[Any] | None = None
        """Which watermarks the run reads that began; see `incremental.Window`."""
        self._rows = Checkpoint.objects.using(self.using).filter(transformer=self.name)

    def is_possible(self) -> bool:
        """Tell whether the target has the table. In `default` it has, or nothing works."""
        if self.using == DEFAULT_DB_ALIAS:
            return True
        return Checkpoint._meta.db_table in connections[self.using].introspection.table_names()

    def require(self) -> None:
        """Refuse to go on where no checkpoint can be kept.

        Raises:
            ConfigurationError: the target database lacks the table.
        """
        if not self.is_possible():
            raise ConfigurationError(
                f"Database {self.using!r} has no table for checkpoints, which a run without rollback needs: "
                f"run manage.py migrate etl_assets --database {self.using}."
            )

    def last(self) -> tuple[Position, int] | None:
        """Return where the last run stopped and how many rows that was, if one can go on from there."""
        if not self.is_possible():
            return None
        last = self._rows.first()
        if last is None or last.reading_order != self.reading_order or not self.reader.is_resumable:
            return None
        self.window = last.window
        return last.position, last.rows_read

    def save(self, position: Position, rows_read: int) -> None:
        """Move the checkpoint; it commits with the batch."""
        Checkpoint.objects.using(self.using).update_or_create(
            transformer=self.name,
            defaults={
                "reading_order": self.reading_order,
                "position": position,
                "rows_read": rows_read,
                "window": self.window,
                "run_id": self.run_id,
            },
        )

    def clear(self) -> None:
        """Forget checkpoint and claims: the source has been read to its end, or shall be read anew."""
        if self.is_possible():
            self._rows.delete()
            ClaimedKey.objects.using(self.using).filter(transformer=self.name).delete()
