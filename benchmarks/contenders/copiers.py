"""Programs that copy a table as it is: psql into psql, and pgloader."""

from __future__ import annotations

import shlex

from ..stage import Place

TABLE = "plain_patients"


def psql(place: Place) -> list[str]:
    """Binary COPY from one psql into another."""
    assert place.programs is not None
    program = place.programs / "psql"
    out, into = (
        shlex.join([str(program), "-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", f"COPY {TABLE} {what}"])
        for url, what in (
            (place.source, "TO STDOUT (FORMAT binary)"),
            (place.target, "FROM STDIN (FORMAT binary)"),
        )
    )
    return ["sh", "-c", f"{out} | {into}"]


def pgloader(place: Place) -> list[str]:
    """Data only, into the table that is there; two workers on two cores."""
    named = f"LIKE '{TABLE}'" if place.vendors[0] == "sqlite" else f"MATCHING '{TABLE}' IN SCHEMA 'public'"
    orders = place.folder / "pgloader.load"
    orders.write_text(
        f"LOAD DATABASE FROM {place.source} INTO {place.target}\n"
        "WITH data only, no truncate, workers = 2, concurrency = 1\n"
        f"INCLUDING ONLY TABLE NAMES {named};\n"
    )
    return ["pgloader", "--quiet", str(orders)]
