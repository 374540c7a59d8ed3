"""How strongly two records speak for one person: m and u of each comparison, and Splink to add them up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.clustering import cluster_pairwise_predictions_at_threshold

from .folded import counted
from .roles import Comparison, Level

ROWS_WITH_A_TWIN = 0.1
"""Who looks for duplicates expects some: the share of records assumed to have one."""
MEASURED_PAIRS = 250_000
TYPICAL_PAIRS = 50
"""How many measured pairs a typical u counts for."""


class Model:
    """The weights for the records in a DuckDB table `features`."""

    def __init__(self, database: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison]) -> None:
        self.database = database
        self.comparisons = comparisons
        self.count = int(counted(database, "SELECT COUNT(*) FROM features")[0])
        self.u = {one.name: [level.u for level in one.levels] for one in comparisons}

    def measure(self) -> None:
        """Find out how often records of different people are on each level."""
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
            (counts.get(place, 0) + TYPICAL_PAIRS * level.u) / (total + TYPICAL_PAIRS)
            for place, level in enumerate(one.levels)
        ]
        return [self._u_of_equality(one.levels[0], one.value), *shares[1:]]

    def _u_of_equality(self, level: Level, column: str) -> float:
        """Return the u of equal values, which the frequencies of all of them tell exactly."""
        equal, total = counted(
            self.database,
            "SELECT COALESCE(SUM(n * (n - 1)), 0)::DOUBLE / 2, COALESCE(SUM(n) * (SUM(n) - 1), 0)::DOUBLE / 2"
            f" FROM (SELECT COUNT(*) AS n FROM features WHERE {column} IS NOT NULL GROUP BY {column})",
        )
        return float((equal + TYPICAL_PAIRS * level.u) / (total + TYPICAL_PAIRS))

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
        if one.rare_values_count:
            levels[1] |= {"tf_adjustment_column": one.value, "tf_adjustment_weight": 1.0}
        return {"output_column_name": one.name, "comparison_levels": levels}
