"""What SQLite lets in: any value in any column, broken text, endless keys, names that need quoting.

No row may be lost and nothing may crash: each row is loaded or rejected for a true reason.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from contextlib import closing
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import psycopg
import pytest

from etl_assets import Query, Transformer, col, key
from etl_assets.registry import Registry
from tests.databases import VENDORS, Database, Databases, Vendor
from tests.samples.attic.models import Find, OldThing
from tests.samples.legacy import execute
from tests.samples.runs import load, rejects, try_out

VALUES: list[Any] = [
    None, "", " ", "abc", "7", 7, 7.5, -1, 0, 1, True, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1e300,
    1e-7, 0.1 + 0.2, float("inf"), "NULL", "nan", "1e3", "0x10", "١٢", "1_000", "+5", "2024-02-29",
    "2023-02-29", "29/02/2024", "0000-00-00", "9999-12-31", "10000-01-01", "t", "f", "yes", "1", "0",
    b"blob", b"\xff\xfe", b"", "x" * 20, "x" * 21, "é" * 20, "nul\x00inside",
    "%s %d {} \\ ' \" ;--", "\ud7ff\U0001f600",
]  # fmt: skip
FIELDS = ("number", "amount", "name", "found_on", "is_old", "size")


class FindTransformer(Transformer):
    class Meta:
        source = "finds"
        model = Find

    label = key("label")
    number = col("number").integer()
    amount = col("amount").decimal(2)
    name = col("name")
    found_on = col("found_on").date("%Y-%m-%d")
    is_old = col("is_old").boolean()
    size = col("size")


@pytest.fixture
def junk(tmp_path: Path) -> Path:
    """A table whose columns have no type. In each row one column holds one of the nasty values."""
    path = tmp_path / "junk.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE finds (label, {', '.join(FIELDS)})")
        for field in FIELDS:
            for place, value in enumerate(VALUES):
                database.execute(
                    f"INSERT INTO finds (label, {field}) VALUES (?, ?)", (f"{field} {place}", value)
                )
        database.execute(
            "INSERT INTO finds (label, name) VALUES ('broken text', CAST(x'4AFC7267656E' AS TEXT)),"
            " ('broken key ' || CAST(x'FF' AS TEXT), 'x'),"
            " (NULL, 'no key'), ('name 3', 'twice'), (12, 'number')"
        )
        database.commit()
    return path


def must_be(field: str, value: Any, bits: int) -> set[object]:
    """What may be loaded for a value, read by hand; nothing where its row must be rejected.

    Text is worth what it says. `bits` is the size of the target's integers.
    """
    if isinstance(value, bytes):
        value = value.decode("cp1252")  # what is no UTF-8 was written by an old Windows program
    if value is None or (field != "name" and isinstance(value, str) and not value.strip()):
        return {None}
    if isinstance(value, bool):
        value = int(value)
    match field:
        case "name":
            text = value if isinstance(value, str) else repr(value)
            return {text} if len(text) <= 20 else set()
        case "number":
            number = _decimal(value)
            if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]+", value):
                return set()
            fits = (
                number is not None
                and number == number.to_integral_value()
                and -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)
            )
            return {int(number)} if fits else set()  # type: ignore[arg-type]
        case "amount":
            number = _decimal(value)
            fits = number is not None and abs(number) < 10**6 and number == round(number, 2)
            return {number} if fits else set()
        case "size":
            number = _decimal(value)
            return set() if number is None else {float(number)}
        case "found_on":
            return {value} if value in ("2024-02-29", "9999-12-31") else set()
        case "is_old":
            if value in (1, "1", "t", "yes"):
                return {True}
            return {False} if value in (0, "0", "f") else set()
    raise AssertionError(field)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, str) and "_" in value:
        return None
    try:
        number = Decimal(value if isinstance(value, (int, str)) else repr(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


@pytest.mark.parametrize("target", VENDORS)
def test_any_value_in_any_column(target: Vendor, databases: Databases, junk: Path) -> None:
    databases.connect("legacy", Database.at(junk))
    databases.fresh("default", target, migrated=True)
    registry = Registry([FindTransformer])

    predicted = try_out(registry)
    done = load(registry)

    assert rejects(done) == rejects(predicted)
    report = done["finds"]
    assert report.counts.read == len(FIELDS) * len(VALUES) + 5
    loaded: dict[str, Any] = {row["label"]: row for row in Find.objects.values()}
    rejected = {row.legacy_key: row for row in report.rejects or () if row.field not in ("", "label")}
    wrong = []
    for field in FIELDS:
        for place, value in enumerate(VALUES):
            label = f"{field} {place}"
            expected = must_be(field, value, bits=64 if target == "sqlite" else 32)
            if isinstance(value, str) and "\x00" in value and target == "postgresql":
                expected = set()
            if label in loaded:
                stored = loaded[label][field]
                stored = stored.isoformat() if field == "found_on" and stored else stored
                if stored not in expected:
                    wrong.append(f"{label}: {value!r} was loaded as {stored!r}, not {expected}")
            elif rejected[label].field != field:
                wrong.append(f"{label}: {value!r} was rejected for {rejected[label].reason}")
            elif expected:
                wrong.append(f"{label}: {value!r} was rejected, not {expected}: {rejected[label].reason}")
    assert not wrong, "\n".join(wrong)
    assert loaded["broken text"]["name"] == "Jürgen"
    assert "broken key ÿ" in loaded
    assert loaded["12"]["name"] == "number"
    others = [
        (row.legacy_key, row.field, row.code) for row in report.rejects or () if row.field in ("", "label")
    ]
    assert sorted(others) == [("", "label", "null"), ("name 3", "", "duplicate_key")]
    assert set(load(registry)["finds"].counts.as_dict().items()) >= {("created", 0), ("updated", 0)}


@pytest.mark.parametrize("target", VENDORS)
def test_keys_of_ten_kilobytes(target: Vendor, databases: Databases, tmp_path: Path) -> None:
    """PostgreSQL indexes no text so long; where it refuses a row, the others are loaded."""
    path = tmp_path / "long.sqlite3"
    same = secrets.token_hex(5_000)
    labels = [f"{same}{end}" for end in "abc"] + ["x" * 10_000, "short"]
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE finds (label TEXT PRIMARY KEY, {', '.join(FIELDS)})")
        database.executemany("INSERT INTO finds (label) VALUES (?)", [(label,) for label in labels])
        database.commit()
    databases.connect("legacy", Database.at(path))
    databases.fresh("default", target, migrated=True)

    report = load(Registry([FindTransformer]))["finds"]

    fit = labels if target == "sqlite" else labels[3:]
    assert {*Find.objects.values_list("label", flat=True)} == set(fit)
    too_long = [row.legacy_key for row in report.rejects or ()]
    assert len({*too_long}) == len(too_long) == len(labels) - len(fit)


class ThingTransformer(Transformer):
    class Meta:
        source = OldThing
        model = Find

    label = key("what is it?")
    number = col("order")
    name = col("näme, {0} it's :x ?")


class SomeThingsTransformer(ThingTransformer):
    class Meta:
        model = Find
        source = OldThing.objects.filter(label__startswith="50%", number__lt=3)


class PercentTransformer(ThingTransformer):
    """Where Django's own SQL of a model would break, the name of a table and a query do not."""

    class Meta:
        model = Find
        source = "100% %s"

    label = key('what is "it"?')
    number = col("order %d")


