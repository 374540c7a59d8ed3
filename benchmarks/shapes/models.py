"""Targets of the shapes, all of them with a key of their own and nothing else to keep up."""

from __future__ import annotations

from typing import Any

from django.db import models

from .tables import COLUMNS, names_of

FIELDS: dict[str, Any] = {
    "text": lambda: models.CharField(max_length=100),
    "number": models.IntegerField,
    "day": models.DateField,
}


def _model(columns: int) -> type[models.Model]:
    meta = type("Meta", (), {"db_table": f"shape_{columns}"})
    fields = {"key": models.IntegerField(primary_key=True)}
    fields |= {name: FIELDS[kind]() for name, kind in names_of(columns).items()}
    return type(f"Shape{columns}", (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


Shape5, Shape15, Shape60 = map(_model, COLUMNS)


class Wide(models.Model):
    key = models.IntegerField(primary_key=True)
    text = models.TextField()

    class Meta:
        db_table = "shape_wide"

    def __str__(self) -> str:
        return str(self.key)


class Narrow(models.Model):
    key = models.IntegerField(primary_key=True)
    number = models.IntegerField()

    class Meta:
        db_table = "shape_narrow"

    def __str__(self) -> str:
        return str(self.key)
