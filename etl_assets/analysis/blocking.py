"""Which pairs of records are worth comparing: those that share features, of a million rows too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import duckdb

from .folded import counted
from .roles import Comparison

PAIRS_BY_BLOCK = 1_000_000
"""Most pairs that one combination of features may bring."""
FEW_PAIRS = 150_000
"""So many pairs in all are simply compared."""
STRONGEST = 3
"""Comparisons whose features are combined."""


def find_pairs(
    database: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison], most: int = PAIRS_BY_BLOCK
) -> None:
    """Write the pairs of records in `features` that share a block to a table `pairs`, for Splink."""
    if counted(database, f"SELECT COUNT(*) * COUNT(*) / 2 <= {min(FEW_PAIRS, most)} FROM features")[0]:
        database.execute(
            "CREATE TABLE pairs AS SELECT a.unique_id AS join_key_l, b.unique_id AS join_key_r,"
            " '0' AS match_key FROM features a JOIN features b ON a.unique_id < b.unique_id"
        )
        return
    database.execute("CREATE TABLE found (l BIGINT, r BIGINT)")
    for features in blocks(comparisons):
        _find_by(database, features, most)
    database.execute(
        "CREATE TABLE pairs AS SELECT DISTINCT l AS join_key_l, r AS join_key_r, '0' AS match_key FROM found"
    )
    for table in ("found", "block", "sizes"):
        database.execute(f"DROP TABLE {table}")


def blocks(comparisons: Sequence[Comparison]) -> Iterator[tuple[str, ...]]:
    """Yield combinations of features of which a true pair most likely shares one, as SQL."""
    strongest = comparisons[:STRONGEST]
    for one in strongest:
        yield (one.exact,)
    if len(strongest) == 1:
        for feature in strongest[0].coarse:
            yield (feature,)
    for one, other in combinations(strongest, 2):
        for first in (one.exact, *one.coarse):
            for second in (other.exact, *other.coarse):
                yield first, second


def _find_by(database: duckdb.DuckDBPyConnection, features: tuple[str, ...], most: int) -> None:
    """Add the pairs that share these features, those of the smallest blocks first, until there are enough."""
    named = ", ".join(f"{feature} AS f{number}" for number, feature in enumerate(features))
    names = [f"f{number}" for number in range(len(features))]
    present = " AND ".join(f"{name} IS NOT NULL" for name in names)
    database.execute(
        f"CREATE OR REPLACE TABLE block AS SELECT DISTINCT hash({', '.join(names)}) AS h, id"
        f" FROM (SELECT unique_id AS id, {named} FROM features) WHERE {present}"
    )
    database.execute(
        "CREATE OR REPLACE TABLE sizes AS SELECT h, COUNT(*) AS n FROM block GROUP BY h HAVING COUNT(*) > 1"
    )
    (largest,) = counted(
        database,
        "SELECT MAX(n) FROM (SELECT n, SUM(n * (n - 1) // 2 * blocks) OVER (ORDER BY n) AS pairs"
        f" FROM (SELECT n, COUNT(*) AS blocks FROM sizes GROUP BY n)) WHERE pairs <= {most}",
    )
    database.execute(
        "INSERT INTO found SELECT a.id, b.id FROM block a JOIN sizes s ON a.h = s.h AND s.n <= ?"
        " JOIN block b ON a.h = b.h AND a.id < b.id",
        [largest or 0],
    )
