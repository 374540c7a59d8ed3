"""All transformers of a project: found, named, and put in order."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from django.apps import apps

from . import conf
from .exceptions import (
    BrokenTransformers,
    ConfigurationError,
    NotSupportedYet,
    UnknownTransformer,
    nearest,
)
from .transformer import Transformer

TransformerClass = type[Transformer]


class Registry(Mapping[str, TransformerClass]):
    """Transformers by name, in an order in which each comes after those it depends on."""

    def __init__(self, transformers: Iterable[TransformerClass]) -> None:
        named: dict[str, TransformerClass] = {}
        for transformer in transformers:
            name = transformer._meta.name
            if name in named:
                raise ConfigurationError(
                    f"{named[name]._meta.label} and {transformer._meta.label} are both named {name!r}: "
                    "give one of them another Meta.name.",
                    transformer=transformer,
                )
            named[name] = transformer
        self._by_name = {name: named[name] for name in _in_order(named)}

    def __getitem__(self, name: str) -> TransformerClass:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def choose(self, names: Sequence[str] | None) -> list[TransformerClass]:
        """Return the named transformers, or all, in the order in which they run.

        Raises:
            UnknownTransformer: a name is not known; the message lists those that are.
        """
        if names is None:
            return list(self._by_name.values())
        for name in names:
            if name not in self._by_name:
                raise UnknownTransformer(
                    f"No transformer is named {name!r}.{nearest(name, self)} "
                    f"Known transformers: {', '.join(sorted(self)) or 'none'}."
                )
        return [transformer for name, transformer in self._by_name.items() if name in names]


def discover(paths: Sequence[str] | None = None) -> Registry:
    """Import the transformers at these dotted module paths, or where the settings say.

    Without either, `transformers` and `etl.transformers` of every installed app are looked at.

    Raises:
        BrokenTransformers: a module does not exist or does not import.
        ConfigurationError: two transformers have one name, or depend on each other.
    """
    wanted = list(paths or conf.load().transformer_discovery_paths)
    found: dict[TransformerClass, None] = {}
    for path in wanted or _app_modules():
        found.update(dict.fromkeys(_transformers_at(path)))
    return Registry(found)


def _app_modules() -> Iterator[str]:
    for app in apps.get_app_configs():
        yield from filter(_exists, (f"{app.name}.transformers", f"{app.name}.etl.transformers"))


def _exists(path: str) -> bool:
    """Tell whether a module is there, without importing it; its package may be missing too."""
    parent, _, name = path.rpartition(".")
    try:
        package = importlib.import_module(parent)
    except ModuleNotFoundError as error:
        if error.name == parent:
            return False
        raise _broken(path, error) from error
    except Exception as error:
        raise _broken(path, error) from error
    return hasattr(package, "__path__") and find_spec(f".{name}", parent) is not None


def _transformers_at(path: str) -> Iterator[TransformerClass]:
    """Yield the transformers defined in a module or package, not those it merely imported."""
    for member in (member for module in _load(path) for member in vars(module).values()):
        if (
            inspect.isclass(member)
            and issubclass(member, Transformer)
            and "_meta" in vars(member)
            and f"{member.__module__}.".startswith(f"{path}.")
        ):
            yield member


def _load(path: str) -> list[ModuleType]:
    """Import a module, and all below it where it is a package."""
    try:
        module = importlib.import_module(path)
        below = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{path}.")
        return [module, *(importlib.import_module(one.name) for one in below)]
    except Exception as error:  # whatever an author's module raises is shown, with its place
        raise _broken(path, error) from error


def _broken(path: str, error: Exception) -> BrokenTransformers:
    """Name the line at which the import failed: the last one that is not ours or the import machinery's."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is not None and f"{path}.".startswith(f"{missing}."):
        return BrokenTransformers(
            f"Transformer module {path!r} does not exist: check the spelling and PYTHONPATH."
        )
    not_theirs = ("<frozen", f"{Path(importlib.__file__).parent}{os.sep}", f"{Path(__file__).parent}{os.sep}")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(not_theirs)
    ]
    if isinstance(error, SyntaxError):
        place, message = f" at {error.filename}, line {error.lineno}", error.msg
    else:
        place = f" at {frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
        message = str(error).splitlines()[0] if str(error) else "no message"
    return BrokenTransformers(
        f"Transformer module {path!r} does not import: {type(error).__name__}{place}: {message}"
    )


def _in_order(named: Mapping[str, TransformerClass]) -> list[str]:
    """Sort by dependency; where there is none, by name, so that every machine has the same order.

    What a transformer needs and nobody offers is left to the system check, which names it.
    """
    graph = TopologicalSorter(
        {
            name: [up for up in transformer._meta.upstream if up in named and up != name]
            for name, transformer in named.items()
        }
    )
    try:
        graph.prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise NotSupportedYet(
            f"The transformers {circle} depend on each other: links in a circle are not supported yet, "
            "so load one side without its link.",
            transformer=named[error.args[1][0]],
        ) from error
    order: list[str] = []
    while graph.is_active():
        ready = sorted(graph.get_ready())
        order += ready
        graph.done(*ready)
    return order
