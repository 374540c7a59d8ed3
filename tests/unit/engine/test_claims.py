"""Of two source rows with one key the first is kept: who has which key."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connections, transaction

from etl_assets import Transformer, col, key
from etl_assets.engine.claims import Claims, LocalClaims, NoClaims, StoredClaims, keys_cannot_repeat
from etl_assets.engine.plan import make_plan
from etl_assets.engine.sources import open_reader
from tests.databases import Databases, Vendor
from tests.legacy import make_table
from tests.targets.models import Pairwise, Place, Plain


@pytest.fixture(params=["local", "stored"])
def claims(request: pytest.FixtureRequest, db: None) -> Iterator[Claims]:
    stored = StoredClaims("default", "plains", at_once=3)
    made: Claims = LocalClaims(NoClaims(), 100) if request.param == "local" else stored
    yield made
    made.close()


def test_a_key_is_taken_once_it_was_added(claims: Claims):
    assert claims.taken(["a", "b"]) == {}

    claims.add({"a": "1 (row 1 read)", "O'Brien|%s": "2 (row 2 read)", "": "3 (row 3 read)"})

    assert claims.taken(["a", "b"]) == {"a": "1 (row 1 read)"}
    assert claims.taken(["O'Brien|%s", "", "A", "a "]) == {
        "O'Brien|%s": "2 (row 2 read)",
        "": "3 (row 3 read)",
    }
    assert claims.taken([]) == {}


def test_more_keys_than_a_statement_can_hold_are_asked_for_in_parts(claims: Claims):
    keys = {f"key {number}": f"row {number}" for number in range(50)}
    claims.add(keys)

    assert claims.taken([*keys, *keys, "another"]) == keys


def test_nobody_takes_a_key_twice(claims: Claims):
    claims.add({"a": "first"})

    with pytest.raises((IntegrityError, sqlite3.IntegrityError)), transaction.atomic():
        claims.add({"a": "second"})


def test_local_claims_are_forgotten_with_their_run():
    first, second = LocalClaims(NoClaims(), 100), LocalClaims(NoClaims(), 100)
    first.add({"a": "1"})
    assert second.taken(["a"]) == {}
    first.close()
    second.close()


@pytest.mark.django_db
def test_local_claims_go_on_after_those_of_a_run_that_was_cut_off():
    before = StoredClaims("default", "plains", at_once=10)
    before.add({"a": "1"})
    claims = LocalClaims(before, 100)
    claims.add({"b": "2"})

    assert claims.taken(["a", "b", "c"]) == {"a": "1", "b": "2"}
    assert before.taken(["a", "b"]) == {"a": "1"}
    claims.close()


@pytest.mark.django_db
def test_stored_claims_outlive_their_run_and_are_each_transformers_own():
    first = StoredClaims("default", "plains", at_once=10)
    first.add({"a": "1"})
    first.close()

    assert StoredClaims("default", "plains", at_once=10).taken(["a"]) == {"a": "1"}
    assert StoredClaims("default", "others", at_once=10).taken(["a"]) == {}


@pytest.mark.django_db
def test_as_many_keys_as_the_database_takes_parameters_fit():
    at_once = connections["default"].features.max_query_params
    assert at_once is not None
    claims = StoredClaims("default", "plains", at_once)

    class Counting:
        most = 0

        def __call__(self, execute, sql, parameters, many, context):
            self.most = max(self.most, len(parameters or ()))
            return execute(sql, parameters, many, context)

    counting = Counting()
    with connections["default"].execute_wrapper(counting):
        claims.taken([str(number) for number in range(at_once)])
    assert 0 < counting.most <= at_once


def test_no_claims_remember_nothing():
    claims = NoClaims()
    claims.add({"a": "1"})
    assert claims.taken(["a"]) == {}


# Where no claims are needed


class Integers(Transformer):
    class Meta:
        source = "old"
        model = Place
        name = "integers"

    legacy_id = key("no")
    code = col("code")


class Texts(Transformer):
    class Meta:
        source = "old"
        model = Plain

    legacy_id = key("no")


class Cleaned(Integers):
    class Meta(Integers.Meta):
        name = "cleaned"

    legacy_id = key("no").truncate(1)


class Checked(Integers):
    class Meta(Integers.Meta):
        name = "checked"

    legacy_id = key("no").between(1, None)


class Prepared(Integers):
    class Meta(Integers.Meta):
        name = "prepared"

    def prepare(self, rows):
        return rows


class Several(Transformer):
    class Meta:
        source = "old"
        model = Pairwise
        key = ("first", "second")

    first = col("no")
    second = col("code")


@pytest.mark.parametrize(
    ("transformer", "type_", "primary_key", "never"),
    [
        (Integers, "integer", "no", True),
        (Checked, "integer", "no", True),
        (Cleaned, "integer", "no", False),  # 11 and 12 become 1
        (Prepared, "integer", "no", False),
        (Integers, "integer", None, False),
        (Integers, "integer", "code", False),
        (Integers, "integer", ("no", "code"), False),
        (Integers, "varchar(9)", "no", False),  # '1' and ' 1'
        (Texts, "varchar(9)", "no", False),  # 'a' and 'A' may be one to the target
        (Several, "integer", ("no", "code"), False),
    ],
)
def test_only_a_primary_key_taken_as_it_is_cannot_repeat(
    transformer, type_: str, primary_key, never: bool, vendor: Vendor, databases: Databases
):
    databases.fresh("legacy", vendor)
    make_table("old", {"no": type_, "code": "varchar(9)"}, [], primary_key=primary_key)
    plan = make_plan(transformer, {"it": transformer})

    with open_reader(plan) as reader:
        assert keys_cannot_repeat(plan, reader) is never
