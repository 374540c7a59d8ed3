"""Everything this package raises on purpose.

EtlError
├── ConfigurationError          settings, Meta or a transformer's columns are wrong
│   ├── UnknownTransformer      a name that no transformer has
│   ├── BrokenTransformers      a transformer module that does not import
│   └── NotSupportedYet         asked for, planned, not there
├── SourceError                 the legacy table, view, query or column is not there
├── TransformerBusy             the same transformer is running elsewhere
├── TargetBusy                  somebody else uses the target table, and it is needed alone
└── RunFailed                   the run started and cannot be vouched for
    ├── Unbalanced              read != created + updated + unchanged + rejected + skipped
    ├── TooManyRejects          strict mode, or MAX_REJECTED
    ├── ChecksFailed            a check of the target found what must not be
    └── HookError               prepare, transform, a rule or a skip raised or broke its promise

Interrupted (a KeyboardInterrupt)   Ctrl-C or SIGTERM

Each message is one sentence: what, why, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class EtlError(Exception):
    """Base of every error of this package."""


class ConfigurationError(EtlError, ValueError):
    """Settings, Meta or a transformer's columns are wrong."""

    def __init__(self, message: str, *, transformer: type | None = None) -> None:
        super().__init__(message)
        self.transformer = transformer
        """The class at fault, where it is one and known."""


class UnknownTransformer(ConfigurationError, LookupError):
    """A name that no transformer has."""


class BrokenTransformers(ConfigurationError, ImportError):
    """A transformer module that does not import."""


class NotSupportedYet(ConfigurationError, NotImplementedError):
    """Asked for, planned, and not there."""


class SourceError(EtlError, LookupError):
    """The legacy table, view, query or column is not there."""


class TransformerBusy(EtlError, RuntimeError):
    """The same transformer is running elsewhere."""


class TargetBusy(EtlError, RuntimeError):
    """Somebody else uses the target table, and it is needed alone."""


class RunFailed(EtlError, RuntimeError):
    """The run started and cannot be vouched for."""


class Unbalanced(RunFailed):
    """The rows that came out are not the rows that went in."""


class TooManyRejects(RunFailed):
    """More rows were rejected than the settings allow."""


class ChecksFailed(RunFailed):
    """A check of the target found what must not be."""


class HookError(RunFailed):
    """A hook of the author's raised, or broke its promise."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the run to stop.

    A KeyboardInterrupt, so that drivers which wait in C cancel their statement.
    """

    def __init__(self, exit_status: int) -> None:
        super().__init__()
        self.exit_status = exit_status


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known name, or nothing."""
    found = closest(name, known)
    return f" Did you mean {found!r}?" if found is not None else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the nearest known name if one is near; case makes no difference."""
    folded = {one.casefold(): one for one in known}
    found = get_close_matches(name.casefold(), folded, n=1)
    return folded[found[0]] if found else None
