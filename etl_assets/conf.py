"""Settings: `ETL_CONFIG` as one typed object with visible defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from django.conf import settings

from . import timetable
from .exceptions import ConfigurationError, nearest
from .timetable import Schedule

ValidationMode = Literal["lenient", "strict", "warning_only"]
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
REJECT_LIMITS = "None, a count such as 100, or a share such as '1%'"

DEFAULTS: Mapping[str, Any] = {
    "PROJECT_NAME": "Legacy migration",
    "DEFAULT_LEGACY_DB": "legacy",
    "TRANSFORMER_DISCOVERY_PATHS": [],
    "REQUIRED_DATABASES": [],
    "TRANSFORMATION": {
        "BATCH_SIZE": 10_000,
        "MAX_RETRIES": 3,
        "RETRY_DELAY": 5,
        "ENABLE_VALIDATION": True,
        "VALIDATION_MODE": "lenient",
        "MAX_REJECTED": None,
    },
    "LOGGING": {"LEVEL": "INFO", "FILE_PATH": None, "MAX_FILE_SIZE_MB": 10, "BACKUP_COUNT": 5},
    "MONITORING": {"ALERT_EMAIL": None, "WEBHOOK_URL": None, "OBSERVE": None, "STALE_AFTER": 24},
    "SENSORS": {"ENABLED": False, "INTERVAL": 60},
    "DAGSTER_URL": None,
    "SITE_URL": None,
    "SENSITIVE_COLUMNS": [],
    "SCHEDULES": {},
}
"""Every setting with its default. SCHEDULES holds names of the project's own; see timetable.py."""


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """How many rows may be rejected before the transformer fails: a count, or a share of those read."""

    count: int | None = None
    share: Fraction | None = None
    """Exact: 29 of 100 rows are no more than 29%, which floats deny."""

    @classmethod
    def parse(cls, value: Any) -> RejectLimit | None:
        """Read None, 100 or "1%".

        Raises:
            ConfigurationError: it is none of these.
        """
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(count=value)
        percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
        if percent and Fraction(percent[1]) <= 100:
            return cls(share=Fraction(percent[1]) / 100)
        raise ConfigurationError(f"MAX_REJECTED is {value!r}: write {REJECT_LIMITS}.")

    def allows(self, rejected: int, read: int) -> bool:
        if self.count is not None:
            return rejected <= self.count
        return rejected <= (self.share or 0) * read

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{float(100 * (self.share or 0)):g}%"


@dataclass(frozen=True, slots=True)
class Config:
    """ETL_CONFIG, read and checked."""

    project_name: str
    default_legacy_db: str
    transformer_discovery_paths: list[str]
    required_databases: list[str]
    batch_size: int
    max_retries: int
    retry_delay: float
    """Seconds."""
    enable_validation: bool
    """Off, every run is `warning_only`, whatever the mode."""
    validation_mode: ValidationMode
    max_rejected: RejectLimit | None
    log_level: str
    log_file: str | None
    log_file_megabytes: float
    log_file_backups: int
    alert_emails: list[str]
    webhook_url: str | None
    observe: str | None
    """Cron line at which the legacy tables are looked at."""
    stale_after: float
    """Hours after which a legacy table that did not change is called stale."""
    sensors_enabled: bool
    sensor_interval: int
    """Seconds between two looks of a sensor."""
    dagster_url: str | None
    """Where people find the Dagster UI, without a slash at the end."""
    site_url: str | None
    """Where people find this Django project, without a slash at the end."""
    sensitive_columns: list[str]
    schedules: list[Schedule] = field(default_factory=list)


def load() -> Config:
    """Read ETL_CONFIG.

    Raises:
        ConfigurationError: a key is unknown, or a value cannot be meant.
    """
    for problem, hint in problems():
        raise ConfigurationError(f"{problem} {hint}")
    return read(_given())


