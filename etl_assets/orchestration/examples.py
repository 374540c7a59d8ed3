"""A few rows before and after, as they may be shown: sensitive values masked, long ones cut."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg

from .. import conf
from ..analysis.masking import MASK, is_sensitive_name, looks_sensitive
from ..analysis.plain import plain
from ..columns import Expression
from ..engine.examples import Examples
from ..transformer import Options

LONGEST_VALUE = 200
"""Characters."""
MOST_RECORDS = 150
"""Of a wide table fewer rows are shown: each materialization keeps its own."""

EXAMPLES_SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn("row", description="Legacy key."),
        dg.TableColumn("target", description="Field of the model."),
        dg.TableColumn("source", description="Columns of the legacy table that it is read from."),
        dg.TableColumn("before", description="As it was read."),
        dg.TableColumn("after", description="As it was loaded."),
    ]
)


def examples_table(meta: Options, examples: Examples) -> dg.TableMetadataValue:
    """Put each value of the rows beside what it was made of."""
    hidden = hidden_fields(meta.columns, examples)
    hides_key = any(name in hidden for name in meta.key_fields)
    rows = max(1, MOST_RECORDS // len(meta.columns))
    records = []
    for index, key in enumerate(examples.keys[:rows]):
        for name, expression in meta.columns.items():
            record = {
                "row": MASK if hides_key else key,
                "target": name,
                "source": ", ".join(dict.fromkeys(expression.source_columns)),
                "before": _before(expression, examples, index),
                "after": _shown(examples.after[name][index]),
            }
            if name in hidden:
                record |= {side: MASK for side in ("before", "after") if record[side] is not None}
            records.append(dg.TableRecord(record))
    return dg.TableMetadataValue(records, EXAMPLES_SCHEMA)


def _before(expression: Expression, examples: Examples, index: int) -> Any:
    """The value read, or a list of them where there are several; none where only `prepare` makes them."""
    names = [name for name in dict.fromkeys(expression.source_columns) if name in examples.before]
    values = [examples.before[name][index] for name in names]
    return _shown(values if len(values) > 1 else next(iter(values), None))


def hidden_fields(columns: Mapping[str, Expression], examples: Examples) -> set[str]:
    """Find the fields whose values nobody may see, and with them whatever else their columns go into."""
    named = {name.lower() for name in conf.load().sensitive_columns}

    def is_hidden(name: str, values: list[Any]) -> bool:
        known = [value for value in values if value is not None]
        return name.lower() in named or is_sensitive_name(name) or looks_sensitive(known)

    fields = {name for name in columns if is_hidden(name, examples.after[name])}
    sources = {name for name, values in examples.first_read.items() if is_hidden(name, values)}
    sources.update(name for field in fields for name in columns[field].source_columns)
    return fields | {name for name, value in columns.items() if sources.intersection(value.source_columns)}


def _shown(value: Any) -> Any:
    """Return a value as a cell of a table can hold it."""
    value = plain(value)
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[: LONGEST_VALUE - 1]}…"
    return value
