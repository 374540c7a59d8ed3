"""In which database a table is, where nobody has said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from ..engine.sources import make_reader
from ..exceptions import ConfigurationError, EtlError, SourceError, closest


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in one database."""

    alias: str
    has_table: bool = False
    tables: Sequence[str] = ()
    problem: str | None = None
    """Why it could not be looked into."""


def database_of(name: str) -> str:
    """Return `default` where it has the table, or else the one other database that does.

    A database that cannot be looked into is passed over, and told of only where no other has the table.

    Raises:
        ConfigurationError: several have it.
        SourceError: none has it.
    """
    first = _look(DEFAULT_DB_ALIAS, name)
    if first.has_table:
        return first.alias
    looked = [first, *(_look(alias, name) for alias in connections if alias != DEFAULT_DB_ALIAS)]
    having = [one.alias for one in looked if one.has_table]
    if len(having) > 1:
        raise ConfigurationError(
            f"Table {name!r} is in the databases {_listed(having)}: say with --database which is meant."
        )
    if not having:
        _refuse(name, looked)
    return having[0]


def unreachable(alias: str, error: Exception) -> str:
    """Say that a database cannot be connected to, and why."""
    first = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    return f"Database {alias!r} cannot be reached ({first}): see that it is up and that DATABASES is right."


def _refuse(name: str, looked: Sequence[Looked]) -> NoReturn:
    problems = [one.problem for one in looked if one.problem]
    if len(problems) == len(looked):
        raise ConfigurationError(" ".join(problems))
    searched = [one.alias for one in looked if not one.problem]
    where = f"Database {searched[0]!r} has no" if len(searched) == 1 else f"None of {_listed(searched)} has a"
    owners = {table: one.alias for one in reversed(looked) for table in one.tables}
    near = closest(name, owners)
    meant = f" Did you mean {near!r} in {owners[near]!r}?" if near is not None else ""
    also = "".join(f" {problem}" for problem in problems)
    raise SourceError(f"{where} table or view {name!r}.{meant} Check --table and --database.{also}")


def _look(alias: str, name: str) -> Looked:
    reader = make_reader(alias, name)
    try:
        reader.connect()
        if reader.find(name) is not None:
            return Looked(alias, has_table=True)
        return Looked(alias, tables=reader.tables())
    except (OperationalError, InterfaceError) as error:
        return Looked(alias, problem=unreachable(alias, error))
    except EtlError as error:
        return Looked(alias, problem=str(error))
    finally:
        reader.close()


def _listed(aliases: Sequence[str]) -> str:
    *others, last = map(repr, aliases)
    return f"{', '.join(others)} and {last}" if others else last
