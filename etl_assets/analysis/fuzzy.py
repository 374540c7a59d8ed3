"""The same person written differently: typing errors, swapped names, near dates.

The model is that of Fellegi and Sunter ("A Theory for Record Linkage", Journal of the American Statistical
Association 64, 1969): each level of likeness in a column is worth log2(m/u) bits, m being how often records
of one person are that alike, and u how often those of different people are. Their sum, and the odds that any
two rows are one person, are a pair's match weight: at 0 both are as likely, at 10 it is a thousand to one.
Splink 5 does the arithmetic, weighs rare names higher than common ones, and joins pairs to groups. It was
chosen for that model, whose weights can be explained, and because it works inside DuckDB: on disk, in bounded
memory, without a pair ever becoming a Python object.

* Rows that are the same when folded (see `folded`) are one record, always one group, and are compared once.
* Roles of columns are inferred (see `roles`), and with them come comparisons and their m.
* u is measured: for equality from the frequencies of all values, for the rest on pairs that are spread evenly
  over the table. A typical value stands beside it with the weight of a few pairs, for small tables.
* Pairs are found by features that they share, two at a time. Where those would be too many (a thousand John
  Smiths), the largest blocks are left out; hence 1,000,000 rows finish, and hence a match that shares only
  the commonest features may be missed.
* Nothing is drawn at random: the same table gives the same groups.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator

from .folded import Key, add_rows, copy_keys, counted, key_names, scratch_database
from .groups import Group, Groups
from .roles import Comparison, Level, Role, comparison, person, role_of
from .table import LegacyTable

THRESHOLD = 3.0
"""Match weight from which a pair is one person: eight to one."""
ROWS_WITH_A_TWIN = 0.1
"""Who looks for duplicates expects some: the share of rows assumed to have one."""
PAIRS_BY_BLOCK = 2_000_000
"""Most pairs compared because of one combination of features."""
MEASURED_PAIRS = 500_000
TYPICAL_PAIRS = 50
"""How many measured pairs a typical u counts for."""
STRONGEST = 3
"""Comparisons whose features are combined to find pairs."""
LOOKED_AT = 1_000
"""Values that are looked at to infer a column's role."""


def fuzzy_groups(table: LegacyTable, columns: Sequence[str], limit: int) -> Groups:
    """Return the groups of rows that are most likely about one person, each with its weakest match weight."""
    with scratch_database() as database:
        found = Groups(null_rows=copy_keys(table, columns, database))
        database.execute(
            f"CREATE TABLE records AS SELECT ROW_NUMBER() OVER (ORDER BY ALL) AS id, *"
            f" FROM (SELECT {key_names(columns)}, COUNT(*) AS rows FROM keys GROUP BY ALL)"
        )
        database.execute("DROP TABLE keys")
        groups: dict[Key, Group] = {}
        if counted(database, "SELECT COUNT(*) FROM records")[0]:
            _Matching(database, _comparisons(table, columns, database)).group()
            found.group_count, found.duplicate_count = counted(
                database, "SELECT COUNT(*), COALESCE(SUM(rows), 0)::BIGINT FROM same"
            )
            found.groups, groups = _largest(database, columns, limit)
    add_rows(table, columns, groups)
    for group in found.groups:
        group.values = {column: group.rows[0][column] for column in columns}
    return found


def _comparisons(
    table: LegacyTable, columns: Sequence[str], database: duckdb.DuckDBPyConnection
) -> list[Comparison]:
    roles: dict[int, Role] = {}
    for number, column in enumerate(columns):
        rows = database.execute(f"SELECT key{number} FROM records ORDER BY hash(id) LIMIT ?", [LOOKED_AT])
        values = [value for (value,) in rows.fetchall() if value]
        roles[number] = role_of(column, table.columns[column], values)
    names = [
        next((number for number, role in roles.items() if role is wanted), None)
        for wanted in (Role.GIVEN_NAME, Role.FAMILY_NAME)
    ]
    compared = []
    if names[0] is not None and names[1] is not None:
        compared.append(person(names[0], names[1]))
        del roles[names[0]], roles[names[1]]
    strength = list(Role)
    return compared + [
        comparison(role, number) for number, role in sorted(roles.items(), key=lambda one: strength.index(one[1]))
    ]


