"""MariaDB as target and as source: its notion of equal texts, its dirt, its counters that never roll back."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from django.db import DatabaseError, connections
from django.db.models import Model

from etl_assets import Query, link
from etl_assets import models as etl
from etl_assets.engine.sources.mysql import MysqlReader
from etl_assets.exceptions import SourceError
from etl_assets.registry import discover
from tests.databases import Database, Databases
from tests.legacy import (
    attempt,
    counts,
    dry_run,
    execute,
    insert,
    load,
    make_table,
    reasons,
    rejected,
    rows_of,
)
from tests.mariadb import MariaDb, mariadb_server  # noqa: F401 - a fixture
from tests.samples import runs as samples
from tests.samples.legacy import sample
from tests.samples.sakila import models as sakila_models
from tests.samples.sakila.models import Actor, Address, Film, Payment, Role, Staff
from tests.targets import models
from tests.targets.mess import MESSES, make_legacy, mapped, outcome
from tests.targets.models import Country, Everything, Place, Plain, Ticket, Visitor

OURS = (etl.Run, etl.CheckResult, etl.Reject, etl.Checkpoint, etl.ClaimedKey, etl.Watermark, etl.KeyOwner)
WITHOUT = models.Node  # MariaDB knows no constraint that looks at a counted key


@pytest.fixture
def mariadb(mariadb_server: MariaDb, databases: Databases) -> Iterator[Any]:  # noqa: F811
    """Makes MariaDB databases and connects them, with `tables=True` as migrated ones."""
    made: list[Database] = []

    def make(alias: str, *, tables: bool = False, options: str = "CHARACTER SET utf8mb4") -> Database:
        database = mariadb_server.create(options=options)
        made.append(database)
        databases.connect(alias, database)
        if tables:
            with connections[alias].schema_editor() as editor:
                wanted: list[type[Model]] = [*OURS, *_models_in(sakila_models), *_models_in(models)]
                for model in wanted:
                    if model is not WITHOUT:
                        editor.create_model(model)
        return database

    yield make
    for database in made:
        mariadb_server.drop(database)


def _models_in(module: ModuleType) -> list[type[Model]]:
    """In the order written, so that each comes after those it refers to."""
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Model) and one.__module__ == module.__name__
    ]


def test_does_what_sqlite_does(mariadb: Any, databases: Databases) -> None:
    """With a collation that tells all texts apart, the outcome is the same to the last reject."""
    databases.fresh("legacy", "sqlite")
    seen = []
    for vendor in ("sqlite", "mysql"):
        if vendor == "sqlite":
            databases.fresh("default", "sqlite", migrated=True)
        else:
            mariadb("default", tables=True, options="CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
        make_legacy(seed=5)
        first = outcome(without=WITHOUT, batch_size=20)
        again = outcome(without=WITHOUT, batch_size=20)
        make_legacy(seed=6)
        seen.append((first, again, outcome(without=WITHOUT, batch_size=20, rollback=False)))
    for found, expected in zip(seen[1], seen[0], strict=True):
        for one in (found, expected):
            one["everything"].pop(2)  # its reasons name the largest number, and SQLite's is larger
        for name in expected:
            assert found[name] == expected[name], name


def test_takes_for_one_what_the_collation_does(mariadb: Any, databases: Databases) -> None:
    """'a' is 'A' and 'a ' to the usual collation: as key, as unique value and as what a link looks for."""
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    make_table(
        "old_place",
        {"n": "integer", "legacy_id": "integer", "code": "text", "name": "text"},
        [
            (1, 1, "ab", "one"),
            (2, 2, "AB", "two"),
            (3, 3, "äb", "three"),
            (4, 4, "c ", "four"),
            (5, 5, "ß", "five"),
        ],
        primary_key="n",
    )
    make_table(
        "old_country",
        {"n": "integer", "code": "text", "name": "text"},
        [(1, "de", "x"), (2, "fr", "x"), (3, "DE", "y"), (4, "De ", "z"), (5, "FR", "x"), (6, "uk", "x")],
        primary_key="n",
    )
    make_table(
        "old_visitor",
        {"n": "integer", "legacy_id": "integer", "place": "text"},
        [(1, 1, "AB"), (2, 2, "ab"), (3, 3, "C"), (4, 4, "nowhere"), (5, 5, "aB"), (6, 6, "AB")],
        primary_key="n",
    )
    Places = mapped(Place, ["code"], "legacy_id", "name")
    Countries = mapped(Country, ["code"], "name")
    Visitors = mapped(Visitor, ["legacy_id"], place=link("place", "place"))
    expected_rejects = [
        ("DE", "", "duplicate_key"),
        ("De ", "", "duplicate_key"),
        ("FR", "", "duplicate_key"),
    ]
    for batch_size in (1, 2, 100):  # whichever way they fall into batches, the first read wins
        Country.objects.all().delete()
        for rollback in (True, False):
            report = load(Countries, batch_size=batch_size, rollback=rollback)
            assert rejected(report) == expected_rejects
            assert rows_of(Country, "code", "name") == [("de", "x"), ("fr", "x"), ("uk", "x")]
        assert counts(report) == (6, 0, 0, 3, 3, 0)
        assert (
            reasons(report)["De "]
            == "legacy row de (row 1 read) has the same key, was read first and was kept"
        )

        report = load(Places, batch_size=batch_size)
        assert rejected(report) == [("AB", "", "duplicate_key"), ("äb", "", "duplicate_key")]
        report = load(Visitors, Places, batch_size=batch_size)
        assert rejected(report) == [("4", "place", "link")]
        by_code = dict(Place.objects.values_list("code", "pk"))
        assert rows_of(Visitor, "legacy_id", "place_id") == [
            (1, by_code["ab"]), (2, by_code["ab"]), (3, by_code["c "]), (5, by_code["ab"]), (6, by_code["ab"])
        ]  # fmt: skip

    ByNumber = mapped(Place, ["legacy_id"], "code", "name")
    Visitor.objects.all().delete()
    Place.objects.all().delete()
    report = load(ByNumber, batch_size=100)
    assert rejected(report) == [("2", "code", "unique"), ("3", "code", "unique")]
    insert("old_place", [(6, 4, "C", "four")])  # a change of case is a change, and no clash with oneself
    execute("DELETE FROM old_place WHERE n = 4")
    assert counts(load(ByNumber))[:4] == (5, 0, 1, 2)
    assert Place.objects.get(legacy_id=4).code == "C"


def auto_increments(*tables: str) -> list[int]:
    with connections["default"].cursor() as cursor:
        cursor.execute("ANALYZE TABLE " + ", ".join(tables))
        cursor.fetchall()
        cursor.execute(
            "SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        )
        found = dict(cursor.fetchall())
    return [found[table] for table in tables]


def contents() -> dict[str, list[str]]:
    """All rows of all tables."""
    found = {}
    with connections["default"].cursor() as cursor:
        for table in connections["default"].introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM `{table}`")
            found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def test_dry_run_leaves_no_trace(mariadb: Any, databases: Databases) -> None:
    """Not even in the counters of the primary keys, which InnoDB never takes back."""
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    transformers = [one for one in MESSES if one._meta.model is not WITHOUT]
    tables = [
        one._meta.model._meta.db_table
        for one in transformers
        if one._meta.model.__name__ in ("Place", "Filled")
    ]
    make_legacy(seed=7)
    outcome(without=WITHOUT)
    make_legacy(seed=8)
    before = contents(), auto_increments(*tables)
    rehearsed = dry_run(*transformers, batch_size=9)
    assert (contents(), auto_increments(*tables)) == before
    real = {name: seen[:2] for name, seen in outcome(without=WITHOUT, batch_size=9).items()}
    assert {
        name: [counts(report), rejected(report)] for name, report in rehearsed.transformers.items()
    } == real
    assert auto_increments(*tables) != before[1]


PLAIN = {"n": "integer", "legacy_id": "text", "name": "text", "value": "integer"}
Plains = mapped(Plain, ["legacy_id"], "name", "value")


def test_keeps_the_rows_that_the_server_takes(mariadb: Any, databases: Databases) -> None:
    """A trigger's refusal, and a letter that the column does not know."""
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    execute("ALTER TABLE targets_plain MODIFY name TEXT CHARACTER SET latin1", using="default")
    execute(
        "CREATE TRIGGER no_sevens BEFORE INSERT ON targets_plain FOR EACH ROW "
        "IF NEW.value = 7 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'seven is not for us'; END IF",
        using="default",
    )
    names = {3: "Ω", 4: "é"}
    make_table("old_plain", PLAIN, [(n, f"k{n}", names.get(n, "x"), n) for n in range(20)], primary_key="n")
    report = load(Plains)
    assert rejected(report) == [("k3", "", "database"), ("k7", "", "database")]
    assert reasons(report)["k7"] == "the database refuses it: (1644, 'seven is not for us')"
    assert counts(report) == (20, 18, 0, 0, 2, 0)
    assert counts(load(Plains)) == (20, 0, 0, 18, 2, 0)


