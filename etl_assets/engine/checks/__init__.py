"""Checks of what a run did and of what is in its target, one module for each kind.

A failing one of severity "error" fails the transformer inside its transaction, so that the target stays as it
was and what depends on it is not loaded. A failing "warning" is told, and no more.
"""

from __future__ import annotations

from .declared import DeclaredCheck, declared_checks
from .result import CheckResult, Severity

__all__ = ["CheckResult", "DeclaredCheck", "Severity", "declared_checks"]
