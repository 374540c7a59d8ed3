"""Legacy tables and transformers that the tests of the promises share."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl_assets import Transformer, col, key, link, rule, skip
from tests.legacy import (
    make_table,
)
from tests.targets.models import Member, Place, Plain, Visitor

ROOT = Path(__file__).parents[2]
ONE_PAIR = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
CROSSED = pytest.mark.parametrize(
    "pair", [("sqlite", "postgresql"), ("postgresql", "sqlite")], indirect=True, ids="-to-".join
)
"""Each vendor once on either side."""
TO_EACH = pytest.mark.parametrize("pair", [("sqlite", "sqlite"), ("sqlite", "postgresql")], indirect=True)


class Places(Transformer):
    """Parents."""

    class Meta:
        source = "old_places"
        model = Place
        name = "places"

    legacy_id = key("id")
    code = col("code").strip().upper()
    name = col("name")


class Visitors(Transformer):
    """Children, some of them orphans."""

    class Meta:
        source = "old_visitors"
        model = Visitor
        name = "visitors"

    legacy_id = key("id")
    place = link("places", "place")


class Plains(Transformer):
    """Rows that end in every place."""

    class Meta:
        source = "old_plain"
        model = Plain
        name = "plains"

    legacy_id = key("id").strip()
    name = col("name").length(0, 5)
    value = col("value").integer()

    @skip("test")
    def tests(self, rows):
        return rows["name"] == "test"

    @rule("is below zero", severity="warning")
    def positive(self, rows):
        return rows["value"] >= 0


PLAIN = {"id": "varchar(20)", "name": "varchar(20)", "value": "varchar(20)", "place": "integer"}
DIRTY = [
    ("a", "Ann", "1", 1),
    ("b", "Bob", "x", 2),  # no number
    ("c", "test", "3", 3),  # skipped
    (" a ", "Again", "4", 4),  # key of the first
    ("d", "Longest", "5", 5),  # too long for the rule
    ("e", None, "-6", 6),  # warned of
    (None, "Nobody", "7", 7),  # no key
    ("f", "Fay", None, 8),
]


def old_plain(rows=DIRTY, *, using="legacy"):
    make_table("old_plain", PLAIN, rows, primary_key="place", using=using)


class Fails(Exception):
    """Raised by a hook."""


def failing_in_batch(number: int, base: type[Transformer] = Plains) -> type[Transformer]:
    """The transformer with a hook that raises in its nth batch."""
    seen: list[int] = []

    class Broken(base):  # type: ignore[valid-type, misc]
        class Meta(base.Meta):  # type: ignore[name-defined, misc]
            pass

        def transform(self, rows):
            seen.append(len(rows))
            if len(seen) == number:
                raise Fails("enough")
            return rows

    return Broken


SIX = [(f"k{n}", "n", str(n), n) for n in range(1, 7)]


class Members(Transformer):
    """Unique in every way."""

    class Meta:
        source = "old_members"
        model = Member
        name = "members"

    legacy_id = key("id")
    number = col("number")
    email = col("email")
    team = col("team")
    seat = col("seat")
    leads = col("leads").boolean(true=("Y",), false=("N",))
    age = col("age")


MEMBER = {
    "id": "integer",
    "number": "integer",
    "email": "varchar(40)",
    "team": "varchar(10)",
    "seat": "integer",
    "leads": "varchar(1)",
    "age": "integer",
    "row_id": "integer",
}


def old_members(rows):
    """Rows without their row_id, which is their place."""
    numbered = [(*row, place) for place, row in enumerate(rows, 1)]
    make_table("old_members", MEMBER, numbered, primary_key="row_id")