@dataclass
class _Matching:
    """One search for matching records in the table `records`."""

    database: duckdb.DuckDBPyConnection
    comparisons: list[Comparison]

    def group(self) -> None:
        """Write the groups to the table `same`: group (its first record's id), rows, weight."""
        self._make_features()
        self.count = int(counted(self.database, "SELECT COUNT(*) FROM features")[0])
        self._measure()
        self._find_pairs()
        self._score("pairs", "links", THRESHOLD)
        self._join_links()

    def _make_features(self) -> None:
        features = {name: sql for one in self.comparisons for name, sql in one.features.items()}
        made = ", ".join(f"{sql} AS {name}" for name, sql in features.items())
        self.database.execute(f"CREATE TABLE features AS SELECT id AS unique_id, {made} FROM records")

    def _measure(self) -> None:
        """Find out how often records of different people are on each level."""
        self.u = {one.name: [level.u for level in one.levels] for one in self.comparisons}
        if self.count < 2:
            return
        self.database.execute(
            # Each record beside those that follow it at some distances, in an order that means nothing.
            "CREATE TABLE sample AS WITH mixed AS (SELECT unique_id AS id, ROW_NUMBER() OVER"
            " (ORDER BY hash(unique_id), unique_id) - 1 AS place FROM features)"
            " SELECT a.id AS join_key_l, b.id AS join_key_r, '0' AS match_key"
            " FROM mixed a, range(1, $distances + 1) AS d(distance), mixed b"
            " WHERE b.place = (a.place + d.distance) % $count AND a.place < $most",
            {
                "distances": max(1, min(self.count // 2, MEASURED_PAIRS // min(self.count, 50_000))),
                "count": self.count,
                "most": MEASURED_PAIRS,
            },
        )
        self._score("sample", "measured", None)
        for one in self.comparisons:
            self.u[one.name] = self._measured_u(one)

    def _measured_u(self, one: Comparison) -> list[float]:
        last = len(one.levels) - 1
        rows = self.database.execute(
            f"SELECT gamma_{one.name}, COUNT(*) FROM measured WHERE gamma_{one.name} >= 0 GROUP BY 1"
        ).fetchall()
        # Splink counts levels from the bottom.
        counts = {last - gamma: count for gamma, count in rows}
        total = sum(counts.values())
        shares = [
            (counts.get(place, 0) + TYPICAL_PAIRS * level.u) / (total + TYPICAL_PAIRS)
            for place, level in enumerate(one.levels)
        ]
        shares[0] = self._u_of_equality(one, one.levels[0])
        return shares

    def _u_of_equality(self, one: Comparison, level: Level) -> float:
        column = level.term_frequency or one.name
        equal, total = counted(
            self.database,
            "SELECT COALESCE(SUM(n * (n - 1)), 0) / 2, SUM(n) * (SUM(n) - 1) / 2 FROM"
            f" (SELECT COUNT(*) AS n FROM features WHERE {column} IS NOT NULL GROUP BY {column})",
        )
        return float((float(equal) + TYPICAL_PAIRS * level.u) / (float(total or 0) + TYPICAL_PAIRS))

    def _find_pairs(self) -> None:
        self.database.execute("CREATE TABLE found (l BIGINT, r BIGINT)")
        for features in self._blocks():
            self._find_by(features)
        self.database.execute(
            "CREATE TABLE pairs AS SELECT DISTINCT l AS join_key_l, r AS join_key_r, '0' AS match_key FROM found"
        )
        self.database.execute("DROP TABLE found")

    def _blocks(self) -> list[tuple[str, ...]]:
        """Combinations of features of which a true pair most likely shares one."""
        strongest = self.comparisons[:STRONGEST]
        blocks: list[tuple[str, ...]] = [(one.exact,) for one in strongest]
        if len(strongest) == 1:
            blocks += [(feature,) for feature in strongest[0].coarse]
        for one, other in combinations(strongest, 2):
            mine, others = (one.exact, *one.coarse), (other.exact, *other.coarse)
            blocks += [(first, second) for first in mine for second in others]
        return blocks

    def _find_by(self, features: tuple[str, ...]) -> None:
        """Add the pairs that share these features, of the smallest blocks first, until there are enough."""
        lists = {one.coarse[0] for one in self.comparisons if one.name == "person"}
        parts = [f"unnest({name})" if name in lists else name for name in features]
        named = ", ".join(f"{part} AS f{number}" for number, part in enumerate(parts))
        present = " AND ".join(f"f{number} IS NOT NULL" for number in range(len(parts)))
        hashed = ", ".join(f"f{number}" for number in range(len(parts)))
        self.database.execute(
            f"CREATE OR REPLACE TABLE block AS SELECT DISTINCT hash({hashed}) AS h, id"
            f" FROM (SELECT unique_id AS id, {named} FROM features) WHERE {present}"
        )
        self.database.execute(
            "CREATE OR REPLACE TABLE sizes AS SELECT h, COUNT(*) AS n FROM block GROUP BY h HAVING COUNT(*) > 1"
        )
        largest = counted(
            self.database,
            "SELECT MAX(n) FROM (SELECT n, SUM(n * (n - 1) / 2 * blocks) OVER (ORDER BY n) AS pairs"
            f" FROM (SELECT n, COUNT(*) AS blocks FROM sizes GROUP BY n)) WHERE pairs <= {PAIRS_BY_BLOCK}",
        )[0]
        self.database.execute(
            "INSERT INTO found SELECT a.id, b.id FROM block a JOIN sizes s ON a.h = s.h AND s.n <= ?"
            " JOIN block b ON a.h = b.h AND a.id < b.id",
            [largest or 0],
        )

    def _score(self, pairs: str, into: str, threshold: float | None) -> None:
        """Let Splink compare the pairs of one table, and write their levels or weights to another."""
        api = DuckDBAPI(connection=self.database)
        linker = Linker(api.register("features"), self._settings(threshold is None), log_level=logging.WARNING)
        linker.table_management.register_blocked_pairs_for_predict(api.register(pairs))
        scored = linker.inference.predict(threshold_match_weight=threshold, warning_mode="never")
        self.database.execute(f"CREATE TABLE {into} AS SELECT * FROM {scored.physical_name}")
        linker.table_management.delete_tables_created_by_splink_from_db()

    def _settings(self, with_levels: bool) -> SettingsCreator:
        return SettingsCreator(
            link_type="dedupe_only",
            probability_two_random_records_match=min(0.5, 2 * ROWS_WITH_A_TWIN / max(self.count - 1, 1)),
            comparisons=[self._comparison(one) for one in self.comparisons],
            blocking_rules_to_generate_predictions=[],
            retain_matching_columns=False,
            retain_intermediate_calculation_columns=with_levels,
        )

    def _comparison(self, one: Comparison) -> dict[str, Any]:
        levels: list[dict[str, Any]] = [{"sql_condition": one.is_null, "is_null_level": True}]
        for level, u in zip(one.levels, self.u[one.name], strict=True):
            levels.append({"sql_condition": level.sql, "m_probability": level.m, "u_probability": u})
            if level.term_frequency:
                levels[-1] |= {"tf_adjustment_column": level.term_frequency, "tf_adjustment_weight": 1.0}
        return {"output_column_name": one.name, "comparison_levels": levels}

    def _join_links(self) -> None:
        """Join linked records to groups; a record of several rows is one by itself."""