def read(given: Mapping[str, Any]) -> Config:
    """Read what has no problems; {} gives the defaults."""
    merged = {key: given.get(key, default) for key, default in DEFAULTS.items()}
    run = {**DEFAULTS["TRANSFORMATION"], **merged["TRANSFORMATION"]}
    log = {**DEFAULTS["LOGGING"], **merged["LOGGING"]}
    monitoring = {**DEFAULTS["MONITORING"], **merged["MONITORING"]}
    sensors = {**DEFAULTS["SENSORS"], **merged["SENSORS"]}
    return Config(
        project_name=merged["PROJECT_NAME"],
        default_legacy_db=merged["DEFAULT_LEGACY_DB"],
        transformer_discovery_paths=list(merged["TRANSFORMER_DISCOVERY_PATHS"]),
        required_databases=list(merged["REQUIRED_DATABASES"]),
        batch_size=run["BATCH_SIZE"],
        max_retries=run["MAX_RETRIES"],
        retry_delay=run["RETRY_DELAY"],
        enable_validation=run["ENABLE_VALIDATION"],
        validation_mode=run["VALIDATION_MODE"],
        max_rejected=RejectLimit.parse(run["MAX_REJECTED"]),
        log_level=log["LEVEL"],
        log_file=log["FILE_PATH"] and str(log["FILE_PATH"]),
        log_file_megabytes=log["MAX_FILE_SIZE_MB"],
        log_file_backups=log["BACKUP_COUNT"],
        alert_emails=_addressees(monitoring["ALERT_EMAIL"]),
        webhook_url=monitoring["WEBHOOK_URL"] or None,
        observe=monitoring["OBSERVE"] or None,
        stale_after=monitoring["STALE_AFTER"],
        sensors_enabled=sensors["ENABLED"],
        sensor_interval=sensors["INTERVAL"],
        dagster_url=_address(merged["DAGSTER_URL"]),
        site_url=_address(merged["SITE_URL"]),
        sensitive_columns=list(merged["SENSITIVE_COLUMNS"]),
        schedules=[Schedule.read(name, one) for name, one in merged["SCHEDULES"].items()],
    )


def problems() -> Iterator[tuple[str, str]]:
    """Yield each thing wrong with ETL_CONFIG as a sentence and what to do about it."""
    given = _given()
    if not isinstance(given, Mapping):
        yield f"ETL_CONFIG is a {type(given).__name__}.", "Make it a dict."
        return
    misshapen = list(_wrong_shapes(given))
    yield from misshapen
    if not misshapen:
        yield from _wrong_texts(given)
        yield from _wrong_values(given)
        yield from _wrong_monitoring(given)
        yield from timetable.problems(given.get("SCHEDULES", {}))


def _given() -> Any:
    return getattr(settings, "ETL_CONFIG", {})