def test_rejects_numbers_that_are_none(mariadb: Any, databases: Databases) -> None:
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    rows = [(1, "a", 0.5), (2, "b", float("inf")), (3, "c", float("-inf")), (4, "d", 1.7e308)]
    make_table(
        "old_everything", {"n": "integer", "legacy_id": "text", "ratio": "real"}, rows, primary_key="n"
    )
    report = load(mapped(Everything, ["legacy_id"], "ratio"))
    assert rejected(report) == [("b", "ratio", "finite"), ("c", "ratio", "finite")]
    assert rows_of(Everything, "legacy_id", "ratio") == [("a", 0.5), ("d", 1.7e308)]


def test_refuses_a_row_longer_than_a_packet(mariadb: Any, databases: Databases) -> None:
    """The server would end the connection over it, and with it the run."""
    databases.fresh("legacy", "sqlite")
    databases.fresh("default", "sqlite", migrated=True)  # where the whole row is kept as a reject
    mariadb("target", tables=True)
    with connections["target"].cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        (limit,) = cursor.fetchone()
    make_table(
        "old_everything",
        {"n": "integer", "legacy_id": "text", "text": "text"},
        [(1, "a", "x"), (2, "long", "x" * limit), (3, "b", "y")],
        primary_key="n",
    )
    Everythings = mapped(Everything, ["legacy_id"], "text")
    Everythings._meta.using = "target"
    report = load(Everythings)
    assert rejected(report) == [("long", "", "database")]
    assert rows_of(Everything, "legacy_id", using="target") == [("a",), ("b",)]


