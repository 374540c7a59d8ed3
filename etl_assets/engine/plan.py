"""A transformer made ready for the engine: names resolved to model fields, types and links."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import AutoField, Field, ForeignKey, Model

from ..columns import Concat, Expression, Link
from ..exceptions import ConfigurationError, NotSupportedYet, SourceError, nearest
from ..transformer import Options, Transformer
from .kinds import is_text, require_known, stored_field

PYTHON_VERBS = frozenset({"apply", "email", "fix_encoding", "matches", "phone"})


@dataclass(frozen=True)
class Lookup:
    """How a link's legacy key becomes the value of a foreign key."""

    model: type[Model]
    """The parent."""
    key: Field[Any, Any]
    """Field of the parent that holds the legacy key."""
    value: Field[Any, Any]
    """Field of the parent that the foreign key refers to."""
    through: Lookup | None = None
    """Where the parent's key is a link itself: resolved first."""
    missing: str = "reject"
    transformer: str = ""
    """The parent's name; '' for a foreign key that is mapped without a link."""

    @property
    def key_field(self) -> Field[Any, Any]:
        """The field whose type the legacy key has."""
        return self.through.key_field if self.through else stored_field(self.key)


@dataclass(frozen=True)
class FieldPlan:
    """One mapped field."""

    name: str
    field: Field[Any, Any]
    expression: Expression
    """Without its link: what computes the value, or the legacy key to look up."""
    lookup: Lookup | None = None

    @property
    def takes_null(self) -> bool:
        """Tell whether a null can be stored, as an empty text where the model wants text."""
        return self.field.null or (is_text(self.field) and self.field.blank)


