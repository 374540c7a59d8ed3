"""One call of `etl`: see that it can be done, look at the table, and hand over what was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from django.db import DEFAULT_DB_ALIAS

from .. import conf
from ..exceptions import BrokenTransformers, ConfigurationError, nearest
from ..files import check_writable

if TYPE_CHECKING:
    from ..analysis.masking import Masker
    from ..analysis.table import LegacyTable
    from ..registry import Registry

Action = Literal["analyze", "duplicates", "preview", "estimate", "checks"]
ACTIONS: tuple[Action, ...] = get_args(Action)
OF_TABLES: tuple[Action, ...] = ("analyze", "duplicates", "preview", "estimate")
"""Those that look at a table; the others look at a run."""
FORMATS = ("table", "json")
MOST = 2**63 - 1
"""More rows than any table has, and the largest number that databases know."""
SUFFIXES = (".json", ".html")
NAMES = re.compile(r'\s*("(?:[^"]|"")*")\s*(?:,|$)|([^,]*)(?:,|$)')
"""A name in double quotes, or one without, up to the next comma."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    action: Action
    table: str = ""
    """Of a table's action."""
    run: str | None = None
    """Of a run's action: its id, or None for the last run."""
    database: str | None = None
    columns: list[str] | None = None
    limit: int = 10
    batch_size: int = 1000
    output: Path | None = None
    format: str | None = None
    ignore_case: bool = False
    fuzzy: bool = False
    show_sensitive: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Request:
        """Take what Django hands to `handle`, from a command line or from `call_command`.

        Raises:
            ConfigurationError: something is missing, or is not what it has to be.
        """
        action = _action(options["action"])
        _refuse_foreign(action, options)
        return cls(
            action=action,
            table=_table(options["table"]) if action in OF_TABLES else "",
            run=options.get("run"),
            database=options["database"],
            columns=_columns(options["columns"]),
            limit=_from_one(options["limit"], "--limit"),
            batch_size=_from_one(options["batch_size"], "--batch-size"),
            output=_output(options["output"]),
            format=_format(options["format"]),
            ignore_case=options["ignore_case"],
            fuzzy=options["fuzzy"],
            show_sensitive=options["show_sensitive"],
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """What an action found out."""

    action: Action
    subject: str
    """The table's name, or the run."""
    database: str
    """Alias."""
    result: Mapping[str, Any]
    """As JSON has it; docs/etl.schema.json describes it."""
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a preview by a transformer: target field -> the columns that it is made of."""


def inspect(
    request: Request, *, note: Callable[[str], object], progress: Callable[[int, int], None]
) -> Finding:
    """Look at the table, or at the run.

    Args:
        request: what to do.
        note: is told in a sentence what people should know beside the result.
        progress: is told again and again how many rows of how many have been read.

    Raises:
        EtlError: it cannot be done.
    """
    if request.output is not None:
        check_writable(request.output, "Output file", "--output")
    if request.action in OF_TABLES:
        return _look_at_table(request, note, progress)
    return _look_at_run(request)


def _look_at_run(request: Request) -> Finding:
    from ..analysis.checks import checks

    report = checks(request.run)
    return Finding(request.action, f"Run {report['run_id']}", DEFAULT_DB_ALIAS, report)


def _look_at_table(
    request: Request, note: Callable[[str], object], progress: Callable[[int, int], None]
) -> Finding:
    from ..analysis.light import do_without_pandas  # Arrow takes a while to import
    from ..analysis.table import open_table

    if request.action in ("analyze", "duplicates"):
        do_without_pandas()
    with open_table(request.table, request.database) as table:
        if request.database is None and table.database != DEFAULT_DB_ALIAS:
            note(
                f"Reading {table.name!r} from {table.database!r}, the only database found to have it: "
                "--database names another."
            )
        table.progress = progress
        return _look(request, table)


def _look(request: Request, table: LegacyTable) -> Finding:
    """Do what is asked for; only what that takes is imported."""
    from ..analysis.masking import Masker

    table.require(request.columns or ())
    if request.action == "duplicates" and not request.columns:
        raise ConfigurationError(
            "duplicates needs --columns: name those that make two rows the same, with commas between them. "
            f"The columns of {table.name!r} are {', '.join(table.columns)}."
        )
    registry = _registry(request)
    masker = Masker.for_table(table, show=request.show_sensitive, registry=registry)
    result = cast(Mapping[str, Any], LOOKS[request.action](request, table, masker, registry))
    name = result.get("transformer") if request.action == "preview" else None
    columns = registry[name]._meta.columns if registry is not None and name else {}
    sources = {name: tuple(expression.source_columns) for name, expression in columns.items()}
    return Finding(request.action, table.name, table.database, result, sources)


def _registry(request: Request) -> Registry | None:
    """Find the project's transformers.

    One that does not import yet keeps nobody from looking at a table, unless it would have run, or might
    have told that a column is sensitive.
    """
    from ..registry import discover

    try:
        return discover()
    except BrokenTransformers:
        names_matter = conf.load().sensitive_columns and not request.show_sensitive
        if request.action in ("preview", "estimate") or names_matter:
            raise
        return None


def _analyze(request: Request, table: LegacyTable, masker: Masker, registry: Registry | None) -> object:
    from ..analysis.profile import analyze

    def tell(what: str, done: int, total: int) -> None:
        """Count looking at the columns in rows too; the table itself tells how many have been read."""
        if what == "columns" and table.progress is not None:
            table.progress(done * table.row_count // total, table.row_count)

    return analyze(table, request.columns, masker=masker, registry=registry, progress=tell)


def _duplicates(request: Request, table: LegacyTable, masker: Masker, registry: Registry | None) -> object:
    from ..analysis.duplicates import duplicates

    return duplicates(
        table,
        request.columns or (),
        request.limit,
        ignore_case=request.ignore_case,
        fuzzy=request.fuzzy,
        masker=masker,
    )


def _preview(request: Request, table: LegacyTable, masker: Masker, registry: Registry | None) -> object:
    from ..analysis.preview import preview

    return preview(table, request.columns or (), request.limit, masker=masker, registry=registry)


def _estimate(request: Request, table: LegacyTable, masker: Masker, registry: Registry | None) -> object:
    from ..analysis.estimate import estimate

    return estimate(table, request.batch_size, registry=registry, progress=table.progress)


LOOKS: Mapping[Action, Callable[[Request, LegacyTable, Masker, Registry | None], object]] = {
    "analyze": _analyze,
    "duplicates": _duplicates,
    "preview": _preview,
    "estimate": _estimate,
}


# What the command line says


def _action(given: str | None) -> Action:
    known = _listed(ACTIONS)
    if given is None:
        raise ConfigurationError(f"No action was given: the actions are {known}.")
    if given not in ACTIONS:
        raise ConfigurationError(
            f"There is no action {given!r}.{nearest(given, ACTIONS)} The actions are {known}."
        )
    return given


def _refuse_foreign(action: Action, options: Mapping[str, Any]) -> None:
    """Refuse an option that this action would have to ignore."""
    if options["columns"] is not None and action == "estimate":
        raise ConfigurationError("estimate is about whole rows, and does not know --columns: leave it out.")
    for option, actions in KNOWN_TO.items():
        if options.get(option) and action not in actions:
            raise ConfigurationError(
                f"--{option.replace('_', '-')} is for {_listed(actions)}, and {action} does not know it: "
                "leave it out."
            )


KNOWN_TO: Mapping[str, Sequence[Action]] = {
    "table": OF_TABLES,
    "database": OF_TABLES,
    "columns": ("analyze", "duplicates", "preview"),
    "show_sensitive": OF_TABLES,
    "ignore_case": ("duplicates",),
    "fuzzy": ("duplicates",),
    "run": ("checks",),
}


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _table(given: str | None) -> str:
    if not given:
        raise ConfigurationError(
            "--table is missing: name the table or view to look at, such as --table legacy_patients."
        )
    return given


def _columns(given: str | Sequence[str] | None) -> list[str] | None:
    if given is None:
        return None
    names = _split(given) if isinstance(given, str) else list(given)
    if not names:
        raise ConfigurationError("--columns names no column: name one or more, with commas between them.")
    return names


def _split(listed: str) -> list[str]:
    """Split names at commas; one with a comma or with spaces around it is in double quotes, as in CSV."""
    found = NAMES.findall(listed)
    return [
        quoted[1:-1].replace('""', '"') if quoted else plain.strip()
        for quoted, plain in found
        if quoted or plain.strip()
    ]


def _from_one(given: Any, option: str) -> int:
    try:
        number = int(given)
    except ValueError:
        number = 0
    if number < 1:
        raise ConfigurationError(f"{option} is {str(given)!r}: give a whole number from 1 up.")
    return min(number, MOST)


def _output(given: str | Path | None) -> Path | None:
    if given is None:
        return None
    path = Path(given).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(
            f"Output file {path} is of no known kind: let its name end in {' or '.join(SUFFIXES)}."
        )
    return path


def _format(given: str | None) -> str | None:
    if given is not None and given not in FORMATS:
        raise ConfigurationError(f"--format is {given!r}: give {' or '.join(FORMATS)}.")
    return given
