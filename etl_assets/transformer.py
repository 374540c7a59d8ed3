"""The class that an author writes for each target model.

A Transformer is to a legacy table what a ModelForm is to a request: its attributes are named after
the model's fields, and what the model already says is not repeated.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.utils.text import slugify
from django.utils.translation import override

from . import conf
from .columns import Expression, Key, Link, Severity
from .exceptions import ConfigurationError, nearest
from .source import Source, is_source, source_label

if TYPE_CHECKING:
    import pandas as pd

Hook = TypeVar("Hook", bound=Callable[..., Any])

META_OPTIONS: Mapping[str, Any] = {
    "source": None,
    "model": None,
    "name": None,
    "key": (),
    "legacy_key": (),
    "after": (),
    "database": None,
    "using": DEFAULT_DB_ALIAS,
    "watermark": None,
    "watermark_overlap": None,
    "batch_size": None,
    "rebuild_indexes": False,
    "order_by": (),
    "group": None,
    "owners": (),
    "tags": {},
}
"""Every option of `class Meta` with its default; the documentation has a line for each."""

LONGEST_NAME = 100
"""A transformer's name is part of a lock file's name, and of columns of 255 characters."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """A method marked with `@rule`: the rows it calls False are refused, or loaded with a warning."""

    name: str
    reason: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Skip:
    """A method marked with `@skip`: the rows it calls True are left out on purpose."""

    name: str
    reason: str


def rule(reason: str, *, severity: Severity = "error") -> Callable[[Hook], Hook]:
    """Mark a method that gets the frame of target columns and returns True for each good row.

    `severity="warning"` loads the other rows all the same, and counts them.
    """
    if severity not in ("error", "warning"):
        raise ConfigurationError(f"@rule(severity={severity!r}) is unknown: write 'error' or 'warning'.")
    return _marker(lambda name: RowRule(name, _reason("rule", reason), severity))


def skip(reason: str) -> Callable[[Hook], Hook]:
    """Mark a method that gets the frame of target columns and returns True for each row to leave out."""
    return _marker(lambda name: Skip(name, _reason("skip", reason)))


def _reason(decorator: str, reason: object) -> str:
    if not isinstance(reason, str) or not reason:
        raise ConfigurationError(f"@{decorator} needs a reason: write @{decorator}('test account').")
    return reason


def _marker(make: Callable[[str], RowRule | Skip]) -> Callable[[Hook], Hook]:
    make("")  # a reason that is none is reported at the decorator, not at the class

    def mark(function: Hook) -> Hook:
        function.__etl_hook__ = make(function.__name__)  # type: ignore[attr-defined]
        return function

    return mark


class Options:
    """What a transformer's class body says, resolved; reached as `SomeTransformer._meta`."""

    def __init__(self, transformer: type[Transformer], declared: Mapping[str, Any]) -> None:
        self.transformer = transformer
        values = {**META_OPTIONS, **declared}
        for option in declared:
            if option not in META_OPTIONS:
                hint = nearest(option, META_OPTIONS) or f" Its options are {', '.join(META_OPTIONS)}."
                raise self.error(f"has no option {option!r}.{hint}")
        for option in ("source", "model"):
            if values[option] is None:
                raise self.error(f"has no {option}: write {option} = ... in it.")
        if not is_source(values["source"]):
            raise self.error(
                f"has source {values['source']!r}, which is no table name, Query, model or QuerySet."
            )
        self.source: Source = values["source"]
        self.declared_model: type[Model] | str = values["model"]
        self.declared_name: str | None = values["name"]
        self.key: tuple[str, ...] = self._names("key", values)
        self.legacy_key: tuple[str, ...] = self._names("legacy_key", values)
        self.after: tuple[str, ...] = self._names("after", values)
        self.order_by: tuple[str, ...] = self._names("order_by", values)
        self.declared_database: str | None = self._text("database", values)
        self.using: str = self._text("using", values) or DEFAULT_DB_ALIAS
        self.watermark: str | None = self._text("watermark", values)
        self.watermark_overlap: dt.timedelta | int | float | None = self._overlap(values)
        self.batch_size: int | None = values["batch_size"]
        self.rebuild_indexes: bool = values["rebuild_indexes"]
        self.declared_group: str | None = self._text("group", values)
        self.owners: tuple[str, ...] = self._names("owners", values)
        self.tags: dict[str, str] = self._tags(values)
        if self.batch_size is not None and (type(self.batch_size) is not int or self.batch_size < 1):
            raise self.error(f"has batch_size {self.batch_size!r}, which is not a whole number from 1 up.")
        if type(self.rebuild_indexes) is not bool:
            raise self.error(f"has rebuild_indexes {self.rebuild_indexes!r}: write True or False.")

    def error(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"Meta of {self.transformer.__qualname__} {what}", transformer=self.transformer
        )

    def _names(self, option: str, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Take a tuple of names, or one name where a tuple of one was meant."""
        value = values[option]
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) and name for name in names):
            raise self.error(f"has {option} {value!r}, which is no tuple of names.")
        return tuple(names)

    def _text(self, option: str, values: Mapping[str, Any]) -> str | None:
        value = values[option]
        if value is not None and not (isinstance(value, str) and value):
            raise self.error(f"has {option} {value!r}, which is no name.")
        return value

    def _overlap(self, values: Mapping[str, Any]) -> dt.timedelta | int | float | None:
        overlap = values["watermark_overlap"]
        if overlap is None:
            return None
        if values["watermark"] is None:
            raise self.error("has watermark_overlap without a watermark: name its column.")
        if type(overlap) not in (int, float, dt.timedelta) or not overlap >= type(overlap)(0):
            raise self.error(f"has watermark_overlap {overlap!r}, which is no timedelta or number from 0 up.")
        return overlap

    def _tags(self, values: Mapping[str, Any]) -> dict[str, str]:
        tags = values["tags"]
        texts = [*tags.keys(), *tags.values()] if isinstance(tags, Mapping) else [tags]
        if not all(isinstance(text, str) for text in texts):
            raise self.error(f"has tags {tags!r}, which is no dict of texts.")
        return dict(tags)

    @cached_property
    def columns(self) -> dict[str, Expression]:
        """Target field name -> expression, in the order written, bases first."""
        found: dict[str, Expression] = {}
        for base in reversed(self.transformer.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, Expression):
                    found[name] = value
                elif name in found:
                    del found[name]  # a subclass took the column away: name = None
        return found

    @cached_property
    def rules(self) -> tuple[RowRule, ...]:
        return tuple(hook for hook in self._hooks() if isinstance(hook, RowRule))

    @cached_property
    def skips(self) -> tuple[Skip, ...]:
        return tuple(hook for hook in self._hooks() if isinstance(hook, Skip))

    def _hooks(self) -> list[RowRule | Skip]:
        names: dict[str, None] = {}
        for base in reversed(self.transformer.__mro__):
            names.update(dict.fromkeys(vars(base)))
        found = ((name, getattr(getattr(self.transformer, name), "__etl_hook__", None)) for name in names)
        # By the attribute's name: `adult = rule("is a child")(is_adult)` shares a function of another name.
        return [replace(hook, name=name) for name, hook in found if hook is not None]

    @cached_property
    def model(self) -> type[Model]:
        """The target model.

        Raises:
            ConfigurationError: no installed app has it.
        """
        if isinstance(self.declared_model, type) and issubclass(self.declared_model, Model):
            return self.declared_model
        try:
            return apps.get_model(str(self.declared_model))
        except (LookupError, ValueError) as error:
            raise self.error(
                f"has model {self.declared_model!r}, which no installed app has: write 'app_label.Model'."
            ) from error

    @cached_property
    def name(self) -> str:
        """The asset's name, and what `--only` takes."""
        if self.declared_name is not None:
            if not re.fullmatch(r"[A-Za-z0-9_]+", str(self.declared_name)):
                raise self.error(
                    f"has name {self.declared_name!r}: use letters, digits and underscores only."
                )
            if len(self.declared_name) > LONGEST_NAME:
                raise self.error(
                    f"has a name of {len(self.declared_name)} characters: use {LONGEST_NAME} at most."
                )
            return self.declared_name
        with override(None):
            plural = str(self.model._meta.verbose_name_plural)
        # An asset's name is ASCII; a plural with none of it leaves the model's own name.
        return slugify(plural).replace("-", "_") or str(self.model._meta.model_name)

    @property
    def label(self) -> str:
        """Dotted path of the class, for messages."""
        return f"{self.transformer.__module__}.{self.transformer.__qualname__}"

    @property
    def database(self) -> str:
        """Alias of the legacy database."""
        return self.declared_database or conf.load().default_legacy_db

    @property
    def source_label(self) -> str:
        return source_label(self.source)

    @cached_property
    def group(self) -> str:
        return self.declared_group or str(self.model._meta.app_label)

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """Target fields that identify a row together: `Meta.key`, else the `key()` attribute."""
        if self.key:
            return self.key
        return tuple(name for name, expression in self.columns.items() if isinstance(expression, Key))

    @cached_property
    def links(self) -> dict[str, Link]:
        return {name: value for name, value in self.columns.items() if isinstance(value, Link)}

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        """Names of the transformers that must be loaded before this one."""
        return tuple(dict.fromkeys([*(link.target for link in self.links.values()), *self.after]))


class Transformer:
    """Moves one legacy table into one model. See docs/transformers.md for the whole language."""

    _meta: ClassVar[Options]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        meta = getattr(cls, "Meta", None)
        if meta is not None:  # a class without one, or a parent's, is a base for others
            names = {name for base in meta.__mro__[:-1] for name in vars(base)}
            declared = {name: getattr(meta, name) for name in names if not name.startswith("_")}
            cls._meta = Options(cls, declared)

    def prepare(self, rows: pd.DataFrame) -> pd.DataFrame:
        """See the source rows before any verb; return as many."""
        return rows

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """See the finished target columns last; change declared fields only, and return as many rows."""
        return rows

    def transform_row(self, row: dict[str, Any]) -> dict[str, Any]:
        """See each finished row by itself, after `transform`: the slow last resort."""
        return row

    @classmethod
    def overrides(cls, hook: str) -> bool:
        """Tell whether the author wrote this hook."""
        return getattr(cls, hook) is not getattr(Transformer, hook)
