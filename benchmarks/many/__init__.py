"""Three hundred small transformers: what each costs besides its rows."""

from __future__ import annotations

NUMBER = 300
