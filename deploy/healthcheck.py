"""Ends with 0 where all is well.

python deploy/healthcheck.py          the databases answer
python deploy/healthcheck.py URL      a web server answers, with a status below 400
"""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 10


def check_databases() -> None:
    # A script finds modules beside itself, and not in the folder of manage.py.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import django
    from django.db import connections

    django.setup()
    for connection in connections.all():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")


def check_server(url: str) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS):  # noqa: S310 - the address is in compose.yaml
        pass


if __name__ == "__main__":
    if sys.argv[1:]:
        check_server(sys.argv[1])
    else:
        check_databases()
