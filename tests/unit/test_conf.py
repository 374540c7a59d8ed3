"""ETL_CONFIG: defaults, every value that cannot be meant, and the nearest key to a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import override_settings

from etl_assets import conf
from etl_assets.conf import Config, RejectLimit
from etl_assets.exceptions import ConfigurationError
from etl_assets.timetable import CRON_HINT, Schedule


def found(config: object) -> list[tuple[str, str]]:
    with override_settings(ETL_CONFIG=config):
        return list(conf.problems())


def test_everything_has_a_default():
    expected = Config(
        project_name="Legacy migration",
        default_legacy_db="legacy",
        transformer_discovery_paths=[],
        required_databases=[],
        batch_size=10_000,
        max_retries=3,
        retry_delay=5,
        enable_validation=True,
        validation_mode="lenient",
        max_rejected=None,
        log_level="INFO",
        log_file=None,
        log_file_megabytes=10,
        log_file_backups=5,
        alert_emails=[],
        webhook_url=None,
        observe=None,
        stale_after=24,
        sensors_enabled=False,
        sensor_interval=60,
        dagster_url=None,
        site_url=None,
        sensitive_columns=[],
        schedules=[],
    )
    with override_settings(ETL_CONFIG={}):
        assert conf.load() == expected
    assert conf.read({}) == expected


def test_a_project_without_the_setting_gets_the_defaults(settings):
    del settings.ETL_CONFIG
    assert conf.load() == conf.read({})


def test_every_key_can_be_set(tmp_path: Path):
    given = {
        "PROJECT_NAME": "Hospital",
        "DEFAULT_LEGACY_DB": "archive",
        "TRANSFORMER_DISCOVERY_PATHS": ("a.b", "c"),
        "REQUIRED_DATABASES": ["archive"],
        "TRANSFORMATION": {
            "BATCH_SIZE": 1,
            "MAX_RETRIES": 0,
            "RETRY_DELAY": 0.5,
            "ENABLE_VALIDATION": False,
            "VALIDATION_MODE": "strict",
            "MAX_REJECTED": "1.5%",
        },
        "LOGGING": {"LEVEL": "DEBUG", "FILE_PATH": tmp_path, "MAX_FILE_SIZE_MB": 0.5, "BACKUP_COUNT": 0},
        "MONITORING": {
            "ALERT_EMAIL": "ops@example.org, dba@example.org",
            "WEBHOOK_URL": "https://example.org/hook?token=1",
            "OBSERVE": "0 6 * * *",
            "STALE_AFTER": 36,
        },
        "SENSORS": {"ENABLED": True, "INTERVAL": 5},
        "DAGSTER_URL": "https://dagster.example.org/ui/",
        "SITE_URL": "http://localhost:8000",
        "SENSITIVE_COLUMNS": ["ssn"],
        "SCHEDULES": {"nightly": {"cron": "0 2 * * *", "only": ["a"], "timezone": "UTC", "enabled": False}},
    }
    with override_settings(ETL_CONFIG=given):
        config = conf.load()

    assert config == Config(
        project_name="Hospital",
        default_legacy_db="archive",
        transformer_discovery_paths=["a.b", "c"],
        required_databases=["archive"],
        batch_size=1,
        max_retries=0,
        retry_delay=0.5,
        enable_validation=False,
        validation_mode="strict",
        max_rejected=RejectLimit.parse("1.5%"),
        log_level="DEBUG",
        log_file=str(tmp_path),
        log_file_megabytes=0.5,
        log_file_backups=0,
        alert_emails=["ops@example.org", "dba@example.org"],
        webhook_url="https://example.org/hook?token=1",
        observe="0 6 * * *",
        stale_after=36,
        sensors_enabled=True,
        sensor_interval=5,
        dagster_url="https://dagster.example.org/ui",
        site_url="http://localhost:8000",
        sensitive_columns=["ssn"],
        schedules=[Schedule("nightly", "0 2 * * *", ("a",), "UTC", False)],
    )


def run(**values: object) -> dict[str, object]:
    return {"TRANSFORMATION": values}


MODES = "Make it one of 'lenient', 'strict', 'warning_only'."
LEVELS = "Make it one of DEBUG, INFO, WARNING, ERROR."
ADDRESS = "Make it an address such as 'https://example.org', or None."
EMAILS = "Make it an e-mail address, or several with commas between them, or None."
HOOK = "Make it an address such as 'https://example.org/hook', or None."
LIMITS = "Make it None, a count such as 100, or a share such as '1%'."


@pytest.mark.parametrize(
    ("config", "problem", "hint"),
    [
        (None, "ETL_CONFIG is a NoneType.", "Make it a dict."),
        (["PROJECT_NAME"], "ETL_CONFIG is a list.", "Make it a dict."),
        ({"PROJECT_NAM": "x"}, "ETL_CONFIG has no key 'PROJECT_NAM'.", "Did you mean 'PROJECT_NAME'?"),
        (
            {"XYZ": 1},
            "ETL_CONFIG has no key 'XYZ'.",
            "The known keys are PROJECT_NAME, DEFAULT_LEGACY_DB, TRANSFORMER_DISCOVERY_PATHS, "
            "REQUIRED_DATABASES, TRANSFORMATION, LOGGING, MONITORING, SENSORS, DAGSTER_URL, SITE_URL, "
            "SENSITIVE_COLUMNS, SCHEDULES.",
        ),
        ({7: 1}, "ETL_CONFIG has no key 7.", None),
        (
            run(BATCHSIZE=5),
            "ETL_CONFIG['TRANSFORMATION'] has no key 'BATCHSIZE'.",
            "Did you mean 'BATCH_SIZE'?",
        ),
        (
            {"LOGGING": {"FILE": "x"}},
            "ETL_CONFIG['LOGGING'] has no key 'FILE'.",
            "Did you mean 'FILE_PATH'?",
        ),
        (
            {"MONITORING": {"PAGER": "x"}},
            "ETL_CONFIG['MONITORING'] has no key 'PAGER'.",
            "The known keys are ALERT_EMAIL, WEBHOOK_URL, OBSERVE, STALE_AFTER.",
        ),
        ({"TRANSFORMATION": [5]}, "ETL_CONFIG['TRANSFORMATION'] is a list.", "Make it a dict."),
        ({"LOGGING": "INFO"}, "ETL_CONFIG['LOGGING'] is a str.", "Make it a dict."),
        ({"MONITORING": None}, "ETL_CONFIG['MONITORING'] is a NoneType.", "Make it a dict."),
        ({"SCHEDULES": "daily"}, "ETL_CONFIG['SCHEDULES'] is a str.", "Make it a dict."),
        ({"SENSITIVE_COLUMNS": "ssn"}, "ETL_CONFIG['SENSITIVE_COLUMNS'] is a str.", "Make it a list."),
        ({"REQUIRED_DATABASES": "legacy"}, "ETL_CONFIG['REQUIRED_DATABASES'] is a str.", "Make it a list."),
        (
            {"TRANSFORMER_DISCOVERY_PATHS": "a.b"},
            "ETL_CONFIG['TRANSFORMER_DISCOVERY_PATHS'] is a str.",
            "Make it a list.",
        ),
        ({"PROJECT_NAME": 7}, "PROJECT_NAME is 7.", "Make it a text."),
        ({"DEFAULT_LEGACY_DB": None}, "DEFAULT_LEGACY_DB is None.", "Make it a text."),
        ({"DEFAULT_LEGACY_DB": ""}, "DEFAULT_LEGACY_DB is ''.", "Make it a text."),
        (
            {"TRANSFORMER_DISCOVERY_PATHS": [Path("a")]},
            f"TRANSFORMER_DISCOVERY_PATHS holds {Path('a')!r}.",
            "Make it a list of texts.",
        ),
        ({"REQUIRED_DATABASES": [7]}, "REQUIRED_DATABASES holds 7.", "Make it a list of texts."),
        ({"SENSITIVE_COLUMNS": [""]}, "SENSITIVE_COLUMNS holds ''.", "Make it a list of texts."),
        (run(BATCH_SIZE=0), "BATCH_SIZE is 0.", "Make it a whole number from 1 up."),
        (run(BATCH_SIZE="100"), "BATCH_SIZE is '100'.", "Make it a whole number from 1 up."),
        (run(BATCH_SIZE=True), "BATCH_SIZE is True.", "Make it a whole number from 1 up."),
        (run(BATCH_SIZE=1.5), "BATCH_SIZE is 1.5.", "Make it a whole number from 1 up."),
        (run(MAX_RETRIES=-1), "MAX_RETRIES is -1.", "Make it a whole number from 0 up."),
        (run(MAX_RETRIES=None), "MAX_RETRIES is None.", "Make it a whole number from 0 up."),
        (run(RETRY_DELAY=-0.1), "RETRY_DELAY is -0.1.", "Make it a number of seconds from 0 up."),
        (run(RETRY_DELAY="5s"), "RETRY_DELAY is '5s'.", "Make it a number of seconds from 0 up."),
        (run(RETRY_DELAY=float("nan")), "RETRY_DELAY is nan.", "Make it a number of seconds from 0 up."),
        (run(ENABLE_VALIDATION="no"), "ENABLE_VALIDATION is 'no'.", "Make it True or False."),
        (run(VALIDATION_MODE="hard"), "VALIDATION_MODE is 'hard'.", MODES),
        (run(VALIDATION_MODE=["strict"]), "VALIDATION_MODE is ['strict'].", MODES),
        (run(MAX_REJECTED="many"), "MAX_REJECTED is 'many'.", LIMITS),
        (run(MAX_REJECTED="a: b"), "MAX_REJECTED is 'a: b'.", LIMITS),
        (run(MAX_REJECTED="101%"), "MAX_REJECTED is '101%'.", LIMITS),
        (run(MAX_REJECTED="-1%"), "MAX_REJECTED is '-1%'.", LIMITS),
        (run(MAX_REJECTED=-1), "MAX_REJECTED is -1.", LIMITS),
        (run(MAX_REJECTED=True), "MAX_REJECTED is True.", LIMITS),
        (run(MAX_REJECTED=0.01), "MAX_REJECTED is 0.01.", LIMITS),
        ({"LOGGING": {"LEVEL": "info"}}, "LOGGING LEVEL is 'info'.", LEVELS),
        ({"LOGGING": {"LEVEL": 20}}, "LOGGING LEVEL is 20.", LEVELS),
        ({"LOGGING": {"FILE_PATH": 7}}, "FILE_PATH is 7.", "Make it a path, or None."),
        (
            {"LOGGING": {"MAX_FILE_SIZE_MB": -1}},
            "MAX_FILE_SIZE_MB is -1.",
            "Make it a number from 0 (no limit) up.",
        ),
        ({"LOGGING": {"BACKUP_COUNT": 1.5}}, "BACKUP_COUNT is 1.5.", "Make it a whole number from 0 up."),
        ({"MONITORING": {"ALERT_EMAIL": 7}}, "ALERT_EMAIL is 7.", EMAILS),
        ({"MONITORING": {"ALERT_EMAIL": "a@b, ops"}}, "ALERT_EMAIL is 'a@b, ops'.", EMAILS),
        ({"MONITORING": {"WEBHOOK_URL": b"x"}}, "WEBHOOK_URL is no address.", HOOK),
        ({"MONITORING": {"WEBHOOK_URL": "file:///s3cret"}}, "WEBHOOK_URL is no address.", HOOK),
        (
            {"MONITORING": {"OBSERVE": "daily"}},
            "MONITORING OBSERVE is 'daily': 1 fields instead of 5.",
            CRON_HINT,
        ),
        ({"MONITORING": {"STALE_AFTER": 0}}, "STALE_AFTER is 0.", "Make it a number of hours from 1 up."),
        ({"SENSORS": {"ENABLED": 1}}, "SENSORS ENABLED is 1.", "Make it True or False."),
        (
            {"SENSORS": {"INTERVAL": 0.5}},
            "SENSORS INTERVAL is 0.5.",
            "Make it a whole number of seconds from 1 up.",
        ),
        (
            {"SCHEDULES": {"x": {"cron": "x"}}},
            "SCHEDULES['x'] has cron 'x': 1 fields instead of 5.",
            CRON_HINT,
        ),
        ({"DAGSTER_URL": "dagster.example.org"}, "DAGSTER_URL is 'dagster.example.org'.", ADDRESS),
        ({"DAGSTER_URL": "http://"}, "DAGSTER_URL is 'http://'.", ADDRESS),
        ({"SITE_URL": ""}, "SITE_URL is ''.", ADDRESS),
        ({"SITE_URL": "https://a.org/?b"}, "SITE_URL is 'https://a.org/?b'.", ADDRESS),
        ({"SITE_URL": b"https://a.org"}, "SITE_URL is b'https://a.org'.", ADDRESS),
        ({"SITE_URL": "javascript:alert(1)"}, "SITE_URL is 'javascript:alert(1)'.", ADDRESS),
    ],
)
def test_what_cannot_be_meant_is_found_and_load_refuses_it(config: object, problem: str, hint: str | None):
    ((said, advice),) = found(config)

    assert said == problem
    assert hint is None or advice == hint
    with override_settings(ETL_CONFIG=config), pytest.raises(ConfigurationError) as caught:
        conf.load()
    assert str(caught.value) == f"{said} {advice}"


def test_all_problems_are_found_at_once():
    config = {"DEFAULT_LEGACY_DB": "", "TRANSFORMATION": {"BATCH_SIZE": 0, "MAX_REJECTED": "x"}}

    assert [problem for problem, _ in found(config)] == [
        "DEFAULT_LEGACY_DB is ''.",
        "BATCH_SIZE is 0.",
        "MAX_REJECTED is 'x'.",
    ]


def test_schedules_have_names_of_the_projects_own():
    assert found({"SCHEDULES": {"whatever_the_project_calls_it": {"cron": "0 2 * * *"}}}) == []


def test_what_an_environment_leaves_empty_is_not_set():
    empty = {"ALERT_EMAIL": "", "WEBHOOK_URL": "", "OBSERVE": ""}

    assert found({"MONITORING": empty}) == []
    with override_settings(ETL_CONFIG={"MONITORING": empty}):
        assert conf.load() == conf.read({})


@pytest.mark.parametrize(
    ("limit", "rejected", "read", "allowed"),
    [
        (0, 0, 100, True),
        (0, 1, 100, False),
        (5, 5, 5, True),
        (5, 6, 1_000_000, False),
        ("0%", 0, 0, True),
        ("0%", 1, 100, False),
        ("1%", 1, 100, True),
        ("1%", 2, 100, False),
        ("1%", 1, 99, False),
        ("29%", 29, 100, True),  # 0.29 * 100 is 28.999999999999996
        ("29%", 30, 100, False),
        ("0.1 %", 1, 1000, True),
        ("100%", 7, 7, True),
    ],
)
def test_a_limit_is_a_count_or_an_exact_share(limit, rejected: int, read: int, allowed: bool):
    parsed = RejectLimit.parse(limit)

    assert parsed is not None
    assert parsed.allows(rejected, read) is allowed


@pytest.mark.parametrize(
    ("written", "said"), [(0, "0"), (100, "100"), ("1%", "1%"), ("0.5 %", "0.5%"), ("33.3%", "33.3%")]
)
def test_a_limit_is_said_as_it_was_written(written, said: str):
    assert str(RejectLimit.parse(written)) == said


def test_no_limit_is_none():
    assert RejectLimit.parse(None) is None


def test_a_wrong_limit_says_what_to_write():
    with pytest.raises(ConfigurationError) as caught:
        RejectLimit.parse("few")
    assert str(caught.value) == (
        "MAX_REJECTED is 'few': write None, a count such as 100, or a share such as '1%'."
    )
