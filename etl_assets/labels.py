"""What Dagster takes as an asset's group, owner and tag, for system checks, which do not load Dagster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .transformer import Options

GROUP = re.compile(r"\w+(/\w+)*", re.ASCII)
OWNER = re.compile(r"team:(?s:.+)|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
TAG_NAME = re.compile(r"([\w.-]{1,63}/|dagster/kind/)?[\w.-]{1,63}", re.ASCII)
TAG_VALUE = re.compile(r"[\w.-]{0,63}", re.ASCII)


def problems(meta: Options) -> Iterator[str]:
    """Yield what Dagster would refuse of a transformer's Meta, in words that follow on "Meta of ..."."""
    for owner in meta.owners:
        if not OWNER.fullmatch(owner):
            yield (
                f"has owner {owner!r}, which Dagster does not take: write an e-mail address or 'team:name'."
            )
    if not GROUP.fullmatch(meta.group):
        yield f"has group {meta.group!r}, which Dagster does not take: use letters, digits and underscores."
    for name, value in meta.tags.items():
        if not (TAG_NAME.fullmatch(name) and TAG_VALUE.fullmatch(value)):
            yield (
                f"has tag {name!r}: {value!r}, which Dagster does not take: use at most 63 letters, digits, "
                "'_', '-' and '.' for each."
            )
