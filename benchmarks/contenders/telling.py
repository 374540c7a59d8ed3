"""What a contender tells the harness besides what can be seen from outside."""

from __future__ import annotations

import json
import os
import sys


def set_up() -> None:
    """Start Django on the databases of the environment."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()


def tell(**facts: float) -> None:
    """Print facts as the last line of stdout, as JSON."""
    sys.stdout.write(json.dumps(facts) + "\n")
