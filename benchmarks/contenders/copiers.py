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
    orders = place.dagster_home.parent / "pgloader.load"
    source = place.source.replace("sqlite:///", "sqlite:////").replace("sqlite://///", "sqlite:////")
    matching = "LIKE 'plain_patients'" if place.vendors[0] == "sqlite" else "MATCHING 'plain_patients' IN SCHEMA 'public'"
    orders.write_text(
        f"LOAD DATABASE FROM {source} INTO {place.target}\n"
        "WITH data only, no truncate, batch rows = 25000, prefetch rows = 50000, workers = 2, concurrency = 1\n"
        f"INCLUDING ONLY TABLE NAMES {matching};\n"
    )
    return ["pgloader", "--quiet", str(orders)]
