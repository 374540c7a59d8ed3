"""What runs when: cron lines, time zones and schedules of the settings, read and checked without Dagster."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError
from django.conf import settings

from .exceptions import nearest

KEYS = ("cron", "only", "timezone", "enabled")
CRON_HINT = "Write minute, hour, day, month and weekday: '0 2 * * *' is every night at two."
TAKEN = re.compile(
    "watch__.*|observe_legacy_tables|alert_on_failure"
    "|arg_dict|bool|conf|config|context|dict|float|input|input_arg_dict|int|meta|output|output_arg_dict|str|type"
)
"""Names that schedules cannot have: this package's sensors and jobs have them, and Dagster keeps some."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One entry of SCHEDULES."""

    name: str
    cron: str
    only: tuple[str, ...] | None
    """Names of the transformers to run; None for all."""
    timezone: str
    """Where the cron line's hours are read; the project's own where the entry has none."""
    enabled: bool

    @classmethod
    def read(cls, name: str, given: Mapping[str, Any]) -> Schedule:
        """Read an entry that has no problems."""
        return cls(
            name=name,
            cron=given["cron"],
            only=_names(given.get("only")),
            timezone=given.get("timezone") or settings.TIME_ZONE,
            enabled=given.get("enabled", True),
        )


def problems(schedules: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield each thing wrong with SCHEDULES as a sentence and what to do about it."""
    for name, given in schedules.items():
        where = f"SCHEDULES[{name!r}]"
        if not isinstance(name, str) or not re.fullmatch(r"\w+", name, re.ASCII):
            yield f"SCHEDULES has the name {name!r}.", "Use letters, digits and underscores only."
        elif TAKEN.fullmatch(name) or iskeyword(name):
            yield f"SCHEDULES has the name {name!r}, which is taken.", "Give it another name."
        if not isinstance(given, Mapping):
            yield f"{where} is a {type(given).__name__}.", "Make it a dict with the key 'cron'."
            continue
        for key in given:
            if key not in KEYS:
                hint = nearest(str(key), KEYS).strip() or f"The known keys are {', '.join(KEYS)}."
                yield f"{where} has no key {key!r}.", hint
        yield from _wrong_values(where, given)


def _wrong_values(where: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "cron" not in given:
        yield f"{where} has no cron line.", CRON_HINT
    elif problem := cron_problem(given["cron"]):
        yield f"{where} has cron {given['cron']!r}: {problem}.", CRON_HINT
    only = given.get("only")
    if only is not None and not _are_names(only):
        yield f"{where} has only {only!r}.", "Make it a list of transformers' names, or leave it out for all."
    zone = given.get("timezone")
    if zone is not None and not is_timezone(zone):
        hint = nearest(str(zone), available_timezones()).strip() or "Write a name such as 'Europe/London'."
        yield f"{where} has timezone {zone!r}, which is not known.", hint
    enabled = given.get("enabled", True)
    if not isinstance(enabled, bool):
        yield f"{where} has enabled {enabled!r}.", "Make it True or False."


def cron_problem(line: Any) -> str | None:
    """Say what is wrong with a cron line; None where cron and Dagster both take it."""
    if not isinstance(line, str):
        return "not a text"
    fields = line.split()
    if len(fields) != 5:
        return f"{len(fields)} fields instead of 5"
    try:
        CronSim(line, dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    except CronSimError as error:
        return str(error)[:1].lower() + str(error)[1:]
    # What this parser takes beyond Dagster's: 'LW', '5L', and a day that February never has beside a weekday.
    is_february = fields[3].upper() in ("2", "02", "FEB")
    if "W" in fields[2].upper() or (is_february and fields[2] in ("30", "31")):
        return "bad day-of-month"
    if "L" in fields[4].upper():
        return "bad day-of-week"
    return None


def is_timezone(name: Any) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        return False
    return True


def _names(only: Any) -> tuple[str, ...] | None:
    """Take a list, or a text with commas as `--only` does."""
    if only is None:
        return None
    parts = only.split(",") if isinstance(only, str) else only
    return tuple(part.strip() for part in parts if part.strip())


def _are_names(only: Any) -> bool:
    is_list = isinstance(only, (list, tuple)) and all(isinstance(name, str) for name in only)
    return (is_list or isinstance(only, str)) and bool(_names(only))
