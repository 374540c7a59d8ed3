"""How strongly two records speak for one person: m and u of each comparison, and Splink to add them up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.clustering import cluster_pairwise_predictions_at_threshold

from .folded import counted
from .roles import Comparison

ROWS_WITH_A_TWIN = 0.1
"""Who looks for duplicates expects some: the share of records assumed to have one."""
MEASURED_PAIRS = 100_000
TYPICAL_PAIRS = 10_000
"""How many measured pairs a typical u counts for."""
TRUE_PAIRS = 5
"""So many pairs that are alike in a small table may be true ones, and prove no u."""
SPELLINGS = 3
"""So many records with the same value may be one person's, and do not make it a common one."""
RARE = {1: 0.05, 2: 0.5}
"""How often a rare value is taken to be there by chance, where one or two of them make a name."""
LEAST_U = 1e-7
"""No value is so rare that it would prove everything by itself."""


class Model:
    """The weights for the records in a DuckDB table `features`."""

    def __init__(self, database: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison]) -> None:
        self.database = database
        self.comparisons = comparisons
        self.count = int(counted(database, "SELECT COUNT(*) FROM features")[0])
        self.u = {one.name: [level.u for level in one.levels] for one in comparisons}
        is_small = self.count**2 / 2 <= MEASURED_PAIRS
        self.true_pairs = min(TRUE_PAIRS, ROWS_WITH_A_TWIN * self.count) if is_small else 0

    def measure(self) -> None:
        """Find out how often records of different people are on each level, and how rare names are."""
        for one in self.comparisons:
            self._measure_rarity(one)
        self._sample()
        self.score("sample", "measured", with_levels=True)
        self.u = {one.name: self._measured_u(one) for one in self.comparisons}
        self.database.execute("DROP TABLE sample")
        self.database.execute("DROP TABLE measured")

    def score(
        self, pairs: str, into: str, threshold: float | None = None, *, with_levels: bool = False
    ) -> None:
        """Compare the pairs of one table and write another: unique_id_l, unique_id_r, match_weight."""
        api = DuckDBAPI(connection=self.database)
        linker = Linker(api.register("features"), self._settings(with_levels), log_level=logging.WARNING)
        linker.table_management.register_blocked_pairs_for_predict(api.register(pairs))
        for one in self.comparisons:
            if one.rare_by:
                frequencies = api.register(f"frequencies_{one.name}")
                linker.table_management.register_term_frequency_lookup(frequencies, one.value)
        scored = linker.inference.predict(threshold_match_weight=threshold, warning_mode="never")
        self.database.execute(f"CREATE TABLE {into} AS SELECT * FROM {scored.physical_name}")
        linker.table_management.delete_tables_created_by_splink_from_db()  # type: ignore[no-untyped-call]

    def cluster(self, links: str, into: str) -> None:
        """Join the linked records of one table to groups, and write another: id, cluster (its first id)."""
        self.database.execute(
            f"CREATE TABLE linked AS SELECT DISTINCT unnest([unique_id_l, unique_id_r]) AS id FROM {links}"
        )
        api = DuckDBAPI(connection=self.database)
        clustered = cluster_pairwise_predictions_at_threshold(
            api.register("linked"), api.register(links), api, "id", "unique_id_l", "unique_id_r"
        )
        self.database.execute(
            f"CREATE TABLE {into} AS SELECT id, MIN(id) OVER (PARTITION BY cluster_id) AS cluster"
            f" FROM {clustered.physical_name}"
        )

    def _sample(self) -> None:
        """Pair each record with some others, at distances in an order that means nothing."""
        distances = max(1, min(self.count // 2, MEASURED_PAIRS // min(self.count, MEASURED_PAIRS)))
        self.database.execute(
            "CREATE TABLE sample AS WITH mixed AS (SELECT unique_id AS id, ROW_NUMBER() OVER"
            " (ORDER BY hash(unique_id), unique_id) - 1 AS place FROM features)"
            " SELECT a.id AS join_key_l, b.id AS join_key_r, '0' AS match_key"
            f" FROM mixed a, range(1, {distances + 1}) AS d(distance), mixed b"
            f" WHERE b.place = (a.place + d.distance) % {self.count} AND a.place < {MEASURED_PAIRS}"
        )

    def _measured_u(self, one: Comparison) -> list[float]:
        """Return the u of each level; a typical one stands for what a small table cannot show."""
        rows = self.database.execute(
            f"SELECT gamma_{one.name}, COUNT(*) FROM measured WHERE gamma_{one.name} >= 0 GROUP BY 1"
        ).fetchall()
        last = len(one.levels) - 1
        counts = {last - gamma: count for gamma, count in rows}  # Splink counts from the bottom
        total = sum(counts.values())
        shares = [
            self._u(counts.get(place, 0), total, level.u) for place, level in enumerate(one.levels[1:-1], 1)
        ]
        equality = self._u_of_equality(one)
        return [equality, *shares, max(1 - equality - sum(shares), 0.01)]

    def _u_of_equality(self, one: Comparison) -> float:
        """Return the u of equal values, which the frequencies of all of them tell exactly."""
        equal, total = counted(
            self.database,
            "SELECT COALESCE(SUM(n * (n - 1)), 0)::DOUBLE / 2, COALESCE(SUM(n) * (SUM(n) - 1), 0)::DOUBLE / 2"
            f" FROM (SELECT COUNT(*) AS n FROM features WHERE {one.value} IS NOT NULL GROUP BY {one.value})",
        )
        return self._u(equal, total, one.levels[0].u)

    def _u(self, alike: float, of: float, typical: float) -> float:
        """Return a share of pairs, drawn towards a typical one where there are few."""
        return float((max(alike - self.true_pairs, 0) + TYPICAL_PAIRS * typical) / (of + TYPICAL_PAIRS))

    def _measure_rarity(self, one: Comparison) -> None:
        """Write how often different people would have each value: the product of its parts' frequencies.

        The frequency of a whole name would not do: the rarest of all, which two records have, could never be
        worth more than the prior costs.
        """
        shares = [
            f"(GREATEST(COUNT(*) OVER (PARTITION BY {part}) - {SPELLINGS}, 0)"
            f" + {RARE[len(one.rare_by)]}) / {self.count}"
            for part in one.rare_by
        ]
        if shares:
            self.database.execute(
                f"CREATE TABLE frequencies_{one.name} AS SELECT DISTINCT {one.value},"
                f" GREATEST({' * '.join(shares)}, {LEAST_U}) AS tf_{one.value} FROM features"
                f" WHERE {one.value} IS NOT NULL"
            )

    def _settings(self, with_levels: bool) -> SettingsCreator:
        return SettingsCreator(
            link_type="dedupe_only",
            probability_two_random_records_match=min(0.5, 2 * ROWS_WITH_A_TWIN / max(self.count - 1, 1)),
            comparisons=[self._comparison(one) for one in self.comparisons],
            blocking_rules_to_generate_predictions=[],
            retain_matching_columns=with_levels,
            retain_intermediate_calculation_columns=with_levels,
        )

    def _comparison(self, one: Comparison) -> dict[str, Any]:
        levels: list[dict[str, Any]] = [{"sql_condition": one.is_null, "is_null_level": True}]
        for level, u in zip(one.levels, self.u[one.name], strict=True):
            levels.append({"sql_condition": level.sql, "m_probability": level.m, "u_probability": u})
        if one.rare_by:
            levels[1] |= {"tf_adjustment_column": one.value, "tf_adjustment_weight": 1.0}
        return {"output_column_name": one.name, "comparison_levels": levels}
