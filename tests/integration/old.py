"""A legacy table `old`, its transformer, and ways to run it, for the tests of the semantics."""

from __future__ import annotations

from typing import Any

import pytest

from etl_assets import Transformer, col, key
from etl_assets.engine.options import RunOptions
from etl_assets.engine.pipeline import run_transformer
from etl_assets.engine.report import TransformerReport
from etl_assets.registry import Registry
from tests.legacy import (
    make_table,
    new_run_id,
)
from tests.targets.models import (
    Plain,
)

FAST = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
FROM_EACH = pytest.mark.parametrize(
    "pair", [("sqlite", "sqlite"), ("postgresql", "sqlite")], indirect=True, ids=["sqlite", "postgresql"]
)
TO_EACH = pytest.mark.parametrize(
    "pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True, ids=["sqlite", "postgresql"]
)


OLD = {"id": "varchar(20)", "name": "varchar(20)", "value": "integer"}


def old(*rows: tuple[Any, ...], using: str = "legacy", primary_key: str | None = "id") -> None:
    make_table("old", OLD, rows, primary_key=primary_key, using=using)


class Plains(Transformer):
    class Meta:
        source = "old"
        model = Plain
        name = "plains"

    legacy_id = key("id")
    name = col("name")
    value = col("value")


class Listener:
    """Keeps what a run says of itself."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.batches: list[int] = []
        self.rows: int | None = None

    def started(self, report: TransformerReport, source: str, rows: int) -> None:
        self.rows = rows

    def note(self, report: TransformerReport, message: str) -> None:
        self.notes.append(message)

    def batch(self, report: TransformerReport, number: int, rows: int) -> None:
        self.batches.append(rows)

    def finished(self, report: TransformerReport) -> None: ...


def listened(transformer: type[Transformer], **options: Any) -> Listener:
    listener = Listener()
    report = run_transformer(
        transformer, Registry([transformer]), RunOptions(**options), run_id=new_run_id(), progress=listener
    )
    assert report.error is None
    return listener


def cut_off(base: type[Transformer], batch: int) -> type[Transformer]:
    """The transformer, which fails in its nth batch."""
    seen: list[int] = []

    class Cut(base):  # type: ignore[valid-type, misc]
        class Meta(base.Meta):  # type: ignore[name-defined, misc]
            pass

        def transform(self, rows):
            seen.append(len(rows))
            if len(seen) == batch:
                raise RuntimeError("cut off")
            return rows

    return Cut
