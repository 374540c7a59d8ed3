"""What people are told about a run, line by line, from reports whose numbers are written down here."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from etl_assets import logs
from etl_assets.console import RunConsole, account, performance_lines, reject_lines, summary_lines
from etl_assets.engine import progress
from etl_assets.engine.pace import Pace
from etl_assets.engine.rejects import RejectedRow
from etl_assets.engine.report import (
    EXTRACT,
    LOAD,
    STAGES,
    TRANSFORM,
    VALIDATE,
    Counts,
    RunReport,
    StageTimes,
    TransformerReport,
)
from etl_assets.screen import Screen

TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.MULTILINE)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


class Stage:
    """A console whose output a test reads."""

    def __init__(self, level: str, encoding: str = "utf-8", **flags: bool) -> None:
        self.raw = io.BytesIO()
        self.out = io.TextIOWrapper(self.raw, encoding=encoding, write_through=True)
        self.console = RunConsole(Screen(self.out), **{"dry_run": False, "rollback": True, **flags})
        self.level = level

    def __enter__(self) -> RunConsole:
        self._logs = logs.attached(self.level, self.console.show_log)
        self._logs.__enter__()
        return self.console

    def __exit__(self, *_: object) -> None:
        self._logs.__exit__(None, None, None)

    @property
    def text(self) -> str:
        return TIME.sub("TIME", self.raw.getvalue().decode(self.out.encoding))


class Rows:
    """Stands for a RejectLog, which needs no database to be read but a temporary file to be written."""

    def __init__(self, *rows: RejectedRow) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[RejectedRow]:
        return iter(self.rows)


def patients(**changes: object) -> TransformerReport:
    report = TransformerReport("patients", "PatientTransformer")
    report.counts = Counts(
        read=15000, created=14000, updated=300, unchanged=400, rejected=200, skipped=100, warnings=7
    )
    report.stages = StageTimes(
        Counter({EXTRACT: 3.675, TRANSFORM: 1.845, VALIDATE: 0.15, LOAD: 1.335}),
        Counter(dict.fromkeys(STAGES, 15)),
    )
    report.reject_reasons = Counter({"department:link": 150, ":duplicate_key": 50})
    report.warning_reasons = Counter({"postcode:matches": 7})
    report.rejects = Rows(  # type: ignore[assignment]
        RejectedRow(
            "17", "department", "link", "department: 999 is the key of no row in 'departments'", "{}", ""
        ),
        RejectedRow(
            "18", "department", "link", "department: 998 is the key of no row in 'departments'", "{}", ""
        ),
        RejectedRow("19", "", "duplicate_key", "key '19' is that of legacy row 19 (row 3 read)", "{}", ""),
    )
    for name, value in changes.items():
        setattr(report, name, value)
    return report


def test_a_run_from_beginning_to_end(clock):
    stage = Stage("INFO")
    report = patients()
    with stage as console:
        console.started(report, "legacy_patients", 15000)
        for number in range(1, 16):
            console.batch(report, number, 1000)
        console.finished(report)
        console.end(RunReport("r", False, 45.674, {"patients": report}))

    assert stage.text == (
        "Running 'patients' transformer with enhanced features...\n"
        "TIME - migration.PatientTransformer - INFO - Extracting data from legacy_patients\n"
        "TIME - migration.PatientTransformer - INFO - Found 15000 records to process\n"
        "TIME - migration.PatientTransformer - INFO - Processing batch 1 (1000 records)\n"
        "TIME - migration.PatientTransformer - WARNING - 200 records rejected: 150 department:link, "
        "50 duplicate_key\n"
        "TIME - migration.PatientTransformer - WARNING - 7 records loaded with a warning: "
        "7 postcode:matches\n"
        "Records: 15000 read = 14000 created + 300 updated + 400 unchanged + 200 rejected + 100 skipped "
        "(7 with warnings)\n"
        "Rejected:\n"
        "  150  department:link  legacy row 17: 999 is the key of no row in 'departments'\n"
        "   50  duplicate_key    legacy row 19: key '19' is that of legacy row 19 (row 3 read)\n"
        "Performance Summary:\n"
        "  data_extraction: 0.245s avg (15 times)\n"
        "  data_transformation: 0.123s avg (15 times)\n"
        "  data_validation: 0.010s avg (15 times)\n"
        "  bulk_create: 0.089s avg (15 times)\n"
        "\n"
        "Enhanced ETL migration complete in 45.67s: 1 successful, 0 failed\n"
        "Total records processed: 15000\n"
        "\n"
        "\N{ELECTRIC LIGHT BULB} Recommendations for 'patients':\n"
        + "".join(f"  - {advice}\n" for advice in report.recommendations())
    )


def test_the_contracts_lines_are_printed_at_every_level(clock):
    stage = Stage("ERROR")
    report = patients(reject_reasons=Counter(), counts=Counts(read=15000, created=15000))
    with stage as console:
        console.started(report, "legacy_patients", 15000)
        console.batch(report, 1, 1000)
        console.finished(report)
        console.end(RunReport("r", False, 1, {"patients": report}))

    lines = stage.text.splitlines()
    assert lines[0] == "Running 'patients' transformer with enhanced features..."
    assert lines[2:7] == list(performance_lines(report))
    assert "Enhanced ETL migration complete in 1.00s: 1 successful, 0 failed" in lines
    assert "Total records processed: 15000" in lines
    assert "TIME" not in stage.text


@pytest.mark.parametrize(("level", "told"), [("INFO", [1, 4, 6]), ("DEBUG", [1, 2, 3, 4, 5, 6])])
def test_batches_are_told_of_once_a_second_and_all_at_debug(clock, level, told):
    stage = Stage(level)
    with stage as console:
        report = patients()
        for number, now in enumerate([0, 0.5, 0.99, 1.0, 1.5, 7], start=1):
            clock.now = 100 + now
            console.batch(report, number, 10)

    assert [int(found) for found in re.findall(r"Processing batch (\d+) \(10 records\)", stage.text)] == told


def test_lines_say_how_far_it_is_and_the_last_one_always_does(clock):
    stage = Stage("INFO")
    report = patients(counts=Counts(), reject_reasons=Counter(), warning_reasons=Counter())
    report.pace = Pace(15_000, 5.0, clock=clock.monotonic)
    with stage as console:
        console.started(report, "legacy_patients", 15_000)
        for number in range(1, 16):  # three batches a second
            console.batch(report, number, 1_000)
            clock.now += 0.34
            report.pace.advance(number * 1_000, 0)
        report.counts.read, report.duration_seconds = 15_000, 10.2
        console.finished(report)

    lines = re.findall(r"INFO - (Process.*)", stage.text)
    assert [line.split(":")[0] for line in lines] == [
        *[f"Processing batch {number} (1000 records)" for number in (1, 4, 7, 10, 13)],
        "Processed 15000 of 15000 records (100 percent), 1,471 rows/s",
    ]
    assert lines[0] == "Processing batch 1 (1000 records)"
    assert lines[1].split(": ", 1)[1] == "3000 of 15000 done (20 percent), 2,941 rows/s, 0:09 left"


def test_a_failed_transformer():
    stage = Stage("INFO")
    report = patients(status="failed", error="No such thing: mend it.", warning_reasons=Counter())
    report.counts = Counts(read=3000, rejected=12)
    with stage as console:
        console.finished(report)

    text = stage.text.splitlines()
    assert text[0] == "Running 'patients' transformer with enhanced features..."
    assert text[2] == "TIME - migration.PatientTransformer - ERROR - No such thing: mend it."
    assert text[3] == "Records: 3000 read before it failed, 12 of them rejected; nothing of it was kept"


def test_one_that_failed_before_its_first_row_has_no_account():
    stage = Stage("INFO")
    report = TransformerReport("patients", "PatientTransformer", status="failed", error="No table: look.")
    with stage as console:
        console.finished(report)

    assert stage.text == (
        "Running 'patients' transformer with enhanced features...\n"
        "TIME - migration.PatientTransformer - ERROR - No table: look.\n"
        "\n"
    )


def test_the_traceback_is_for_who_debugs():
    try:
        raise ValueError("deep inside")
    except ValueError as error:
        cause = error
    texts = {}
    for level in ("INFO", "DEBUG"):
        stage = Stage(level)
        with stage as console:
            console.finished(patients(status="failed", error="It broke.", exception=cause))
        texts[level] = stage.text

    assert "Traceback (most recent call last):" in texts["DEBUG"]
    assert "ValueError: deep inside" in texts["DEBUG"]
    assert "Traceback" not in texts["INFO"]


def test_a_skipped_transformer_did_not_run():
    stage = Stage("INFO")
    with stage as console:
        console.finished(patients(status="skipped", error="'departments' has not been loaded."))

    assert stage.text == "Skipped 'patients': 'departments' has not been loaded.\n\n"


def test_a_note_comes_after_the_announcement_and_a_second_attempt_is_announced():
    stage = Stage("INFO")
    with stage as console:
        for _ in range(2):
            report = patients()
            console.note(report, "Going on after the 5 rows")
            console.started(report, "legacy_patients", 1)

    attempt = (
        "Running 'patients' transformer with enhanced features...\n"
        "TIME - migration.PatientTransformer - INFO - Going on after the 5 rows\n"
        "TIME - migration.PatientTransformer - INFO - Extracting data from legacy_patients\n"
        "TIME - migration.PatientTransformer - INFO - Found 1 records to process\n"
    )
    assert stage.text == attempt * 2


def test_a_dry_run_says_so_first_and_last():
    stage = Stage("WARNING", dry_run=True)
    report = patients()
    with stage as console:
        console.begin()
        console.finished(report)
        console.end(RunReport("r", True, 1, {"patients": report}))

    lines = stage.text.splitlines()
    assert lines[0] == "Dry run: all of it is done and then rolled back; nothing will be written."
    total = lines.index("Total records processed: 15000")
    assert lines[total + 1] == "Dry run: nothing was written."
    assert "7 records would be loaded with a warning" in stage.text
    assert "= 14000 to create + 300 to update +" in stage.text


def test_the_bulb_is_left_out_where_the_encoding_has_none():
    stage = Stage("INFO", encoding="ascii")
    report = patients()
    with stage as console:
        console.end(RunReport("r", False, 1, {"patients": report}))

    assert "\nRecommendations for 'patients':\n" in stage.text


def test_whom_nobody_told_of_is_told_of_at_the_end():
    stage = Stage("INFO")
    report = patients(status="skipped", error="It was not its turn.")
    with stage as console:
        console.end(RunReport("r", False, 2, {"patients": report}))

    assert stage.text == (
        "Skipped 'patients': It was not its turn.\n\n"
        "Enhanced ETL migration complete in 2.00s: 0 successful, 0 failed, 1 skipped\n"
        "Total records processed: 15000\n"
    )


@pytest.mark.parametrize(
    ("flags", "resumable", "expected"),
    [
        ({}, False, "Interrupted: 'patients' was rolled back; nothing of it was kept."),
        ({"dry_run": True}, False, "Interrupted: this was a dry run, and nothing was written."),
        (
            {"rollback": False},
            True,
            "Interrupted: the last batch of 'patients' was rolled back; whole batches before it were kept, "
            "and the next run goes on after them.",
        ),
        (
            {"rollback": False},
            False,
            "Interrupted: the last batch of 'patients' was rolled back; whole batches before it were kept, "
            "and the next run starts at the beginning.",
        ),
    ],
)
def test_what_an_interruption_left_behind(flags, resumable, expected):
    stage = Stage("INFO", **flags)
    with stage as console:
        console.started(patients(is_resumable=resumable), "legacy_patients", 1)

    assert stage.console.interruption() == expected


def test_what_was_loaded_before_an_interruption_is_named():
    stage = Stage("INFO")
    with stage as console:
        console.finished(TransformerReport("departments", "DepartmentTransformer"))
        assert console.interruption() == (
            "Interrupted: no rows were being loaded, and nothing had to be rolled back. "
            "Loaded before and kept: departments."
        )
        console.started(patients(), "legacy_patients", 1)

    assert console.interruption() == (
        "Interrupted: 'patients' was rolled back; nothing of it was kept. "
        "Loaded before and kept: departments."
    )


def test_a_failure_without_rollback_says_what_was_kept():
    report = patients(status="failed")
    assert account(report, dry_run=False, rollback=False) == (
        "Records: 15000 read before it failed, 200 of them rejected; "
        "14000 created and 300 updated in whole batches were kept"
    )


def test_only_the_commonest_reasons_are_shown_and_long_lines_are_cut():
    report = patients(reject_reasons=Counter({f"f{n}:code": 100 - n for n in range(9)}))
    report.rejects = Rows(RejectedRow("1", "f0", "code", "f0: " + "x" * 80, "{}", ""))  # type: ignore[assignment]

    assert list(reject_lines(report, width=40)) == [
        "Rejected:",
        "  100  f0:code  legacy row 1: xxxxxxx...",
        "   99  f1:code",
        "   98  f2:code",
        "   97  f3:code",
        "   96  f4:code",
        "  374  for 4 more reasons",
    ]


def test_one_reason_more_is_shown_and_not_summed():
    report = patients(reject_reasons=Counter({f"f{n}:code": 10 for n in range(6)}), rejects=None)
    assert list(reject_lines(report))[-1] == "  10  f5:code"


def test_nothing_read_has_no_mean():
    assert list(performance_lines(TransformerReport("x")))[1] == "  data_extraction: 0.000s avg (0 times)"


def test_the_summary_counts_rows_read_by_all():
    report = RunReport("r", False, 3.14159)
    report.transformers = {"a": patients(), "b": patients(status="failed"), "c": patients(status="skipped")}
    assert summary_lines(report) == (
        "Enhanced ETL migration complete in 3.14s: 1 successful, 1 failed, 1 skipped",
        "Total records processed: 45000",
    )
