"""System checks: settings and transformers are wrong before the run, not in the middle of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections

from . import conf, labels, registry
from .engine.plan import make_plan
from .exceptions import ConfigurationError, nearest

TAG = "etl_assets"


def register() -> None:
    checks.register(check_settings, TAG)
    checks.register(check_transformers, TAG)


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """E001: ETL_CONFIG is wrong. E002: a database that it requires is not configured."""
    found: list[checks.CheckMessage] = [
        checks.Error(problem, hint=hint, id="etl_assets.E001") for problem, hint in conf.problems()
    ]
    if found:
        return found
    for alias in conf.load().required_databases:
        if alias not in connections:
            known = ", ".join(sorted(connections))
            found.append(
                checks.Error(
                    f"REQUIRED_DATABASES names {alias!r}, which is not configured.",
                    hint=f"Add it to DATABASES, or name one of {known}.",
                    id="etl_assets.E002",
                )
            )
    return found


def check_transformers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """E003: transformers cannot be found or ordered. E004: one cannot be carried out as written.

    E005: a schedule names one that is not there. E006: Dagster does not take an owner, group or tag.
    """
    if list(conf.problems()):
        return []  # E001 says so
    try:
        found = registry.discover()
    except ConfigurationError as error:
        return [checks.Error(str(error), id="etl_assets.E003")]
    messages: list[checks.CheckMessage] = []
    for transformer in found.values():
        try:
            make_plan(transformer, found)
        except ConfigurationError as error:
            messages.append(checks.Error(str(error), obj=transformer, id="etl_assets.E004"))
    return messages + _check_labels(found) + _check_schedules(found)


def _check_labels(found: registry.Registry) -> list[checks.CheckMessage]:
    return [
        checks.Error(str(one._meta.error(problem)), obj=one, id="etl_assets.E006")
        for one in found.values()
        for problem in labels.problems(one._meta)
    ]


def _check_schedules(found: registry.Registry) -> list[checks.CheckMessage]:
    return [
        checks.Error(
            f"SCHEDULES[{schedule.name!r}] has only {name!r}, and no transformer is named so.",
            hint=nearest(name, found).strip() or f"Known transformers: {', '.join(sorted(found)) or 'none'}.",
            id="etl_assets.E005",
        )
        for schedule in conf.load().schedules
        for name in schedule.only or ()
        if name not in found
    ]
