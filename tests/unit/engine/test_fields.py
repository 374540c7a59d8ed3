"""What each of a model's fields holds, and how values without a verb are read as it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from etl_assets.engine.fields import TYPES, arrow_type, read_as, reading_code
from etl_assets.engine.kinds import INTEGER_FIELDS, OTHER_FIELDS, TEXT_FIELDS, is_text, kind, stored_field
from etl_assets.engine.verbs import Context
from etl_assets.exceptions import NotSupportedYet
from tests.targets.models import City, Everything, Visitor

CONTEXT = Context(ZoneInfo("Europe/London"), dt.date(2024, 1, 15))


def field(name: str, model: Any = Everything) -> Any:
    return model._meta.get_field(name)


def read(name: str, *values: Any, model: Any = Everything) -> tuple[list[Any], list[bool]]:
    """Values as the field's type, and which of them could not be read."""
    outcome = read_as(field(name, model), pa.array(values), CONTEXT)
    assert outcome.values.type == arrow_type(field(name, model))
    bad = [False] * len(values) if outcome.unreadable is None else outcome.unreadable.to_pylist()
    return outcome.values.to_pylist(), bad


def test_every_kind_of_field_that_is_known_has_a_type():
    assert {*TYPES, "DecimalField", "DateTimeField"} == TEXT_FIELDS | INTEGER_FIELDS | OTHER_FIELDS


@pytest.mark.parametrize(
    ("name", "type_", "code"),
    [
        ("text", pa.string(), "text"),
        ("email", pa.string(), "char"),
        ("small", pa.int64(), "integer"),
        ("price", pa.decimal128(38, 2), "decimal"),
        ("ratio", pa.float64(), "float"),
        ("flag", pa.bool_(), "boolean"),
        ("day", pa.date32(), "date"),
        ("moment", pa.timestamp("us", tz="UTC"), "datetime"),
        ("clock", pa.time64("us"), "time"),
        ("span", pa.duration("us"), "duration"),
        ("token", pa.string(), "uuid"),
        ("data", pa.string(), "json"),
        ("blob", pa.binary(), "binary"),
    ],
)
def test_a_field_has_one_type_and_a_name_for_who_reads_it(name: str, type_: pa.DataType, code: str):
    assert arrow_type(field(name)) == type_
    assert reading_code(field(name)) == code


def test_without_time_zones_a_time_has_none():
    with override_settings(USE_TZ=False):
        assert arrow_type(field("moment")) == pa.timestamp("us")


def test_a_decimal_with_more_digits_than_usual_gets_the_room():
    wide: Any = models.DecimalField(max_digits=60, decimal_places=10)
    assert arrow_type(wide) == pa.decimal256(76, 10)


def test_a_foreign_key_holds_what_it_refers_to():
    assert [kind(field(name, Visitor)) for name in ("place", "by_code")] == ["BigAutoField", "CharField"]
    assert arrow_type(field("country", City)) == pa.string()
    assert stored_field(field("country", City)).max_length == 4


def test_only_texts_can_be_blank():
    texts = {one.name for one in Everything._meta.fields if is_text(one)}
    assert texts == {"legacy_id", "text", "slug", "email", "url", "colour", "file"}


def test_a_type_that_nobody_knows_is_refused_by_name():
    with isolate_apps("tests.targets"):

        class Point(models.Field):
            pass

        class Map(models.Model):
            place = Point()

            class Meta:
                app_label = "targets"

    with pytest.raises(NotSupportedYet) as caught:
        arrow_type(field("place", Map))
    assert str(caught.value) == (
        "targets.Map.place is a Point, which is not supported yet: leave it out of the transformer and "
        "fill it afterwards."
    )


def test_uuids_are_read_in_every_way_that_they_are_written():
    one = uuid.UUID("12345678-1234-5678-1234-567812345678")
    texts = [str(one), one.hex, f"{{{one}}}", one.urn, f" {str(one).upper()} ", None, "", "12345"]

    assert read("token", *texts) == ([str(one)] * 5 + [None, None, None], [False] * 7 + [True])
    assert read("token", one.bytes, b"12") == ([str(one), None], [False, True])


def test_text_is_taken_as_json_and_anything_else_as_a_value():
    values, bad = read("data", '{"b": [1, 2.5, null]}', "null", "", None, "{", "NaN", '"ü"')

    assert [value if value is None else json.loads(value) for value in values] == [
        {"b": [1, 2.5, None]},
        None,
        None,
        None,
        None,
        None,
        "ü",
    ]
    assert bad == [False, False, False, False, True, True, False]
    assert values[1] == "null"
    assert read("data", 7, None)[0] == ["7", None]
    assert json.loads(read("data", dt.date(2024, 1, 15))[0][0]) == "2024-01-15"


def test_a_blank_is_null_for_every_type_but_text():
    for one in Everything._meta.fields:
        if one.name in ("id", "legacy_id", "blob"):
            continue
        assert read(one.name, "", None) == (["" if is_text(one) else None, None], [False, False]), one.name
