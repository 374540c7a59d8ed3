"""What the page's templates call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.template import Library

from . import wording

register = Library()

for function in (
    wording.duration,
    wording.number,
    wording.percent,
    wording.quoted,
    wording.shown,
    wording.size,
):
    register.filter(function.__name__, function)


@register.filter
def share(part: float, whole: float) -> str:
    """Return a share as CSS takes it, in per cent; what is there is never too small to be seen."""
    if not part or not whole:
        return "0"
    return f"{min(100, max(1, 100 * part / whole)):.2f}"


@register.filter
def times(value: float, factor: float) -> float:
    return value * factor


@register.filter
def block(text: str) -> str:
    """Show what is invisible, but leave lines be lines: several lines of code stay several."""
    return "\n".join(map(wording.shown, text.splitlines()))


@register.filter
def pairs(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return names and values: in a template, `mapping.items` may be a column of that name."""
    return list(mapping.items())


@register.filter
def cells(mapping: Mapping[str, Any]) -> list[Any]:
    """Return the values."""
    return list(mapping.values())


@register.filter
def plural(count: int, nouns: str) -> str:
    """Write a count with its noun: `{{ rows|plural:"row" }}`, `{{ n|plural:"batch,batches" }}`."""
    one, _, many = nouns.partition(",")
    return wording.plural(count, one, many or None)