def _wrong_shapes(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        if key not in DEFAULTS:
            yield f"ETL_CONFIG has no key {key!r}.", _hint(key, DEFAULTS)
            continue
        known = DEFAULTS[key]
        if isinstance(known, Mapping) and not isinstance(value, Mapping):
            yield f"ETL_CONFIG[{key!r}] is a {type(value).__name__}.", "Make it a dict."
        elif isinstance(known, list) and not isinstance(value, (list, tuple)):
            yield f"ETL_CONFIG[{key!r}] is a {type(value).__name__}.", "Make it a list."
        elif known and isinstance(known, Mapping):
            for inner in value:
                if inner not in known:
                    yield f"ETL_CONFIG[{key!r}] has no key {inner!r}.", _hint(inner, known)


def _address(url: str | None) -> str | None:
    return url.rstrip("/") if url else None


def _addressees(emails: str | None) -> list[str]:
    return [part.strip() for part in (emails or "").split(",") if part.strip()]


def _hint(key: object, known: Mapping[str, Any]) -> str:
    return nearest(str(key), known).strip() or f"The known keys are {', '.join(known)}."


def _wrong_texts(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("PROJECT_NAME", "DEFAULT_LEGACY_DB"):
        value = given.get(key, DEFAULTS[key])
        if not isinstance(value, str) or not value:
            yield f"{key} is {value!r}.", "Make it a text."
    for key in ("TRANSFORMER_DISCOVERY_PATHS", "REQUIRED_DATABASES", "SENSITIVE_COLUMNS"):
        for value in given.get(key, ()):
            if not isinstance(value, str) or not value:
                yield f"{key} holds {value!r}.", "Make it a list of texts."
    for key in ("DAGSTER_URL", "SITE_URL"):
        value = given.get(key)
        if value is not None and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", str(value)):
            yield f"{key} is {value!r}.", "Make it an address such as 'https://example.org', or None."
    path = given.get("LOGGING", {}).get("FILE_PATH")
    if not isinstance(path, str | Path | None):
        yield f"FILE_PATH is {path!r}.", "Make it a path, or None."


def _wrong_values(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    run = {**DEFAULTS["TRANSFORMATION"], **given.get("TRANSFORMATION", {})}
    log = {**DEFAULTS["LOGGING"], **given.get("LOGGING", {})}
    if not _is_number(run["BATCH_SIZE"], whole=True, low=1):
        yield f"BATCH_SIZE is {run['BATCH_SIZE']!r}.", "Make it a whole number from 1 up."
    if not _is_number(run["MAX_RETRIES"], whole=True, low=0):
        yield f"MAX_RETRIES is {run['MAX_RETRIES']!r}.", "Make it a whole number from 0 up."
    if not _is_number(run["RETRY_DELAY"], whole=False, low=0):
        yield f"RETRY_DELAY is {run['RETRY_DELAY']!r}.", "Make it a number of seconds from 0 up."
    if not isinstance(run["ENABLE_VALIDATION"], bool):
        yield f"ENABLE_VALIDATION is {run['ENABLE_VALIDATION']!r}.", "Make it True or False."
    if run["VALIDATION_MODE"] not in get_args(ValidationMode):
        modes = ", ".join(map(repr, get_args(ValidationMode)))
        yield f"VALIDATION_MODE is {run['VALIDATION_MODE']!r}.", f"Make it one of {modes}."
    try:
        RejectLimit.parse(run["MAX_REJECTED"])
    except ConfigurationError:
        yield f"MAX_REJECTED is {run['MAX_REJECTED']!r}.", f"Make it {REJECT_LIMITS}."
    if log["LEVEL"] not in LOG_LEVELS:
        yield f"LOGGING LEVEL is {log['LEVEL']!r}.", f"Make it one of {', '.join(LOG_LEVELS)}."
    if not _is_number(log["MAX_FILE_SIZE_MB"], whole=False, low=0):
        yield f"MAX_FILE_SIZE_MB is {log['MAX_FILE_SIZE_MB']!r}.", "Make it a number from 0 (no limit) up."
    if not _is_number(log["BACKUP_COUNT"], whole=True, low=0):
        yield f"BACKUP_COUNT is {log['BACKUP_COUNT']!r}.", "Make it a whole number from 0 up."


def _wrong_monitoring(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    monitoring = {**DEFAULTS["MONITORING"], **given.get("MONITORING", {})}
    sensors = {**DEFAULTS["SENSORS"], **given.get("SENSORS", {})}
    emails, url, cron = monitoring["ALERT_EMAIL"], monitoring["WEBHOOK_URL"], monitoring["OBSERVE"]
    if not isinstance(emails, str | None) or not all(map(_is_email, _addressees(emails))):
        hint = "Make it an e-mail address, or several with commas between them, or None."
        yield f"ALERT_EMAIL is {emails!r}.", hint
    if url not in (None, "") and not (isinstance(url, str) and re.fullmatch(r"https?://[^\s/?#]+\S*", url)):
        # It may hold a token, so that it is not repeated here.
        yield "WEBHOOK_URL is no address.", "Make it an address such as 'https://example.org/hook', or None."
    if cron not in (None, "") and (problem := timetable.cron_problem(cron)):
        yield f"MONITORING OBSERVE is {cron!r}: {problem}.", timetable.CRON_HINT
    if not _is_number(monitoring["STALE_AFTER"], whole=False, low=1):
        yield f"STALE_AFTER is {monitoring['STALE_AFTER']!r}.", "Make it a number of hours from 1 up."
    if not isinstance(sensors["ENABLED"], bool):
        yield f"SENSORS ENABLED is {sensors['ENABLED']!r}.", "Make it True or False."
    if not _is_number(sensors["INTERVAL"], whole=True, low=1):
        yield f"SENSORS INTERVAL is {sensors['INTERVAL']!r}.", "Make it a whole number of seconds from 1 up."


def _is_email(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


def _is_number(value: Any, *, whole: bool, low: float) -> bool:
    is_kind = isinstance(value, int) if whole else isinstance(value, (int, float))
    return is_kind and not isinstance(value, bool) and bool(value >= low)
