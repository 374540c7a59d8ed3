"""What `Meta.source` may be."""

from __future__ import annotations

import pytest

from etl_assets import Query
from etl_assets.exceptions import ConfigurationError
from etl_assets.source import is_source, source_label
from tests.targets.models import Plain


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("legacy_patients", "legacy_patients"),
        (Query("select 100 % 7 as x"), "query"),
        (Plain, "targets_plain"),
        (Plain.objects.filter(value=1), "targets_plain"),
    ],
    ids=["table", "query", "model", "queryset"],
)
def test_each_kind_of_source_has_a_label(source, label: str):
    assert is_source(source)
    assert source_label(source) == label


@pytest.mark.parametrize("value", ["", None, 7, object, Plain.objects, b"legacy_patients"])
def test_anything_else_is_no_source(value: object):
    assert not is_source(value)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "Query('') is empty: write a select statement."),
        (" \n", "Query(' \\n') is empty: write a select statement."),
        (None, "Query(None) is empty: write a select statement."),
    ],
)
def test_an_empty_query_is_refused(sql, message: str):
    with pytest.raises(ConfigurationError) as caught:
        Query(sql)
    assert str(caught.value) == message
