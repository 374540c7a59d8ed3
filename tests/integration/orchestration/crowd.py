"""Transformers that know nothing of each other, to be run by many processes at once."""

from __future__ import annotations

from django.db import connections

from etl_assets import Transformer, col, key
from tests.targets.models import Plain

SIZE = 4
NAMES = [f"crowd_{number}" for number in range(SIZE)]
BESIDE = "beside"
"""One more, which the daemon runs while commands run the others."""
ROWS = 50
REJECTED = 2


class Member(Transformer):
    legacy_id = key("id")
    value = col("value").integer()


for name in (*NAMES, BESIDE):
    meta = type("Meta", (), {"source": f"old_{name}", "model": Plain, "name": name})
    globals()[name.title()] = type(name.title(), (Member,), {"Meta": meta, "__module__": __name__})


def make_legacy() -> None:
    """Write a table for each; the keys of no two are the same, and the last rows hold no number."""
    with connections["legacy"].cursor() as cursor:
        for table in (*NAMES, BESIDE):
            cursor.execute(f"CREATE TABLE old_{table} (id varchar(20) primary key, value varchar(20))")
            good = [(f"{table}-{row:02}", str(row)) for row in range(ROWS - REJECTED)]
            bad = [(f"{table}-x{row}", "many") for row in range(REJECTED)]
            cursor.executemany(f"INSERT INTO old_{table} VALUES (%s, %s)", good + bad)
