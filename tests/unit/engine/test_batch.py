"""The rows of one batch: who is still in, and under which key and number the others left."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from etl_assets.engine.batch import Batch, Fault, Rejection, legacy_key_text, shortened, shown
from etl_assets.models import KEY_LENGTH


def batch_of(rows: int, first_row: int = 0) -> Batch:
    batch = Batch(pa.record_batch({"no": list(range(rows))}), first_row)
    batch.columns["no"] = pa.array(range(rows))
    batch.legacy_keys = [pa.array([f"k{number}" for number in range(rows)])]
    return batch


def mask(*bits: int) -> np.ndarray:
    return np.array(bits, dtype=np.bool_)


def fault(field: str, *bits: int) -> Fault:
    return Fault(mask(*bits), field, "code", lambda index: f"{field} {index}")


def test_each_row_is_rejected_once_for_its_first_fault():
    batch = batch_of(4)
    batch.reject([fault("a", 0, 1, 0, 0), fault("b", 0, 1, 0, 1)])

    assert [(one.position, one.field, one.reason) for one in batch.rejections] == [
        (1, "a", "a 1"),
        (3, "b", "b 3"),
    ]
    assert batch.columns["no"].to_pylist() == [0, 2]


def test_positions_are_those_of_the_raw_rows_however_many_have_left():
    batch = batch_of(5)
    batch.skip(mask(1, 0, 0, 0, 0))
    batch.reject([fault("a", 0, 1, 0, 0)])
    batch.reject([fault("b", 0, 1, 0)])
    batch.reject_rows([Rejection(4, "", "duplicate_key", "late")])

    assert [(one.position, one.reason) for one in batch.rejections] == [(2, "a 1"), (3, "b 1"), (4, "late")]
    assert [batch.legacy_key(one.position) for one in batch.rejections] == ["k2", "k3", "k4"]
    assert (batch.rows.tolist(), batch.skipped, len(batch)) == ([1], 1, 1)
    assert batch.columns["no"].to_pylist() == [1]


def test_a_warning_is_that_of_its_row():
    batch = batch_of(4)
    batch.skip(mask(1, 0, 0, 0))
    batch.warn(fault("a", 0, 1, 0))
    batch.warn(fault("a", 0, 0, 1))
    batch.warn(fault("b", 0, 0, 0))

    assert {name: bits.tolist() for name, bits in batch.warnings.items()} == {
        "a:code": [False, False, True, True]
    }


def test_rows_are_numbered_from_one_across_batches():
    assert batch_of(3).row_number(0) == 1
    assert batch_of(3, first_row=1000).row_number(2) == 1003


def test_a_key_of_one_column_is_its_text_and_of_several_a_json_list():
    assert legacy_key_text(["42"]) == "42"
    assert legacy_key_text([None]) == ""
    assert json.loads(legacy_key_text(['O"Brien', None, "Müller"])) == ['O"Brien', None, "Müller"]
    assert "Müller" in legacy_key_text(["Müller", "x"])


def test_a_key_that_is_too_long_is_told_apart_by_a_digest():
    long = "x" * KEY_LENGTH
    first, second = shortened(long + "1"), shortened(long + "2")

    assert shortened(long) == long
    assert len(first) == len(second) == KEY_LENGTH
    assert first != second
    assert first.startswith("x" * 200)
    assert shortened(long + "1") == first


def test_a_nul_is_made_visible():
    assert shortened("a\x00b") == r"a\x00b"
    assert legacy_key_text(["a\x00"]) == r"a\x00"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("O'Brien", '"O\'Brien"'),
        (None, "None"),
        (b"\x00", r"b'\x00'"),
        ("a\x00\n", r"'a\x00\n'"),
        (1.5, "1.5"),
    ],
)
def test_a_value_is_shown_as_python_writes_it(value: object, text: str):
    assert shown(value) == text


def test_a_long_value_is_cut():
    assert shown("x" * 98) == repr("x" * 98)
    assert shown("x" * 99) == "'" + "x" * 98 + "…"
    assert len(shown("x" * 100_000)) == 100
