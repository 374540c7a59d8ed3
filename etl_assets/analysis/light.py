"""Starting quickly."""

from __future__ import annotations

import sys

import pyarrow as pa


def do_without_pandas() -> None:
    """Keep pyarrow from importing pandas as soon as it makes an array.

    It only wants to know whether there is pandas, and finding out takes longer than all else that a look at
    a small table does. It is told once that there is none; what really needs pandas imports it all the same.
    """
    if "pandas" in sys.modules:
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        pa.array([])
    finally:
        del sys.modules["pandas"]