def test_is_strict_in_a_lax_session_and_takes_zero_for_a_key(mariadb: Any, databases: Databases) -> None:
    """A server that would cut a text in silence refuses it for as long as the run lasts."""
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    execute("SET SESSION sql_mode = ''", using="default")
    execute("ALTER TABLE targets_plain MODIFY name VARCHAR(3)", using="default")  # the model says 30
    make_table("old_plain", PLAIN, [(1, "a", "four", 1), (2, "b", "ten", 2)], primary_key="n")
    assert rejected(load(Plains)) == [("a", "", "database")]
    make_table(
        "old_ticket", {"n": "integer", "id": "integer", "title": "text"}, [(1, 0, "x")], primary_key="n"
    )
    load(mapped(Ticket, ["id"], "title"))
    assert rows_of(Ticket, "id", "title") == [(0, "x")]
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT @@SESSION.sql_mode")
        assert cursor.fetchone() == ("",)


@pytest.mark.parametrize("rollback", [True, False])
def test_refuses_a_table_that_cannot_roll_back(mariadb: Any, databases: Databases, rollback: bool) -> None:
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    execute("ALTER TABLE targets_plain ENGINE = MyISAM", using="default")
    make_table("old_plain", PLAIN, [(1, "a", "x", 1)], primary_key="n")
    report = attempt(Plains, rollback=rollback)
    assert report.error == (
        "Table 'targets_plain' of database 'default' is kept by MyISAM, which cannot take back what a failed "
        "run has written: run ALTER TABLE targets_plain ENGINE = InnoDB first."
    )
    assert rows_of(Plain, "legacy_id") == []


def test_rolls_back_and_goes_on_after_a_checkpoint(mariadb: Any, databases: Databases) -> None:
    """A failure in the third batch leaves nothing, or without rollback the two batches before it."""
    databases.fresh("legacy", "sqlite")
    mariadb("default", tables=True)
    make_table("old_plain", PLAIN, [(n, f"k{n}", "x", n) for n in range(10)], primary_key="n")
    batches: list[int] = []

    def transform(self: Any, rows: Any) -> Any:
        batches.append(len(rows))
        if len(batches) == 3:
            raise RuntimeError("enough")
        return rows

    Failing = mapped(Plain, ["legacy_id"], "name", "value", transform=transform)
    assert attempt(Failing, batch_size=3).status == "failed"
    assert rows_of(Plain, "legacy_id") == []
    batches.clear()
    assert attempt(Failing, batch_size=3, rollback=False).status == "failed"
    assert len(rows_of(Plain, "legacy_id")) == 6
    assert counts(load(Plains, batch_size=3, rollback=False)) == (4, 4, 0, 0, 0, 0)
    assert len(rows_of(Plain, "legacy_id")) == 10


