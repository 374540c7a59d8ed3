"""What constraints say, as the SQL of one database and with the columns that they look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.models.expressions import Col, OrderBy
from django.db.models.sql import Query


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition or an expression. Columns go by their bare names, so that any relation may have them."""

    sql: str
    parameters: tuple[Any, ...]
    fields: tuple[Field[Any, Any], ...]
    resolved: Any


def compile_condition(model: type[Model], connection: BaseDatabaseWrapper, condition: Any) -> Compiled:
    query = Query(model, alias_cols=False)
    where = query.build_where(condition)
    sql, parameters = where.as_sql(query.get_compiler(connection=connection), connection)
    leaves = [one for leaf in where.leaves() for one in leaf.flatten()]
    return Compiled(sql, tuple(parameters), _columns(leaves), where)


def compile_expression(model: type[Model], connection: BaseDatabaseWrapper, expression: Any) -> Compiled:
    query = Query(model, alias_cols=False)
    inner = expression.expression if isinstance(expression, OrderBy) else expression
    resolved = inner.resolve_expression(query)
    sql, parameters = query.get_compiler(connection=connection).compile(resolved)
    return Compiled(sql, tuple(parameters), _columns(list(resolved.flatten())), resolved)


def _columns(parts: list[Any]) -> tuple[Field[Any, Any], ...]:
    return tuple(dict.fromkeys(part.target for part in parts if isinstance(part, Col)))
