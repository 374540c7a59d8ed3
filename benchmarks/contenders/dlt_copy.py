"""dlt: `sql_table` read by ConnectorX into Arrow, loaded as Parquet through ADBC into the given table.

With CSV files it is slower, and an empty text becomes NULL.
"""

from __future__ import annotations

import os
import tempfile

from .telling import tell


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DLT_DATA_DIR": folder,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
        }
        copy(folder)
    tell()


def copy(folder: str) -> None:
    import dlt
    from dlt.sources.sql_database import sql_table

    table = sql_table(
        credentials=os.environ["LEGACY_DATABASE_URL"],
        table="plain_patients",
        backend="connectorx",
    )
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(os.environ["DATABASE_URL"], create_indexes=False),
        dataset_name="public",
    )
    pipeline.run(
        table,
        table_name="plain_patients",
        write_disposition="append",
        loader_file_format="parquet",
    )


if __name__ == "__main__":
    main()
