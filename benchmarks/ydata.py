"""ydata-profiling's minimal report of a table, beside `etl analyze`. It knows nothing of this project.

Runs in an environment of its own, since it wants an older pandas: `python ydata.py sqlite:///file TABLE`.
Prints one line of JSON: the seconds of reading into a data frame and profiling it, without the imports.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
import warnings
from contextlib import closing
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit


def connect(url: str) -> Any:
    if url.startswith("sqlite"):
        return sqlite3.connect(unquote(urlsplit(url).path.removeprefix("/")))
    import psycopg

    return psycopg.connect(url)


def main(url: str, table: str) -> None:
    warnings.simplefilter("ignore")
    import pandas as pd

    profiling = import_module("ydata_profiling")
    started = time.perf_counter()
    with closing(connect(url)) as connection:
        frame = pd.read_sql(f"SELECT * FROM {table}", connection)
    report = profiling.ProfileReport(frame, minimal=True, progress_bar=False)
    found = json.loads(report.to_json())
    seconds = round(time.perf_counter() - started, 3)
    sys.stdout.write("\n" + json.dumps({"seconds": seconds, "rows": found["table"]["n"]}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