class PercentQueryTransformer(PercentTransformer):
    class Meta:
        model = Find
        source = Query("""SELECT t.* FROM "100% %s" t WHERE "what is ""it""?" LIKE '50!%%' ESCAPE '!'""")


THINGS = [("50% off", 1, "a %s b"), ("50%s", 2, "?"), ("half", 3, "x"), ("50 %", 4, ":name")]
LEGACY = """
    CREATE TABLE {} ({} text PRIMARY KEY, {} integer, "näme, {{0}} it's :x ?" text);
    INSERT INTO {} VALUES ('50% off', 1, 'a %s b'), ('50%s', 2, '?'), ('half', 3, 'x'), ('50 %', 4, ':name');
"""


@pytest.mark.parametrize(
    ("transformer", "which"),
    [
        (ThingTransformer, THINGS),
        (SomeThingsTransformer, THINGS[:2]),
        (PercentTransformer, THINGS),
        (PercentQueryTransformer, THINGS[:2]),
    ],
)
@pytest.mark.parametrize("source", VENDORS)
def test_names_that_need_quoting(
    source: Vendor, transformer: type[Transformer], which: list[tuple], databases: Databases
) -> None:
    legacy = databases.fresh("legacy", source)
    databases.fresh("default", "sqlite", migrated=True)
    things, percents = '"old things it\'s"', '"100% %s"'
    script = LEGACY.format(things, '"what is it?"', '"order"', things)
    script += LEGACY.format(percents, '"what is ""it""?"', '"order %d"', percents)
    if source == "sqlite":
        execute(Path(legacy.name), script)
    else:
        with psycopg.connect(legacy.url) as connection:
            connection.execute(script.encode())

    (report,) = load(Registry([transformer])).values()

    assert report.counts.read == report.counts.created == len(which)
    assert sorted(Find.objects.values_list("label", "number", "name")) == sorted(which)
