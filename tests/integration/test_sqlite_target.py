"""What SQLite as a target needs beyond the others: each value arrives as it is, by whichever way."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl_assets import Transformer, col, key
from tests.databases import Pair
from tests.integration.old import FAST, Plains, old
from tests.legacy import attempt, execute, insert, load, make_table, reasons
from tests.targets.models import Everything, Place, Plain

TRICKY = [
    'a "quoted" word',
    "back\\slash \\u0041 \\n",
    '{"a": [1, "b"]}',
    "null",
    "12",
    "\x01\x1f\x7f",
    "line\nfeed\r\ttab",
    "Grüße 😀 \u2028",
    "%s ? :a",
    "it''s",
    " ",
]


def stored(table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Values with the type in which SQLite has them, in the order of the rows."""
    wanted = ", ".join(f'"{name}", typeof("{name}")' for name in columns)
    with connections["default"].cursor() as cursor:
        cursor.execute(f'SELECT {wanted} FROM "{table}" ORDER BY id')
        return list(cursor.fetchall())


@FAST
def test_texts_arrive_sign_by_sign(pair: Pair):
    old(*[(f"k{place:02}", text, None) for place, text in enumerate(TRICKY)])

    load(Plains)

    assert stored("targets_plain", "name", "value") == [(text, "text", None, "null") for text in TRICKY]


@FAST
def test_a_text_with_a_nul_is_whole(pair: Pair):
    """SQLite would end it there, were it sent as JSON; nor is what looks like one taken for it."""
    old(("a", "one\x00two", 1), ("b", "\\u0000", 2))

    load(Plains)

    assert stored("targets_plain", "name", "value") == [
        ("one\x00two", "text", 1, "integer"),
        ("\\u0000", "text", 2, "integer"),
    ]


class Numbers(Transformer):
    class Meta:
        source = "numbers"
        model = Everything
        name = "numbers"

    legacy_id = key("n")
    large = col("large")
    ratio = col("ratio")
    price = col("price")
    flag = col("flag").boolean()
    blob = col("raw")


@FAST
def test_numbers_and_bytes_arrive_to_the_last_digit(pair: Pair):
    values = [
        (1, 2**63 - 1, 0.1 + 0.2, "1.10", 1, b"\x00\xff"),
        (2, -(2**63), 5e-324, "-0.01", 0, b""),
        (3, None, 1.7976931348623157e308, None, None, None),
    ]
    columns = {
        "n": "integer",
        "large": "bigint",
        "ratio": "real",
        "price": "text",
        "flag": "integer",
        "raw": "blob",
    }
    make_table("numbers", columns, values, primary_key="n")

    load(Numbers)

    rows = Everything.objects.order_by("legacy_id")
    assert [(row.large, row.ratio, row.price and str(row.price), row.flag) for row in rows] == [
        (large, ratio, price, None if flag is None else bool(flag))
        for _, large, ratio, price, flag, _ in values
    ]
    assert [row.blob and bytes(row.blob) for row in rows] == [raw for *_, raw in values]


@pytest.mark.parametrize("pair", [("sqlite", "sqlite")], indirect=True)
def test_any_text_arrives_as_plain_sqlite_has_it(pair: Pair):
    old()

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=30)), max_size=8))
    def check(texts: list[str | None]) -> None:
        Plain.objects.all().delete()
        with connections["legacy"].cursor() as cursor:
            cursor.execute("DELETE FROM old")
        insert("old", [(f"k{place}", text, None) for place, text in enumerate(texts)])
        load(Plains)
        with sqlite3.connect(connections["default"].settings_dict["NAME"]) as plain:
            found = plain.execute("SELECT name FROM targets_plain ORDER BY legacy_id").fetchall()
        assert [name for (name,) in found] == texts

    check()


@FAST
def test_the_cache_is_as_large_as_before(pair: Pair):
    old(("a", "b", 1))
    connections["default"].ensure_connection()
    with connections["default"].cursor() as cursor:
        cursor.execute("PRAGMA cache_size = 77")
        load(Plains)
        assert cursor.execute("PRAGMA cache_size").fetchone() == (77,)


@FAST
@pytest.mark.parametrize("value", [7, None])
def test_a_row_that_a_trigger_lets_go_by_is_no_success(pair: Pair, value: int | None):
    """Whichever way the batch goes: a text with a NUL is not sent as JSON."""
    execute(
        "CREATE TRIGGER quiet BEFORE INSERT ON targets_plain WHEN NEW.legacy_id = 'a' "
        "BEGIN SELECT RAISE(IGNORE); END",
        using="default",
    )
    old(("a", "one", 1), ("b", "two" if value else "t\x00wo", value))

    report = attempt(Plains)

    assert report.status == "failed"
    assert "2 rows were read and 1 accounted for" in str(report.error)
    assert not Plain.objects.exists()


class Mirrored(Transformer):
    """Reads the very file that it writes, and looks how far that has come."""

    class Meta:
        source = "old"
        model = Place
        name = "mirrored"
        database = "default"

    legacy_id = key("value")
    code = col("id")
    written: list[int] = []

    def transform(self, rows):
        # Past Django, which would wait for the batch that is being written.
        database = connections["default"].connection
        self.written += database.execute("SELECT COUNT(*) FROM targets_place").fetchone()
        return rows


@FAST
def test_nobody_writes_while_the_same_file_is_read(pair: Pair):
    """To read texts the connection gives out bytes, which those who write are not to meet."""
    rows = 3_000
    codes = [f"c{number % rows}" for number in range(2 * rows)]
    old(*[(text, None, number) for number, text in enumerate(codes)], using="default", primary_key=None)
    Mirrored.written.clear()

    report = load(Mirrored, batch_size=1_000)

    assert Mirrored.written == [0, 1_000, 2_000, 3_000, 3_000, 3_000]
    assert reasons(report) == {
        str(number): f"code: '{codes[number]}' is taken by another row of the target"
        for number in range(rows, 2 * rows)
    }
