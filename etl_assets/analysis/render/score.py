"""The dimensions of the quality score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..quality import WEIGHTS


def dimensions(breakdown: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """Yield each dimension with its points and the most that it can have."""
    for name, points in breakdown.items():
        yield name, points, float(WEIGHTS[name])