# As a source

DIRT = """
CREATE TABLE `odd ``table`` 100%s` (
    `the id` INT UNSIGNED PRIMARY KEY,
    `100%` VARCHAR(20),
    born DATE, seen DATETIME(6), stamp TIMESTAMP NULL, span TIME(3), made YEAR,
    big BIGINT UNSIGNED, price DECIMAL(12, 4), wide DECIMAL(60, 20), ratio DOUBLE, small_ratio FLOAT,
    flag BIT(1), bits BIT(12), yes BOOLEAN, kind ENUM('a', 'b'), kinds SET('x', 'y', 'z'),
    data JSON, place POINT, raw BLOB, fixed BINARY(3), note TEXT, west VARCHAR(20) CHARACTER SET latin1,
    nothing INT
)
"""
CLEAN_ROW = (
    "(1, 'per cent', '2020-02-29', '2020-02-29 12:00:00.000001', '2020-02-29 12:00:00', '12:30:00.5', 1999,"
    " 5, 12.5, 1.5, 0.1, 0.1, b'1', b'101', TRUE, 'b', 'x,z', '{\"a\": [1]}', POINT(1, 2),"
    " x'00FF', 'ab', '😀', 'é', NULL)"
)
DIRTY_ROW = (
    "(2, '', '0000-00-00', '2020-00-15 00:00:00', '0000-00-00 00:00:00', '-838:59:59', 0,"
    " 18446744073709551615, -99999999.9999, -9999999999999999999999999999999999999999.00000000000000000001,"
    " -1e300, 1234567.875, NULL, b'0', NULL, '', '', NULL, NULL, '', '', '', '', NULL)"
)
EMPTY_ROW = "(3" + ", NULL" * 23 + ")"
ODD = "odd `table` 100%s"


def read(source: Any, size: int = 10, after: Any = None, **open_with: Any) -> list[pa.RecordBatch]:
    with MysqlReader(connections["legacy"], source) as reader:
        reader.open(open_with.get("order_by", ()), open_with.get("key_columns", ()))
        return list(reader.batches(size, after))


@pytest.fixture
def dirty(mariadb: Any, mariadb_server: MariaDb) -> Database:  # noqa: F811
    """A table of every type, with what a lax server has let in over the years."""
    database = mariadb("legacy")
    mariadb_server.execute(
        "SET SESSION sql_mode = ''",
        "SET SESSION time_zone = '+00:00'",
        DIRT,
        *(f"INSERT INTO `odd ``table`` 100%s` VALUES {row}" for row in (CLEAN_ROW, DIRTY_ROW, EMPTY_ROW)),
        database=database.name,
    )
    return database


