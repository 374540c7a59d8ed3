"""What becomes of each column: source -> verbs -> target, as a table and as Dagster's column lineage."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import dagster as dg
from django.db.models import Field, ForeignKey

from ..columns import Column, Concat, Const, Expression, Key, Link, Step, Verbs
from ..transformer import Options, Transformer
from .keys import asset_key, source_key
from .schema import column_type

LONGEST_ARGUMENT = 200
"""Characters; a `map` may hold a whole code list."""
NOT_MAPPED = "not mapped"

MAPPING_SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn("target", description="Field of the model."),
        dg.TableColumn("source", description="Columns of the legacy table that it is read from."),
        dg.TableColumn("verbs", description="What the transformer does with them, from left to right."),
        dg.TableColumn("type", description="Type of the target column in its database."),
        dg.TableColumn("help", description="The field's help text."),
    ]
)


def mapping_table(meta: Options) -> dg.TableMetadataValue:
    """Say of each field of the model what it is made of: first those mapped, in the order written."""
    fields = {field.name: field for field in meta.model._meta.concrete_fields}
    in_order = [name for name in dict.fromkeys([*meta.columns, *fields]) if name in fields]
    return dg.TableMetadataValue([_record(meta, fields[name]) for name in in_order], MAPPING_SCHEMA)


def _record(meta: Options, field: Field[Any, Any]) -> dg.TableRecord:
    expression = meta.columns.get(field.name)
    return dg.TableRecord(
        {
            "target": field.name,
            "source": ", ".join(dict.fromkeys(expression.source_columns)) if expression else "",
            "verbs": as_written(expression) if expression else NOT_MAPPED,
            "type": column_type(field, meta.using),
            "help": str(field.help_text),
        }
    )


def column_lineage(meta: Options, registry: Mapping[str, type[Transformer]]) -> dg.TableColumnLineage:
    """Say which columns each target column depends on.

    A link depends on the legacy column, and on two of the parent's: that which holds the legacy key, and
    that which the foreign key refers to.
    """
    lineage: dict[str, list[dg.TableColumnDep]] = {}
    for field in meta.model._meta.concrete_fields:
        expression = meta.columns.get(field.name)
        if expression is None:
            continue
        read = dict.fromkeys(expression.source_columns)
        deps = [dg.TableColumnDep(source_key(meta), name) for name in read]
        if isinstance(expression, Link) and isinstance(field, ForeignKey):
            deps += _of_parent(field, expression, registry)
        if deps:
            lineage[str(field.column)] = deps
    return dg.TableColumnLineage(lineage)


def _of_parent(
    field: ForeignKey[Any, Any], link: Link, registry: Mapping[str, type[Transformer]]
) -> Iterator[dg.TableColumnDep]:
    parent = registry.get(link.target)
    if parent is None:  # the system check says so
        return
    fields = {one.name: one for one in parent._meta.model._meta.concrete_fields}
    keys = [fields[name] for name in parent._meta.key_fields if name in fields]
    for name in dict.fromkeys(str(one.column) for one in [field.target_field, *keys]):
        yield dg.TableColumnDep(asset_key(link.target), name)


def as_written(expression: Expression) -> str:
    """Write an expression as its author did: col('sex').upper().map({'M': 'male'}, default='unknown')."""
    return ".".join([_start(expression), *map(_step, expression.steps)])


def _start(expression: Expression) -> str:
    if isinstance(expression, Link):
        value = expression.value
        named = _literal(value.name) if expression.by_name and isinstance(value, Column) else None
        missing = "" if expression.missing == "reject" else f", missing={expression.missing!r}"
        return f"link({expression.target!r}, {named or as_written(value)}{missing})"
    if isinstance(expression, Const):
        return f"const({_literal(expression.value)})"
    if isinstance(expression, Concat):
        separator = "" if expression.separator == " " else f", sep={expression.separator!r}"
        return f"concat({', '.join(map(_part, expression.parts))}{separator})"
    assert isinstance(expression, Column)
    return f"{'key' if isinstance(expression, Key) else 'col'}({_literal(expression.name)})"


def _part(part: Expression) -> str:
    """A column without verbs goes by its name in `concat`."""
    return _literal(part.name) if type(part) is Column and not part.steps else as_written(part)


def _step(step: Step) -> str:
    """Put a step's arguments where its method takes them, and leave out those that are the default."""
    written: list[str] = []
    for parameter in _parameters(step.name):
        value: Any = step.severity if parameter.name == "severity" else step.arguments[parameter.name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            written += map(_literal, value)
        elif parameter.default is parameter.empty:
            written.append(_literal(value))
        elif value != parameter.default:
            written.append(f"{parameter.name}={_literal(value)}")
    return f"{step.name}({', '.join(written)})"


@cache
def _parameters(verb: str) -> tuple[inspect.Parameter, ...]:
    _, *parameters = inspect.signature(getattr(Verbs, verb)).parameters.values()
    return tuple(parameters)


def _literal(value: Any) -> str:
    if callable(value):
        return str(getattr(value, "__name__", repr(value)))
    text = repr(value)
    if isinstance(value, str) and "\\" in value and "'" not in value and value.isprintable():
        text = f"r'{value}'" if not value.endswith("\\") else text
    return text if len(text) <= LONGEST_ARGUMENT else f"{text[: LONGEST_ARGUMENT - 1]}…"