@dataclass(frozen=True)
class Plan:
    """One transformer, ready to run."""

    transformer: type[Transformer]
    fields: dict[str, FieldPlan]

    @property
    def meta(self) -> Options:
        return self.transformer._meta

    @property
    def model(self) -> type[Model]:
        return self.meta.model

    @property
    def keys(self) -> list[FieldPlan]:
        return [self.fields[name] for name in self.meta.key_fields]

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Source columns that identify a legacy row."""
        names = (name for plan in self.keys for name in plan.expression.source_columns)
        return tuple(dict.fromkeys(names))

    @property
    def source_columns(self) -> tuple[str, ...]:
        names = (name for plan in self.fields.values() for name in plan.expression.source_columns)
        return tuple(dict.fromkeys(names))

    @property
    def slow_steps(self) -> tuple[str, ...]:
        """Verbs and hooks that call Python for each distinct value or each row."""
        steps = (step.name for plan in self.fields.values() for step in plan.expression.steps)
        used = [f"{name}()" for name in dict.fromkeys(steps) if name in PYTHON_VERBS]
        if self.transformer.overrides("transform_row"):
            used.append("transform_row()")
        return tuple(used)

    def require_columns(self, known: Collection[str]) -> None:
        """Refuse to go on without a source column that an expression reads.

        Raises:
            SourceError: it names the column and those there are.
        """
        for name in self.source_columns:
            if name not in known:
                raise SourceError(
                    f"{self.meta.label} reads column {name!r}, which {self.meta.source_label} does not have."
                    f"{nearest(name, known)} Its columns are {', '.join(known)}."
                )


def make_plan(transformer: type[Transformer], registry: Mapping[str, type[Transformer]]) -> Plan:
    """Resolve a transformer against its model and the transformers that it links to.

    Raises:
        ConfigurationError: a field, key, link or `after` cannot be meant as written.
        NotSupportedYet: `legacy_key`, or a link to self, to a key of several fields or to no key.
    """
    meta = transformer._meta
    if meta.legacy_key:
        raise NotSupportedYet(
            f"{meta.label} has Meta.legacy_key, which is not supported yet: "
            "give the model a field for the legacy key and map it with key()."
        )
    if meta.model._meta.parents and not meta.model._meta.proxy:
        raise ConfigurationError(
            f"{meta.label} fills {meta.model._meta.label}, which inherits from another table: "
            "multi-table inheritance is not supported, so load the parent's model by itself."
        )
    fields = {name: _plan_field(meta, name, value, registry) for name, value in meta.columns.items()}
    _check_key(meta, fields)
    _check_unmapped(meta, fields)
    _check_after(meta, registry)
    return Plan(transformer, fields)


def _plan_field(
    meta: Options, name: str, expression: Expression, registry: Mapping[str, type[Transformer]]
) -> FieldPlan:
    field = _model_field(meta, name)
    if isinstance(expression, Link):
        return _plan_link(meta, field, expression, registry)
    lookup = None
    if isinstance(field, ForeignKey):  # mapped without a link: the column holds the parent's own key
        parent = field.related_model
        lookup = Lookup(parent, field.target_field, field.target_field)
    require_known(field)
    return FieldPlan(name, field, expression, lookup)


def _model_field(meta: Options, name: str) -> Field[Any, Any]:
    try:
        field = meta.model._meta.get_field(name)
        if field.name != name:  # Django finds a foreign key by its column's name too: `place_id`
            raise FieldDoesNotExist
    except FieldDoesNotExist as error:
        known = [field.name for field in meta.model._meta.fields]
        raise ConfigurationError(
            f"{meta.label}.{name} is no field of {meta.model._meta.label}.{nearest(name, known)} "
            f"Its fields are {', '.join(known)}."
        ) from error
    if not isinstance(field, Field) or field.many_to_many or not field.concrete or field.generated:
        raise ConfigurationError(
            f"{meta.label}.{name} is no column of {meta.model._meta.label}'s table: for a many-to-many "
            "field write a transformer for its through model, and leave a generated field out."
        )
    return field


def _plan_link(
    meta: Options, field: Field[Any, Any], link: Link, registry: Mapping[str, type[Transformer]]
) -> FieldPlan:
    here = f"{meta.label}.{field.name}"
    if not isinstance(field, ForeignKey):
        raise ConfigurationError(f"{here} is a link, but the model's field is no foreign key: use col().")
    lookup = replace(_lookup(meta, field, link, registry), missing=link.missing, transformer=link.target)
    if link.missing == "null" and not field.null:
        raise ConfigurationError(f"{here} has missing='null', but the model's field does not allow null.")
    value = link.value
    parent = registry[link.target]._meta
    parent_key = parent.columns[parent.key_fields[0]]
    if link.by_name and not isinstance(parent_key, Concat):
        # Both sides hold the same legacy value, so what cleaned the one cleans the other.
        cleaned = parent_key.value if isinstance(parent_key, Link) else parent_key
        value = replace(value, steps=tuple(step for step in cleaned.steps if not step.is_rule))
    return FieldPlan(field.name, field, replace(value, steps=(*value.steps, *link.steps)), lookup)


def _lookup(
    meta: Options, field: ForeignKey[Any, Any], link: Link, registry: Mapping[str, type[Transformer]]
) -> Lookup:
    here = f"{meta.label}.{field.name}"
    if link.target in ("self", meta.name):
        raise NotSupportedYet(
            f"{here} links to its own transformer, which is not supported yet: leave the field out."
        )
    if link.target not in registry:
        raise ConfigurationError(
            f"{here} links to {link.target!r}, which is no transformer.{nearest(link.target, registry)} "
            f"Known transformers: {', '.join(sorted(registry)) or 'none'}."
        )
    parent = registry[link.target]._meta
    if parent.model._meta.concrete_model is not field.related_model._meta.concrete_model:
        raise ConfigurationError(
            f"{here} refers to {field.related_model._meta.label}, but {link.target!r} fills "
            f"{parent.model._meta.label}: link to the transformer that fills the right model."
        )
    if parent.legacy_key or len(parent.key_fields) != 1:
        raise NotSupportedYet(
            f"{here} links to {link.target!r}, whose key is not one field: such links are not supported "
            "yet, so give the parent model one field for its legacy key."
        )
    key = _model_field(parent, parent.key_fields[0])
    if key.name not in parent.columns:
        raise ConfigurationError(
            f"{here} links to {link.target!r}, which does not map its own key {key.name!r}: map it there."
        )
    own = parent.columns[key.name]
    through = None
    if isinstance(own, Link) and isinstance(key, ForeignKey):
        through = _lookup(parent, key, own, registry)
    return Lookup(parent.model, key, field.target_field, through)


def _check_key(meta: Options, fields: Mapping[str, FieldPlan]) -> None:
    if not meta.key_fields:
        raise ConfigurationError(
            f"{meta.label} has no key: map one field with key(), or name several in Meta.key."
        )
    if not meta.key and len(meta.key_fields) > 1:
        raise ConfigurationError(
            f"{meta.label} has several key() columns: write Meta.key = {meta.key_fields!r}, which says "
            "that they identify a row together."
        )
    for name in meta.key_fields:
        if name not in fields:
            raise ConfigurationError(
                f"{meta.label} has {name!r} in Meta.key, which it does not map.{nearest(name, fields)}"
            )
    if not any(fields[name].expression.source_columns for name in meta.key_fields):
        raise ConfigurationError(
            f"{meta.label} has a key that no source column goes into, so that all rows would be one: "
            "add a field to Meta.key that is read from a column."
        )


def _check_unmapped(meta: Options, fields: Mapping[str, FieldPlan]) -> None:
    """Refuse a model that has a required field which nobody fills."""
    for field in meta.model._meta.concrete_fields:
        if field.name not in fields and not _fills_itself(field):
            raise ConfigurationError(
                f"{meta.label} does not map {field.name!r}, which {meta.model._meta.label} requires: "
                "map it, or give the field a default."
            )


def _fills_itself(field: Field[Any, Any]) -> bool:
    """Tell whether a row can be created without a value for this field; an unmapped text is then empty."""
    if field.generated or field.has_default() or field.has_db_default():
        return True
    if field.primary_key:
        return isinstance(field, AutoField)
    clock = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return field.null or is_text(field) or clock


def _check_after(meta: Options, registry: Mapping[str, type[Transformer]]) -> None:
    for name in meta.after:
        if name not in registry:
            raise ConfigurationError(
                f"{meta.label} has {name!r} in Meta.after, which is no transformer.{nearest(name, registry)} "
                f"Known transformers: {', '.join(sorted(registry))}."
            )