def test_reads_every_type(dirty: Database) -> None:
    """Each column in the type that it is declared with; a batch with dirt in it keeps that column as text."""
    with MysqlReader(connections["legacy"], ODD) as reader:
        reader.open((), ())
        declared = {name: str(to) for name, to in reader.columns.items()}
        clean, dirt, empty = reader.batches(1)
        assert reader.count() == 3
        assert reader.unique_key == ("the id",)
    assert declared == {
        "the id": "int64", "100%": "string", "born": "date32[day]", "seen": "timestamp[us]",
        "stamp": "timestamp[us, tz=UTC]", "span": "duration[us]", "made": "int64", "big": "int64",
        "price": "decimal128(38, 4)", "wide": "decimal256(76, 20)", "ratio": "double",
        "small_ratio": "double",
        "flag": "int64", "bits": "int64", "yes": "int64", "kind": "string", "kinds": "string",
        "data": "string", "place": "string", "raw": "string", "fixed": "string", "note": "string",
        "west": "string", "nothing": "int64",
    }  # fmt: skip
    utc = dt.UTC
    place = bytes.fromhex("000000000101000000000000000000f03f0000000000000040")
    assert clean.to_pylist() == [
        {
            "the id": 1, "100%": "per cent", "born": dt.date(2020, 2, 29),
            "seen": dt.datetime(2020, 2, 29, 12, 0, 0, 1),  # noqa: DTZ001
            "stamp": dt.datetime(2020, 2, 29, 12, tzinfo=utc),
            "span": dt.timedelta(hours=12, minutes=30, milliseconds=500), "made": 1999, "big": 5,
            "price": Decimal("12.5000"), "wide": Decimal("1.5"), "ratio": 0.1, "small_ratio": 0.1,
            "flag": 1, "bits": 5, "yes": 1, "kind": "b", "kinds": "x,z", "data": '{"a": [1]}', "place": place,
            "raw": b"\x00\xff", "fixed": b"ab\x00", "note": "😀", "west": "é", "nothing": None,
        }
    ]  # fmt: skip
    assert dirt.to_pylist() == [
        {
            "the id": 2, "100%": "", "born": "0000-00-00", "seen": "2020-00-15 00:00:00.000000",
            "stamp": "0000-00-00 00:00:00+00:00", "span": -dt.timedelta(hours=838, minutes=59, seconds=59),
            "made": 0, "big": "18446744073709551615", "price": Decimal("-99999999.9999"),
            "wide": Decimal("-9999999999999999999999999999999999999999.00000000000000000001"),
            "ratio": -1e300, "small_ratio": 1234567.9, "flag": None, "bits": 0, "yes": None, "kind": "",
            "kinds": "", "data": None, "place": None, "raw": b"", "fixed": b"\x00\x00\x00", "note": "",
            "west": "", "nothing": None,
        }
    ]  # fmt: skip
    assert empty.to_pylist() == [{"the id": 3, **dict.fromkeys(list(declared)[1:])}]
    assert [str(column.type) for column in empty.columns] == list(declared.values())


@pytest.mark.parametrize(
    "order",
    ["born", "seen", "stamp", "span", "big", "price", "wide", "ratio", "note", "-born", "-100%", "bits"],
)
def test_goes_on_after_any_row(dirty: Database, order: str) -> None:
    """Whatever the type of the column that is read in the order of, nulls and dirt included."""
    with MysqlReader(connections["legacy"], ODD) as reader:
        reader.open((order,), ())
        whole = [batch["the id"][0].as_py() for batch in reader.batches(1)]
        assert sorted(whole) == [1, 2, 3]
        places = [json.loads(json.dumps(reader.position(batch))) for batch in reader.batches(1)]
        for number, place in enumerate(places, 1):
            rest = [batch["the id"][0].as_py() for batch in reader.batches(1, place)]
            assert rest == whole[number:]
            assert reader.count(place) == len(rest)


def test_reads_views_queries_and_other_schemas(dirty: Database, mariadb_server: MariaDb) -> None:  # noqa: F811
    mariadb_server.execute(
        "CREATE VIEW `some view` AS SELECT `the id` AS id, 1.5 AS half FROM `odd ``table`` 100%s`",
        "CREATE TABLE plain (id INT PRIMARY KEY) ENGINE = InnoDB",
        "INSERT INTO plain VALUES (7)",
        database=dirty.name,
    )
    (batch,) = read("some view", order_by=("-id",))
    assert batch["id"].to_pylist() == [3, 2, 1]
    (batch,) = read(Query("SELECT '100%' AS share, id % 4 AS rest FROM plain WHERE 'a' LIKE '%a%'"))
    assert batch.to_pylist() == [{"share": "100%", "rest": 3}]
    (batch,) = read(f"{dirty.name}.plain")
    assert batch.to_pylist() == [{"id": 7}]
    with pytest.raises(
        SourceError, match=r"^Database 'legacy' has no table or view 'plane'\. Did you mean 'plain'"
    ):
        read("plane")
    with pytest.raises(SourceError, match=r"^Database 'legacy' cannot read the source: Unknown column 'nix'"):
        read(Query("SELECT nix FROM plain"))


def test_reads_one_snapshot_and_cannot_write(dirty: Database, mariadb_server: MariaDb) -> None:  # noqa: F811
    mariadb_server.execute(
        "CREATE TABLE many (id INT PRIMARY KEY) ENGINE = InnoDB",
        "INSERT INTO many SELECT seq FROM seq_1_to_5000",
        database=dirty.name,
    )
    with MysqlReader(connections["legacy"], "many") as reader:
        reader.open((), ())
        assert reader.count() == 5000
        mariadb_server.execute("DELETE FROM many WHERE id > 10", database=dirty.name)
        batches = reader.batches(1000)
        assert next(batches).num_rows == 1000
        mariadb_server.execute("INSERT INTO many VALUES (6000)", database=dirty.name)
        assert sum(batch.num_rows for batch in batches) == 4000
        with pytest.raises(DatabaseError, match="READ ONLY"):
            reader.fetch("DELETE FROM many")


