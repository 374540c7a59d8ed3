"""The shape that is measured, named by BENCH_SHAPE: the legacy database holds only its table."""

from __future__ import annotations

import os
from typing import Any

from etl_assets import Transformer, col, key

from . import models
from .tables import names_of


def verbs(name: str, kind: str) -> Any:
    if kind == "text":
        return col(name).collapse_spaces().title()
    return col(name) if kind == "number" else col(name).date("%d/%m/%Y")


def columns_transformer(columns: int) -> type[Transformer]:
    meta = type("Meta", (), {"source": f"shape_{columns}", "model": getattr(models, f"Shape{columns}")})
    fields = {name: verbs(name, kind) for name, kind in names_of(columns).items()}
    named = {"__module__": __name__, "Meta": meta, "key": key("key"), **fields}
    return type(f"Shape{columns}Transformer", (Transformer,), named)


shape = os.environ["BENCH_SHAPE"]

if shape == "wide":

    class WideTransformer(Transformer):
        class Meta:
            source = "shape_wide"
            model = models.Wide

        key = key("key")
        text = col("text").strip()

elif shape == "narrow":

    class NarrowTransformer(Transformer):
        class Meta:
            source = "shape_narrow"
            model = models.Narrow

        key = key("key")
        number = col("number")

else:
    ColumnsTransformer = columns_transformer(int(shape))
