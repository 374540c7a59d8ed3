"""What can be told of a legacy source without reading its rows: enough to see that it has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from ..exceptions import SourceError, nearest
from ..transformer import Transformer
from .plan import make_plan
from .sources import Reader, configured, make_reader

TransformerClass = type[Transformer]
Registry = Mapping[str, TransformerClass]


@dataclass(frozen=True, slots=True)
class Glance:
    """A source at one moment."""

    figures: dict[str, str | int | None]
    """The watermark's maximum, or the number of rows and the highest key; as JSON can hold them."""
    changed_at: dt.datetime | None = None
    """When it changed last, where a watermark says so."""

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {'none' if value is None else value}" for name, value in self.figures.items()
        )


def glance_at(readers: Sequence[TransformerClass], registry: Registry) -> Glance:
    """Look at the one source that these transformers read.

    Where each has a watermark, its maximum is all that is asked for: an index answers that at once. Otherwise
    the rows are counted, and the highest key is asked for too. That misses changes of rows that stay.

    Raises:
        SourceError: the source or a watermark's column is not there.
        ConfigurationError: its database is not configured.
    """
    meta = readers[0]._meta
    with make_reader(configured(meta.database, meta.label), meta.source) as reader:
        reader.open((), ())
        watermarks = _watermarks(readers, reader)
        highest = {name: _highest(reader, name) for name in watermarks}
        figures: dict[str, str | int | None] = {
            f"highest {name}": _text(one) for name, one in highest.items()
        }
        if not all(one._meta.watermark for one in readers):
            figures["rows"] = reader.count()
            keys = reader.unique_key or make_plan(readers[0], registry).key_columns
            for name in keys:
                if name in reader.columns:
                    figures[f"highest {name}"] = _text(_highest(reader, name))
    times = [moment for moment in map(_moment, highest.values()) if moment is not None]
    return Glance(figures, max(times, default=None))


def _watermarks(readers: Sequence[TransformerClass], reader: Reader) -> list[str]:
    names = list(dict.fromkeys(one._meta.watermark for one in readers if one._meta.watermark))
    for name in names:
        if name not in reader.columns:
            meta = readers[0]._meta
            raise SourceError(
                f"{meta.source_label!r} in database {meta.database!r} has no column {name!r}, the watermark "
                f"of {meta.name!r}.{nearest(name, reader.columns)} Check Meta.watermark."
            )
    return names


def _highest(reader: Reader, column: str) -> Any:
    """Read the highest value of any type that has an order: MAX does not take them all."""
    quoted = reader.quote(column)
    limit = reader.connection.ops.limit_offset_sql(0, 1)
    sql = (
        f"SELECT {reader.selected(column)} FROM {reader.relation.sql}"
        f" WHERE {quoted} IS NOT NULL ORDER BY {quoted} DESC {limit}"
    )
    rows = reader.fetch(sql, reader.relation.parameters)
    return rows[0][0] if rows else None


def _text(value: Any) -> str | int | None:
    if value is None or isinstance(value, int):
        return value
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _moment(value: Any) -> dt.datetime | None:
    """Read a watermark as a time, where it is one; a time without an offset is in the project's zone."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if not isinstance(value, dt.datetime):
        return None
    return timezone.make_aware(value) if timezone.is_naive(value) else value