def test_leaves_a_stream_in_the_middle(dirty: Database, mariadb_server: MariaDb) -> None:  # noqa: F811
    """Without reading to its end what nobody wants, which here would take hours."""
    mariadb_server.execute("CREATE VIEW endless AS SELECT seq FROM seq_1_to_10000000000", database=dirty.name)
    with MysqlReader(connections["legacy"], "endless") as reader:
        reader.open((), ())
        batches: Any = reader.batches(10)
        assert next(batches).num_rows == 10
        batches.close()
        assert reader.fetch("SELECT COUNT(*) FROM endless WHERE seq < 3") == [("2",)]


@pytest.fixture(scope="module")
def sakila(mariadb_server: MariaDb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:  # noqa: F811
    """The film rental: a schema and rows that nobody here wrote. No test changes it."""
    script = sample("sakila-mysql.sql.gz", tmp_path_factory.mktemp("samples") / "sakila.sql").read_text()
    script = re.sub(r"(?m)^(DROP SCHEMA|CREATE SCHEMA|USE) .*$", "", script).replace("sakila.", "")
    script = re.sub(r"/\*!50705 (.*?)\*/", r"\1", script)  # which MariaDB would leave out: places on the map
    database = mariadb_server.create()
    mariadb_server.run_script(script, database)
    yield database
    mariadb_server.drop(database)


@pytest.mark.parametrize("target", ["sqlite", "mysql"])
def test_moves_sakila(
    sakila: Database,
    mariadb: Any,
    mariadb_server: MariaDb,  # noqa: F811
    databases: Databases,
    target: str,
) -> None:
    """Each row compared with a plain reading."""
    databases.connect("legacy", sakila)
    if target == "sqlite":
        databases.fresh("default", "sqlite", migrated=True)
    else:
        mariadb("default", tables=True)
    registry = discover(["tests.samples.sakila_transformers"])
    first, again = samples.load(registry), samples.load(registry)

    with mariadb_server.connect(database=sakila.name, init_command="SET time_zone = '+00:00'") as connection:

        def plain(statement: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return [*cursor.fetchall()]

        actors = plain("SELECT actor_id, first_name, last_name, last_update FROM actor")
        films = plain(
            "SELECT film_id, title, description, release_year, rental_rate, length, rating, special_features"
            " FROM film"
        )
        roles = plain("SELECT film_id, actor_id FROM film_actor")
        staff = plain("SELECT staff_id, LOWER(username), picture, active FROM staff")
        addresses = plain("SELECT address_id, address, location FROM address")
        payments = plain("SELECT payment_id, amount, payment_date FROM payment")

    utc, new_york = dt.UTC, ZoneInfo("America/New_York")
    assert rows_of(Actor, "legacy_id", "name", "updated_at") == in_order(
        (number, f"{first_name} {last_name}".title(), when.replace(tzinfo=utc))
        for number, first_name, last_name, when in actors
    )
    assert rows_of(
        Film, "legacy_id", "title", "description", "year", "rate", "minutes", "rating", "features"
    ) == in_order(
        (number, title.title(), text or "", year, rate, minutes, rating, (features or "").replace(",", ", "))
        for number, title, text, year, rate, minutes, rating, features in films
    )
    assert rows_of(Role, "film__legacy_id", "actor__legacy_id") == in_order(roles)
    assert rows_of(Staff, "legacy_id", "user", "picture", "is_active") == in_order(
        (number, user, picture, bool(active)) for number, user, picture, active in staff
    )
    assert rows_of(Address, "legacy_id", "street", "place") == in_order(addresses)
    assert rows_of(Payment, "legacy_id", "amount", "paid_at") == in_order(
        (number, amount, when.replace(tzinfo=new_york).astimezone(utc)) for number, amount, when in payments
    )
    sizes = [len(rows) for rows in (actors, films, roles, staff, addresses, payments)]
    assert sizes[:3] == [200, 1000, 5462]
    named = [first[name].counts for name in ("actors", "films", "roles", "staff", "addresses", "payments")]
    assert [(one.read, one.created) for one in named] == [(size, size) for size in sizes]
    assert all(report.counts.unchanged == report.counts.read for report in again.values())


def in_order(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=repr)
