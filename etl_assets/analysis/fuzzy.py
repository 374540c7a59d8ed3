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
* Pairs are found by features that they share, mostly two at a time (see `blocking`). Where those would be too
  many (a thousand John Smiths), the largest blocks are left out; hence 1,000,000 rows finish, and hence a
  match that shares only the commonest features may be missed.
* Nothing is drawn at random: the same table gives the same groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from .blocking import find_pairs
from .folded import Key, add_rows, copy_keys, counted, key_names, scratch_database
from .groups import Group, Groups
from .matching import Model
from .roles import Comparison, Role, comparison, person, role_of
from .table import LegacyTable

THRESHOLD = 1.0
"""Match weight from which two records are taken for one person: two to one."""
LOOKED_AT = 1_000
"""Values that are looked at to infer a column's role."""


def fuzzy_groups(table: LegacyTable, columns: Sequence[str], limit: int) -> Groups:
    """Return the groups of rows that are most likely about one person."""
    with scratch_database(table.row_count, len(columns)) as database:
        found = Groups(null_rows=copy_keys(table, columns, database))
        database.execute(
            f"CREATE TABLE records AS SELECT ROW_NUMBER() OVER (ORDER BY {key_names(columns)}) AS id, *"
            f" FROM (SELECT {key_names(columns)}, COUNT(*) AS rows FROM keys GROUP BY ALL)"
        )
        database.execute("DROP TABLE keys")
        if not counted(database, "SELECT COUNT(*) FROM records")[0]:
            return found
        model = _match(database, _comparisons(table, columns, database))
        found.group_count, found.duplicate_count = counted(
            database, "SELECT COUNT(*), COALESCE(SUM(rows), 0)::BIGINT FROM groups"
        )
        groups = _largest(model, columns, limit)
    found.groups = list(dict.fromkeys(groups.values()))
    add_rows(table, columns, groups)
    for group in found.groups:
        group.values = {column: group.rows[0][column] for column in columns}
    return found


def _comparisons(
    table: LegacyTable, columns: Sequence[str], database: duckdb.DuckDBPyConnection
) -> list[Comparison]:
    """Return what is compared, that which tells people apart best first."""
    roles: dict[int, Role] = {}
    for number, column in enumerate(columns):
        rows = database.execute(f"SELECT key{number} FROM records ORDER BY hash(id), id LIMIT {LOOKED_AT}")
        values = [value for (value,) in rows.fetchall() if value]
        roles[number] = role_of(column, table.columns[column], values)
    compared = []
    of_role = {role: number for number, role in reversed(roles.items())}
    if Role.GIVEN_NAME in of_role and Role.FAMILY_NAME in of_role:
        given, family = of_role[Role.GIVEN_NAME], of_role[Role.FAMILY_NAME]
        compared.append(person(given, family))
        del roles[given], roles[family]
    strength = list(Role)
    rest = sorted(roles.items(), key=lambda one: strength.index(one[1]))
    return compared + [comparison(role, number) for number, role in rest]


def _match(database: duckdb.DuckDBPyConnection, comparisons: Sequence[Comparison]) -> Model:
    """Compare the `records` and write `links`, and `groups`: cluster (its first record's id), rows."""
    features = {name: sql for one in comparisons for name, sql in one.features.items()}
    made = ", ".join(f"{sql} AS {name}" for name, sql in features.items())
    database.execute(f"CREATE TABLE features AS SELECT id AS unique_id, {made} FROM records")
    model = Model(database, comparisons)
    model.measure()
    find_pairs(database, comparisons)
    model.score("pairs", "links", THRESHOLD)
    model.cluster("links", "clusters")
    database.execute(
        "CREATE TABLE members AS SELECT id, rows, COALESCE(cluster, id) AS cluster"
        " FROM records LEFT JOIN clusters USING (id)"
    )
    database.execute(
        "CREATE TABLE groups AS SELECT cluster, SUM(rows)::BIGINT AS rows, COUNT(*) AS records FROM members"
        " GROUP BY cluster HAVING SUM(rows) > 1"
    )
    return model


def _largest(model: Model, columns: Sequence[str], limit: int) -> dict[Key, Group]:
    """Return the largest groups by the keys of their records, in order."""
    database = model.database
    database.execute(
        f"CREATE TABLE listed AS SELECT * FROM groups ORDER BY rows DESC, cluster LIMIT {int(limit)}"
    )
    database.execute(
        "CREATE TABLE selves AS SELECT cluster AS join_key_l, cluster AS join_key_r, '0' AS match_key"
        " FROM listed WHERE records = 1"
    )
    model.score("selves", "same")
    weights = _weakest_links(database)
    rows = database.execute(
        f"SELECT cluster, listed.rows, {key_names(columns)} FROM listed JOIN members USING (cluster)"
        " JOIN records USING (id) ORDER BY listed.rows DESC, cluster, id"
    ).fetchall()
    groups: dict[int, Group] = {}
    for cluster, count, *_ in rows:
        groups.setdefault(cluster, Group(count, match_weight=round(weights[cluster], 2)))
    return {tuple(key): groups[cluster] for cluster, _, *key in rows}


def _weakest_links(database: duckdb.DuckDBPyConnection) -> dict[int, float]:
    """Return, for each listed group, the weight of the weakest link that it needs to hold together."""
    links = database.execute(
        "SELECT cluster, unique_id_l, unique_id_r, match_weight FROM"
        " (SELECT * FROM links UNION ALL BY NAME SELECT * FROM same) JOIN members ON id = unique_id_l"
        " JOIN listed USING (cluster) ORDER BY match_weight DESC"
    ).fetchall()
    weakest: dict[int, float] = {}
    joined: dict[int, int] = {}

    def root(record: int) -> int:
        while joined.get(record, record) != record:
            record = joined[record]
        return record

    for cluster, left, right, weight in links:
        # Strongest first: a link within what is joined already is not needed.
        if root(left) != root(right) or left == right:
            joined[root(left)] = root(right)
            weakest[cluster] = weight
    return weakest
