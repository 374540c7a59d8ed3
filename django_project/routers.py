"""Which database a model may live in."""

from __future__ import annotations

from typing import Any


class LegacyRouter:
    """Keeps Django's tables out of the old system's database: `migrate` creates nothing there."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == "legacy" else None
