"""Loading all of a project's transformers for Dagster, with one sentence for what is wrong in them."""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from ..engine.plan import make_plan
from ..exceptions import ConfigurationError
from ..places import place_of
from ..registry import Registry, discover
from .jobs import build_definitions


def load_definitions(only: Collection[str] | None = None, *, jobs: bool = True) -> dg.Definitions:
    """Discover the transformers, see that each can be carried out, and tell Dagster of them.

    Args:
        only: names of the transformers that become assets; None for all.
        jobs: as for `build_definitions`.

    Raises:
        DagsterInvalidDefinitionError: a transformer, or the settings, are wrong. No ImportError, as which
            a module that does not import is raised elsewhere: Dagster hides the message of these.
    """
    try:
        registry = discover()
        names = None if only is None else [one._meta.name for one in registry.choose(list(only))]
        _check(registry)
        return build_definitions(registry, only=names, jobs=jobs)
    except ConfigurationError as error:
        raise dg.DagsterInvalidDefinitionError(_with_place(error)) from error


def _check(registry: Registry) -> None:
    """Refuse what `manage.py check` refuses, before an asset is shown that cannot run."""
    for transformer in registry.values():
        try:
            make_plan(transformer, registry)
        except ConfigurationError as error:
            error.transformer = transformer
            raise


def _with_place(error: ConfigurationError) -> str:
    """Say where the class at fault is written; a module that does not import says so already."""
    place = place_of(error.transformer) if error.transformer else None
    return f"{error} See {place}." if place else str(error)
