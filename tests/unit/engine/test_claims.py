"""Of two source rows with one key the first is kept: who has which key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pytest
from django.db import IntegrityError, connections, transaction

from etl_assets import Transformer, col, key
from etl_assets.engine.claims import Claims, Keys, LocalClaims, NoClaims, StoredClaims, keys_cannot_repeat
from etl_assets.engine.plan import make_plan
from etl_assets.engine.sieve import hashes_of
from etl_assets.engine.sources import open_reader
from tests.databases import Databases, Vendor
from tests.legacy import make_table
from tests.targets.models import Pairwise, Place, Plain


def keys(*texts: str) -> Keys:
    column = pa.array(texts, pa.string())
    return Keys(np.arange(len(texts)), column, hashes_of([column]))


def add(claims: Claims, taken: Mapping[str, str]) -> None:
    claims.add(keys(*taken), pa.array(taken.values(), pa.string()))


def taken(claims: Claims, *texts: str) -> Mapping[str, str]:
    """Ask as a load asks: exactly, of those that may be taken."""
    asked = keys(*texts)
    return claims.taken(asked.where(claims.perhaps(asked.hashes)))


@pytest.fixture(params=["local", "stored"])
def claims(request: pytest.FixtureRequest, db: None) -> Iterator[Claims]:
    stored = StoredClaims("default", "plains", at_once=3)
    made: Claims = LocalClaims(NoClaims(), 100) if request.param == "local" else stored
    yield made
    made.close()


def test_a_key_is_taken_once_it_was_added(claims: Claims):
    assert taken(claims, "a", "b") == {}

    add(claims, {"a": "1 (row 1 read)", "O'Brien|%s": "2 (row 2 read)", "": "3 (row 3 read)"})

    assert taken(claims, "a", "b") == {"a": "1 (row 1 read)"}
    assert taken(claims, "O'Brien|%s", "", "A", "a ") == {
        "O'Brien|%s": "2 (row 2 read)",
        "": "3 (row 3 read)",
    }
    assert taken(claims) == {}


def test_more_keys_than_a_statement_can_hold_are_asked_for_in_parts(claims: Claims):
    rows = {f"key {number}": f"row {number}" for number in range(50)}
    add(claims, rows)

    assert taken(claims, *rows, *rows, "another") == rows


@pytest.mark.django_db
def test_nobody_takes_a_stored_key_twice():
    claims = StoredClaims("default", "plains", at_once=3)
    add(claims, {"a": "first"})

    with pytest.raises(IntegrityError), transaction.atomic():
        add(claims, {"a": "second"})


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_keys_are_found_in_whatever_portions_they_came(size: int):
    claims = LocalClaims(NoClaims(), 1_000)
    rows = {f'{number} – "{number}"': f"row {number}" for number in range(1_000)}
    for first in range(0, len(rows), size):
        add(claims, dict(list(rows.items())[first : first + size]))

    assert taken(claims, *rows, "another") == rows
    claims.close()


def test_a_key_with_the_hash_of_another_is_another():
    claims = LocalClaims(NoClaims(), 100)
    one, other = keys("one"), keys("other")
    claims.add(one, pa.array(["row 1"]))

    assert claims.taken(Keys(one.rows, other.texts, one.hashes)) == {}
    assert claims.taken(Keys(one.rows, one.texts, one.hashes)) == {"one": "row 1"}
    claims.close()


def test_local_claims_are_forgotten_with_their_run():
    first, second = LocalClaims(NoClaims(), 100), LocalClaims(NoClaims(), 100)
    add(first, {"a": "1"})
    assert taken(second, "a") == {}
    first.close()
    second.close()


@pytest.mark.django_db
def test_local_claims_go_on_after_those_of_a_run_that_was_cut_off():
    before = StoredClaims("default", "plains", at_once=10)
    add(before, {"a": "1"})
    claims = LocalClaims(before, 100)
    add(claims, {"b": "2"})

    assert taken(claims, "a", "b", "c") == {"a": "1", "b": "2"}
    assert taken(before, "a", "b") == {"a": "1"}
    claims.close()


@pytest.mark.django_db
def test_stored_claims_outlive_their_run_and_are_each_transformers_own():
    first = StoredClaims("default", "plains", at_once=10)
    add(first, {"a": "1"})
    first.close()

    assert taken(StoredClaims("default", "plains", at_once=10), "a") == {"a": "1"}
    assert taken(StoredClaims("default", "others", at_once=10), "a") == {}


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
        taken(claims, *(str(number) for number in range(at_once)))
    assert 0 < counting.most <= at_once


def test_no_claims_remember_nothing():
    claims = NoClaims()
    add(claims, {"a": "1"})
    assert taken(claims, "a") == {}


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
