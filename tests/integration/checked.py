"""What the tests of checks share: transformers, legacy rows, and ways to break what a run has loaded."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

from etl_assets import Transformer, col, key, link, rule
from etl_assets.engine.checks import CheckResult
from etl_assets.engine.report import TransformerReport
from tests.integration.promised import Places, Visitors
from tests.legacy import make_table
from tests.targets.models import Pairwise, Percented, Plain

PLACES = [(1, "a", "Abbey"), (2, "b", "Bridge"), (3, "c", "Castle")]
VISITORS = [(10, 1), (11, 2), (12, 2), (13, 3)]
PLAIN = [("a", "Ann", 1), ("b", "Bob", -2), ("c", None, -3), ("d", "Dan", 4), ("e", "Eve", 500)]


class Judged(Transformer):
    """Rows with two rules: one that rejects, one that warns."""

    class Meta:
        source = "old_plain"
        model = Plain
        name = "judged"

    legacy_id = key("id")
    name = col("name")
    value = col("value")

    @rule("is below zero")
    def positive(self, rows):
        return rows["value"] >= 0

    @rule("is more than anybody has", severity="warning")
    def modest(self, rows):
        return rows["value"] < 100


class Plains(Transformer):
    """Rows without a rule."""

    class Meta:
        source = "old_plain"
        model = Plain
        name = "plains"

    legacy_id = key("id")
    name = col("name")
    value = col("value")


class Pairs(Transformer):
    """A key that the database does not keep unique: half of one that it does."""

    class Meta:
        source = "old_pairs"
        model = Pairwise
        name = "pairs"
        key = ("second",)

    second = col("id")
    first = col("name")


class Percents(Transformer):
    """Columns that the ORM cannot read on PostgreSQL."""

    class Meta:
        source = "old_percents"
        model = Percented
        name = "percents"
        key = ("grade",)

    grade = col("grade")
    legacy_id = col("id")
    place = link("places", "place")


def make_legacy() -> None:
    make_table(
        "old_places", {"id": "integer", "code": "varchar(9)", "name": "varchar(20)"}, PLACES, primary_key="id"
    )
    make_table("old_visitors", {"id": "integer", "place": "integer"}, VISITORS, primary_key="id")
    make_plain(PLAIN)


def make_plain(rows: list[tuple[Any, ...]], name: str = "old_plain") -> None:
    columns = {"id": "varchar(20)", "name": "varchar(20)", "value": "integer"}
    make_table(name, columns, rows, primary_key="id")


def check(report: TransformerReport, name: str) -> CheckResult:
    """The one check of this name."""
    (found,) = [one for one in report.checks if one.name == name]
    return found


def names(report: TransformerReport) -> list[str]:
    return [one.name for one in report.checks]


def behind_the_back(sql: str, using: str = "default") -> None:
    """Carry out a statement that the database's constraints are not asked about."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        connection.disable_constraint_checking()
        with connection.cursor() as cursor:
            cursor.execute(sql)
        connection.enable_constraint_checking()
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)


__all__ = ["Places", "Visitors"]
