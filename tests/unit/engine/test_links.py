"""Legacy keys to primary keys, in both databases."""

from __future__ import annotations

import uuid
from typing import Any

import pyarrow as pa
import pytest
from django.db import connections

from etl_assets.engine.links import LinkResolver
from etl_assets.engine.plan import Lookup
from tests.databases import Databases, Vendor
from tests.targets.models import Document, Place, Plain, Visitor


@pytest.fixture(autouse=True)
def target(vendor: Vendor, databases: Databases) -> None:
    databases.fresh("default", vendor, migrated=True)


def lookup(model: Any, key: str, value: str = "id", **more: Any) -> Lookup:
    return Lookup(model, model._meta.get_field(key), model._meta.get_field(value), **more)


def resolved(values: pa.Array, how: Lookup, at_once: int = 1000) -> tuple[list[Any], list[bool]]:
    found, missing = LinkResolver("default", at_once).resolve(values, how)
    return found.to_pylist(), missing.tolist()


def test_each_key_becomes_its_row_null_stays_null_and_the_rest_is_missing():
    one, two = (Place.objects.create(legacy_id=number, code=f"c{number}").pk for number in (10, 20))

    keys = pa.array([20, None, 10, 99, 20])
    assert resolved(keys, lookup(Place, "legacy_id")) == (
        [two, None, one, None, two],
        [False, False, False, True, False],
    )
    assert resolved(keys, lookup(Place, "legacy_id", "code"))[0] == ["c20", None, "c10", None, "c20"]
    assert resolved(pa.array([], pa.int64()), lookup(Place, "legacy_id")) == ([], [])


def test_text_that_no_database_can_hold_is_missing_and_breaks_nothing():
    Plain.objects.create(legacy_id="a%s'\"")

    found, missing = resolved(pa.array(["a%s'\"", "\x00", "A%S'\""]), lookup(Plain, "legacy_id"))
    assert missing == [False, True, True]
    assert found[0] is not None


@pytest.mark.parametrize("twins", [2, 3, 4, 5])
def test_of_several_parents_under_one_key_none_is_chosen_by_chance(twins: int):
    for number in range(twins):
        Plain.objects.create(legacy_id=str(number), name="Smith")
    alone = Plain.objects.create(legacy_id="x", name="Jones")

    how = lookup(Plain, "name")
    resolver = LinkResolver("default", 10)
    found, missing = resolver.resolve(pa.array(["Smith", "Jones", "Nobody"]), how)
    assert found.to_pylist() == [None, alone.pk, None]
    assert missing.tolist() == [True, False, True]
    assert [resolver.is_shared(name, how) for name in ("Smith", "Jones", "Nobody")] == [True, False, False]


def test_more_keys_than_a_statement_can_hold_are_looked_up_in_parts():
    places = [Place.objects.create(legacy_id=number, code=str(number)) for number in range(25)]

    found, missing = resolved(pa.array(range(30)), lookup(Place, "legacy_id"), at_once=4)
    assert found == [place.pk for place in places] + [None] * 5
    assert missing == [False] * 25 + [True] * 5


def test_a_key_that_was_looked_up_is_not_asked_for_again(django_assert_num_queries):
    Place.objects.create(legacy_id=1, code="1")
    resolver = LinkResolver("default", 100)
    how = lookup(Place, "legacy_id")
    first = resolver.resolve(pa.array([1, 2, None]), how)[0]

    with django_assert_num_queries(0, connection=connections["default"]):
        assert resolver.resolve(pa.array([2, 1, None, 1]), how)[0].to_pylist() == [
            None,
            first[0].as_py(),
            None,
            first[0].as_py(),
        ]
    with django_assert_num_queries(1, connection=connections["default"]):
        resolver.resolve(pa.array([3]), how)


def test_memory_stays_bounded_and_answers_stay_right(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("etl_assets.engine.links.REMEMBERED", 3)
    places = [Place.objects.create(legacy_id=number, code=str(number)).pk for number in range(6)]
    resolver = LinkResolver("default", 100)
    how = lookup(Place, "legacy_id")

    for keys in ([0, 1], [2, 3], [0, 5], [4, 4]):
        assert resolver.resolve(pa.array(keys), how)[0].to_pylist() == [places[key] for key in keys]
        assert all(len(known) <= 4 for known in resolver._known.values())  # a batch of two, and null


def test_a_parent_that_is_known_by_its_own_parent_is_looked_up_through_it():
    place = Place.objects.create(legacy_id=7, code="seven")
    visitor = Visitor.objects.create(legacy_id=1, place=place)
    through = lookup(Place, "legacy_id")

    how = lookup(Visitor, "place", through=through)
    assert resolved(pa.array([7, 8, None]), how) == ([visitor.pk, None, None], [False, True, False])


def test_uuids_are_compared_as_uuids():
    document = Document.objects.create(legacy_id=1, title="x")
    keys = pa.array([str(document.pk), str(uuid.uuid4())])

    assert resolved(keys, lookup(Document, "id")) == ([str(document.pk), None], [False, True])
