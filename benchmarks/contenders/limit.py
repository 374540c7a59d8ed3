"""What the database itself can do: psql copies the cleaned file into the same table, indexes and all."""

from __future__ import annotations

from ..stage import Place


def command(place: Place) -> list[str]:
    assert place.programs is not None
    copies = (
        f"\\copy {table} ({', '.join(expected['columns'])}) from '{place.data.copy_file(table).resolve()}'"
        for table, expected in place.data.expected.items()
    )
    options = [part for copy in copies for part in ("-c", copy)]
    return [str(place.programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", place.target, *options]
