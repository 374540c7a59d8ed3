"""Log lines: their form, their levels, the last one, and what Dagster and a second run do to them."""

from __future__ import annotations

import logging
import logging.config
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl_assets import logs
from etl_assets.logs import LogFile, attached

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (.*)")


@pytest.fixture
def shown() -> list[tuple[str, int]]:
    """What the screen got."""
    return []


@pytest.fixture
def show(shown):
    return lambda line, level: shown.append((line, level))


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    assert logging.getLogger("migration").handlers == []
    assert root.handlers == before


def without_time(text: str) -> list[str]:
    matches = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(matches), text
    return [match[1] for match in matches if match]


def test_a_line_has_time_logger_and_level(show, shown, tmp_path):
    with attached("INFO", show, LogFile(tmp_path / "m.log")):
        logs.logger("PatientTransformer").info("Extracting data from %s", "legacy_patients")

    expected = ["migration.PatientTransformer - INFO - Extracting data from legacy_patients"]
    assert without_time(shown[0][0]) == expected
    assert without_time((tmp_path / "m.log").read_text()) == expected


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("INFO", ["INFO", "WARNING", "ERROR"]),
        ("WARNING", ["WARNING", "ERROR"]),
        ("ERROR", ["ERROR"]),
    ],
)
def test_the_level_governs_screen_and_file(show, shown, tmp_path, level, expected):
    with attached(level, show, LogFile(tmp_path / "m.log")):
        for name in ("DEBUG", "INFO", "WARNING", "ERROR"):
            logs.logger("X").log(getattr(logging, name), "text")

    lines = [f"migration.X - {name} - text" for name in expected]
    assert [without_time(line)[0] for line, _ in shown] == lines
    assert without_time((tmp_path / "m.log").read_text()) == lines


def test_what_is_printed_anyway_is_logged_to_the_file_alone(show, shown, tmp_path):
    with attached("INFO", show, LogFile(tmp_path / "m.log")):
        logs.logger("X").info("printed", extra=logs.PRINTED)

    assert shown == []
    assert without_time((tmp_path / "m.log").read_text()) == ["migration.X - INFO - printed"]


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_the_shell_finds_the_duration_in_the_last_line_and_nothing_else(show, tmp_path, level):
    with attached(level, show, LogFile(tmp_path / "m.log")) as file:
        logs.logger("PatientTransformer").error("it failed")
        assert file is not None
        file.write_total_time(45.674)

    found = subprocess.run(
        f"tail -1 {tmp_path}/m.log | grep -o '[0-9.]*s'", shell=True, capture_output=True, text=True
    )
    assert found.stdout == "45.67s\n"
    last = (tmp_path / "m.log").read_text().splitlines()[-1]
    assert without_time(last) == ["migration - INFO - Total time: 45.67s"]


def test_dagsters_configuration_in_the_middle_loses_no_line(show, tmp_path):
    with attached("INFO", show, LogFile(tmp_path / "m.log")):
        logs.logger("X").info("before")
        # As dagster/_core/instance does at the start of each run: it closes all handlers.
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "handlers": {}})
        logs.logger("X").info("after")

    text = (tmp_path / "m.log").read_text()
    assert without_time(text) == ["migration.X - INFO - before", "migration.X - INFO - after"]


def test_a_second_run_appends_each_line_once(show, tmp_path):
    for run in ("first", "second"):
        with attached("INFO", show, LogFile(tmp_path / "m.log")):
            logs.logger("X").info(run)

    text = (tmp_path / "m.log").read_text()
    assert without_time(text) == ["migration.X - INFO - first", "migration.X - INFO - second"]


def test_a_projects_handler_on_the_root_logger_gets_no_copy(show):
    heard: list[str] = []
    handler = logs.ScreenHandler(lambda line, level: heard.append(line))
    logging.getLogger().addHandler(handler)
    try:
        with attached("INFO", show):
            logs.logger("X").warning("once")
    finally:
        logging.getLogger().removeHandler(handler)

    assert heard == []


def test_level_and_propagation_are_those_of_before_afterwards(show):
    logger = logging.getLogger("migration")
    logger.setLevel("WARNING")
    try:
        with attached("DEBUG", show):
            assert logger.isEnabledFor(logging.DEBUG)
        assert not logger.isEnabledFor(logging.INFO)
        assert logger.propagate
    finally:
        logger.setLevel(logging.NOTSET)


def test_a_full_file_is_set_aside_and_so_many_are_kept(show, tmp_path):
    with attached("INFO", show, LogFile(tmp_path / "m.log", megabytes=0.001, backups=2)) as file:
        for number in range(60):
            logs.logger("X").info("line %d", number)
        assert file is not None
        file.write_total_time(1)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.log", "m.log.1", "m.log.2"]
    assert all(path.stat().st_size <= 0.001 * 1024 * 1024 for path in tmp_path.iterdir())
    assert (tmp_path / "m.log").read_text().endswith("Total time: 1.00s\n")


@pytest.mark.parametrize(("megabytes", "backups"), [(0, 5), (0.001, 0)])
def test_no_limit_and_no_backups_mean_one_file_that_keeps_all(show, tmp_path, megabytes, backups):
    with attached("INFO", show, LogFile(tmp_path / "m.log", megabytes, backups)):
        for number in range(60):
            logs.logger("X").info("line %d", number)

    assert [path.name for path in tmp_path.iterdir()] == ["m.log"]
    assert len((tmp_path / "m.log").read_text().splitlines()) == 60


def test_a_full_disk_is_told_once_and_ends_nothing(show, shown, capsys):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with attached("INFO", show, LogFile(full)):
        logs.logger("X").info("one")
        logs.logger("X").info("two")

    assert len(shown) == 2
    assert capsys.readouterr().err == (
        "Log file /dev/full cannot be written any more: [Errno 28] No space left on device.\n"
    )
