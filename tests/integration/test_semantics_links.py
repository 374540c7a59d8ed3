"""Links of every kind, read by hand."""

from __future__ import annotations

import pytest

from etl_assets import Transformer, col, key, link
from tests.databases import Pair
from tests.integration.old import old
from tests.legacy import (
    counts,
    load,
    loaded,
    make_table,
    rejected,
)
from tests.targets.models import (
    Badge,
    City,
    Country,
    Place,
    Visitor,
)

FAST = pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
CROSSED = pytest.mark.parametrize(
    "pair", [("sqlite", "postgresql"), ("postgresql", "sqlite")], indirect=True, ids="-to-".join
)


TEXTS = {"id": "integer", "a": "text", "b": "text"}


def texts(*rows: tuple[str | None, str | None]) -> None:
    """A legacy table of texts, numbered from 1."""
    numbered = [(number, *row) for number, row in enumerate(rows, 1)]
    make_table("old", TEXTS, numbered, primary_key="id")


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place
        name = "places"

    legacy_id = key("no").strip().integer()
    code = col("code")


@CROSSED
def test_a_link_by_name_is_cleaned_as_the_parents_key_and_to_field_is_followed(pair: Pair):
    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", "place")
        by_code = link("places", col("place").strip().null_if("0"))

    make_table("old_places", {"no": "text", "code": "text"}, [(" 01 ", "A"), ("2", "B")])
    make_table(
        "old_visitors", {"id": "integer", "place": "text"}, [(1, "1 "), (2, " 002"), (3, None), (4, "x")]
    )
    load(Places)

    report = load(Visitors, Places)

    assert loaded(Visitor, "legacy_id", "place__legacy_id", "by_code_id") == {
        1: (1, "A"),
        2: (2, "B"),
        3: (None, None),
    }
    assert rejected(report) == [("4", "place", "link")]


@CROSSED
def test_a_one_to_one_and_a_link_as_key_and_a_text_primary_key(pair: Pair):
    class Countries(Transformer):
        class Meta:
            source = "old_countries"
            model = Country
            name = "countries"

        code = key("code").strip().upper()
        name = col("name")

    class Cities(Transformer):
        class Meta:
            source = "old_cities"
            model = City
            name = "cities"

        legacy_id = key("id")
        country = link("countries", "country")

    make_table("old_countries", {"code": "text", "name": "text"}, [("de ", "Germany"), ("FR", "France")])
    make_table("old_cities", {"id": "integer", "country": "text"}, [(1, " DE"), (2, "fr"), (3, "xx")])
    load(Countries)
    assert rejected(load(Cities, Countries)) == [("3", "country", "link")]
    assert loaded(City, "legacy_id", "country_id") == {1: "DE", 2: "FR"}

    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")

    class Badges(Transformer):
        class Meta:
            source = "old_badges"
            model = Badge
            name = "badges"

        legacy_id = key("id")
        visitor = link("visitors", "visitor")

    make_table("old_visitors", {"id": "integer"}, [(1,), (2,)])
    make_table(
        "old_badges", {"id": "integer", "visitor": "integer"}, [(10, 1), (11, 1), (12, 2)], primary_key="id"
    )
    load(Visitors)

    report = load(Badges, Visitors)

    assert rejected(report) == [("11", "visitor", "unique")]
    assert loaded(Badge, "legacy_id", "visitor__legacy_id") == {10: 1, 12: 2}


@FAST
def test_only_without_its_upstream_uses_what_is_already_loaded(pair: Pair):
    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", "place")

    Place.objects.create(legacy_id=1, code="A")
    make_table("old_visitors", {"id": "integer", "place": "text"}, [(1, "1"), (2, "2")])

    report = load(Visitors, Places)  # the table of places does not even exist

    assert loaded(Visitor, "legacy_id", "place__code") == {1: "A"}
    assert rejected(report) == [("2", "place", "link")]


@FAST
def test_missing_null_is_for_keys_that_are_there_but_unknown(pair: Pair):
    class Places(Transformer):
        class Meta:
            source = "old_places"
            model = Place
            name = "places"

        legacy_id = key("id")
        code = col("code")

    class Nulled(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", "place", missing="null")

    class Rejected(Nulled):
        class Meta(Nulled.Meta):
            pass

        place = link("places", "place")

    class Required(Nulled):
        class Meta(Nulled.Meta):
            pass

        place = link("places", "place", missing="null").required()

    make_table("old_places", {"id": "integer", "code": "text"}, [(1, "A")])
    make_table("old_visitors", {"id": "integer", "place": "integer"}, [(1, 1), (2, 2), (3, None)])
    load(Places)

    assert rejected(load(Rejected, Places)) == [("2", "place", "link")]
    assert loaded(Visitor, "legacy_id", "place__code") == {1: "A", 3: None}
    assert counts(load(Nulled, Places)) == (3, 1, 0, 2, 0, 0)
    assert loaded(Visitor, "legacy_id", "place__code") == {1: "A", 2: None, 3: None}
    # a null that the legacy table holds is null; one that stands for an unknown key is too
    assert [key for key, _, _ in rejected(load(Required, Places))][-1] == "3"


@FAST
def test_a_link_by_an_expression_is_taken_as_it_is_written(pair: Pair):
    class Places(Transformer):
        class Meta:
            source = "old"
            model = Place
            name = "places"

        legacy_id = key("value")
        code = col("name")

    class Visitors(Transformer):
        class Meta:
            source = "old_visitors"
            model = Visitor
            name = "visitors"

        legacy_id = key("id")
        place = link("places", col("place").replace("P-", "").integer())

    old(("a", "A", 1))
    make_table("old_visitors", {"id": "integer", "place": "text"}, [(1, "P-1"), (2, "P-x")])
    load(Places)

    assert rejected(load(Visitors, Places)) == [("2", "place", "link")]
