"""A tiny legacy database and its transformers: places <- visitors <- badges, and documents by themselves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections

from etl_assets import Transformer, col, key, link
from etl_assets.registry import Registry
from tests.targets import models

Trouble = Callable[[], Any]
TROUBLE: dict[str, Trouble] = {}
"""What happens when a transformer gets its first rows, by its name."""


class Troubled(Transformer):
    def prepare(self, rows):
        name = self._meta.name
        if os.environ.get("ETL_TEST_KILLED_IN") == name:
            os.kill(os.getpid(), signal.SIGKILL)
        TROUBLE.get(name, lambda: None)()
        return rows


class PlaceTransformer(Troubled):
    """Where people go.

    Two lines about it.
    """

    class Meta:
        source = "old_places"
        model = models.Place
        group = "town"
        owners = ("team:town-hall", "clerk@example.org")
        tags = {"tier": "gold"}

    legacy_id = key("id")
    code = col("code")
    name = col("name")


class VisitorTransformer(Troubled):
    class Meta:
        source = "old_visitors"
        model = models.Visitor

    legacy_id = key("id")
    place = link("places", "place_id")


class BadgeTransformer(Troubled):
    class Meta:
        source = "old_badges"
        model = models.Badge
        after = ("documents",)

    legacy_id = key("id")
    visitor = link("visitors", "visitor_id")


class DocumentTransformer(Troubled):
    class Meta:
        source = "old_documents"
        model = models.Document

    legacy_id = key("id")
    title = col("title")


REGISTRY = Registry([PlaceTransformer, VisitorTransformer, BadgeTransformer, DocumentTransformer])

ROWS: dict[str, tuple[str, list[tuple]]] = {
    "old_places": (
        "id integer primary key, code varchar(30), name varchar(30)",
        # The third code is longer than the new one may be.
        [(1, "A", "Abbey"), (2, "B", "Bridge"), (3, "CASTLE-HILL", "Castle"), (4, "D", "Dock")],
    ),
    "old_visitors": (
        "id integer primary key, place_id integer",
        # The last one went to the place that is not loaded.
        [(10, 1), (11, 2), (12, 4), (13, 3)],
    ),
    "old_badges": ("id integer primary key, visitor_id integer", [(100, 10), (101, 12)]),
    "old_documents": ("id integer primary key, title varchar(30)", [(7, "Deed"), (8, "Will")]),
}


def make_legacy() -> None:
    """Write the legacy tables into the database `legacy`."""
    with connections["legacy"].cursor() as cursor:
        for table, (columns, rows) in ROWS.items():
            cursor.execute(f"CREATE TABLE {table} ({columns})")
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
