from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from etl_assets.analysis.light import do_without_pandas
do_without_pandas()
import pyarrow as pa
array = pa.array([1.5, None])
assert "pandas" not in sys.modules, "it was imported"
import numpy as np
series = array.to_pandas()
assert type(series).__name__ == "Series", "it cannot be used any more"
assert pa.array(series, from_pandas=True).to_pylist() == [1.5, None]
"""


def test_pandas_is_not_imported_until_it_is_needed_and_works_then() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
