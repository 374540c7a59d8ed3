from __future__ import annotations

from etl_assets import Transformer, col, key

from .models import MODELS, Small


def transformer_of(model: type[Small]) -> type[Transformer]:
    name = model.__name__.lower()
    meta = type("Meta", (), {"source": name, "model": model, "name": name})
    columns = {"key": key("key"), "name": col("name").collapse_spaces().title()}
    return type(
        f"{model.__name__}Transformer", (Transformer,), {"__module__": __name__, "Meta": meta, **columns}
    )


globals().update({made.__name__: made for made in map(transformer_of, MODELS)})
