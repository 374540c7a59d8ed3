"""Rejects as a file that is sent while it is read, however many there are."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from . import conf, spreadsheet
from .models import Reject

AT_ONCE = 2_000
"""Rejects that are read at a time: no lock and no cursor is held while somebody downloads."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""


def rejects_as_csv(request: HttpRequest, rejects: QuerySet[Reject]) -> StreamingHttpResponse:
    """Answer with the columns that `--rejects` writes, then the runs that met the row last and loaded it."""
    parts = _csv(rejects)
    return StreamingHttpResponse(
        # An asynchronous server would first collect all that comes from an ordinary iterator.
        _one_by_one(parts) if isinstance(request, ASGIRequest) else parts,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="rejects.csv"'},
    )


def _csv(rejects: QuerySet[Reject]) -> Iterator[str]:
    sensitive = frozenset(conf.load().sensitive_columns)
    yield BYTE_ORDER_MARK + _lines([(*spreadsheet.COLUMNS, "run", "resolved_run")])
    for chunk in _chunks(rejects.order_by("pk").select_related("run", "resolved_run")):
        yield _lines(_cells(reject, sensitive) for reject in chunk)


def _cells(reject: Reject, sensitive: frozenset[str]) -> list[str]:
    texts = (reject.transformer, reject.legacy_key, reject.field, reject.code, reject.reason)
    loaded = reject.resolved_run
    return [
        *spreadsheet.cells(*texts, raw=reject.raw, sensitive=sensitive),
        reject.run.run_id,
        loaded.run_id if loaded else "",
    ]


def _chunks(rejects: QuerySet[Reject]) -> Iterator[list[Reject]]:
    last = 0
    while chunk := list(rejects.filter(pk__gt=last)[:AT_ONCE]):
        yield chunk
        last = chunk[-1].pk


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


async def _one_by_one(parts: Iterator[str]) -> AsyncIterator[str]:
    while part := await sync_to_async(lambda: next(parts, ""))():
        yield part
