"""`Meta.rebuild_indexes`: indexes and foreign keys set aside while an empty table is filled, and put back."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connections, transaction

from etl_assets import Transformer, col, key, link
from etl_assets.exceptions import ConfigurationError, TargetBusy
from tests.databases import Pair
from tests.integration.old import TO_EACH, Listener, listened
from tests.legacy import attempt, counts, dry_run, insert, load, make_table, rejected
from tests.targets.models import Percented, Place

TO_POSTGRESQL = pytest.mark.parametrize("pair", [("sqlite", "postgresql")], indirect=True)
GRADE = uuid.UUID(int=7)


class Places(Transformer):
    class Meta:
        source = "old_places"
        model = Place

    legacy_id = key("id")
    code = col("code")


class Percents(Transformer):
    """Its table has columns whose names hold a `%`, a foreign key and an index."""

    class Meta:
        source = "old"
        model = Percented
        name = "percents"
        rebuild_indexes = True

    legacy_id = key("id")
    grade = col("grade")
    place = link("places", "place")


@pytest.fixture
def percents(pair: Pair) -> Pair:
    """Rows 1 to 30, of which 30 links to no place, 29 is there twice and 28 has no grade."""
    make_table("old_places", {"id": "integer", "code": "varchar(8)"}, [(1, "a"), (2, "b")])
    rows = [(n, str(GRADE) if n != 28 else None, 1 + n % 2 if n != 30 else 3) for n in [*range(1, 31), 29]]
    make_table("old", {"id": "integer", "grade": "varchar(40)", "place": "integer"}, rows)
    load(Places)
    return pair


def definitions() -> list[tuple[Any, ...]]:
    """Every index and constraint of the table, as the database describes them."""
    connection, table = connections["default"], Percented._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND type = 'index' ORDER BY 1",
                [table],
            )
            return cursor.fetchall()
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            "WHERE indrelid = %s::regclass UNION ALL SELECT conname, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE conrelid = %s::regclass ORDER BY 1, 2",
            [table, table],
        )
        return cursor.fetchall()


def loaded() -> list[tuple[int, uuid.UUID | None, int]]:
    """Number, grade and the number of the place, by SQL: Django takes these columns for placeholders."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            'SELECT p.legacy_id, p."50% %s", q.legacy_id FROM targets_percented p '
            'JOIN targets_place q ON q.id = p."%(place)s" ORDER BY 1'
        )
        return [(n, grade and uuid.UUID(str(grade)), place) for n, grade, place in cursor.fetchall()]


class Watching(Percents):
    class Meta(Percents.Meta):
        pass

    seen: list[list[tuple[Any, ...]]] = []

    def transform(self, rows):
        self.seen.append(definitions())
        return rows


@TO_EACH
def test_indexes_are_gone_meanwhile_and_the_same_afterwards(percents: Pair):
    before = definitions()
    Watching.seen.clear()

    report = load(Watching, Places, batch_size=10)

    assert counts(report)[:2] == (31, 29)
    assert rejected(report) == [("29", "", "duplicate_key"), ("30", "place", "link")]
    place_of = {1: 2, 0: 1}
    expected = [(n, None if n == 28 else GRADE, place_of[n % 2]) for n in range(1, 30)]
    assert loaded() == expected
    assert definitions() == before
    meanwhile = Watching.seen[0]
    assert len(meanwhile) < len(before)
    assert all(one in before for one in meanwhile)
    assert not any("UNIQUE" in str(one) for one in before if one not in meanwhile)


@TO_POSTGRESQL
def test_foreign_keys_are_put_back_and_work(percents: Pair):
    listener = listened_with_places(Percents)

    assert "_fk_" in listener.notes[0]
    assert any("FOREIGN KEY" in str(one) and "DEFERRABLE" in str(one) for one in definitions())
    with pytest.raises(IntegrityError), transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute('UPDATE targets_percented SET "%(place)s" = 999')


def listened_with_places(transformer: type[Transformer]) -> Listener:
    class Alone(transformer):  # type: ignore[valid-type, misc]
        class Meta(transformer.Meta):  # type: ignore[name-defined, misc]
            name = "alone"

        place = col("place").map({1: 1, 2: 2}, default=None)

    return listened(Alone)


@TO_EACH
@pytest.mark.parametrize("rollback", [True, False])
def test_a_run_that_fails_leaves_them_as_they_were(percents: Pair, rollback: bool):
    class Failing(Percents):
        class Meta(Percents.Meta):
            pass

        def transform(self, rows):
            raise RuntimeError("no more")

    before = definitions()

    assert attempt(Failing, Places, rollback=rollback).status == "failed"

    assert definitions() == before


@TO_EACH
def test_a_dry_run_does_the_same_and_takes_it_back(percents: Pair):
    before = definitions()
    Watching.seen.clear()

    report = dry_run(Places, Watching)

    assert report.succeeded
    assert len(Watching.seen[0]) < len(before)
    assert definitions() == before
    assert not Percented.objects.exists()


@TO_EACH
def test_they_stay_where_rows_are_there_or_no_rollback_brings_them_back(percents: Pair):
    listener = listened_with_places(Percents)
    assert listener.notes[0].startswith("Set aside until all rows are there")
    insert("old", [(100, None, 1)])

    again = listened_with_places(Percents)
    assert again.notes == ["Indexes stay, though rebuild_indexes is set: the target has rows already"]

    Percented.objects.all().delete()
    Watching.seen.clear()
    load(Watching, Places, rollback=False)
    assert Watching.seen[0] == definitions()


@TO_POSTGRESQL
def test_a_table_that_somebody_uses_is_not_waited_for_all_night(percents: Pair):
    before = definitions()
    with psycopg.connect(percents.target.url) as other:
        other.execute("SELECT 1 FROM targets_place")  # holds its lock until the transaction ends

        report = attempt(Percents, Places)

    assert isinstance(report.exception, TargetBusy)
    assert "alone" in (report.error or "")
    assert definitions() == before
    assert not Percented.objects.exists()


@TO_POSTGRESQL
def test_only_the_owner_may(percents: Pair):
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE ROLE keeper")
        cursor.execute("ALTER TABLE targets_percented OWNER TO keeper")
        cursor.execute("CREATE ROLE loader")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO loader")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO loader")
        try:
            cursor.execute("SET ROLE loader")
            report = attempt(Percents, Places)
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY keeper, loader CASCADE")
            cursor.execute("DROP ROLE keeper")
            cursor.execute("DROP ROLE loader")

    assert isinstance(report.exception, ConfigurationError)
    assert "'keeper'" in str(report.exception)


def test_it_is_yes_or_no():
    with pytest.raises(ConfigurationError, match="write True or False"):

        class Wrong(Transformer):
            class Meta:
                source = "old"
                model = Place
                rebuild_indexes = 1

            legacy_id = key("id")
