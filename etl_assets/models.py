"""What a run leaves behind for people: runs and rejects in `default`.

The others live in the target database, where they commit with the rows: `Checkpoint` and `ClaimedKey` until a
run has ended, `Watermark` and `KeyOwner` from one run to the next.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

KEY_LENGTH = 255
"""Longest text of a legacy key that is kept whole; longer ones end in a digest."""


class Run(models.Model):
    """One transformer in one run."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        SUCCESS = "success", _("success")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")
        ABANDONED = "abandoned", _("abandoned")

    run_id = models.CharField(max_length=64, help_text=_("Dagster's id of the run"))
    transformer = models.CharField(max_length=255, db_index=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    options = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    read = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    warnings = models.BigIntegerField(default=0)
    reject_reasons = models.JSONField(default=dict)
    stages = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ("-started_at", "-pk")
        constraints = (
            models.UniqueConstraint(fields=["run_id", "transformer"], name="etl_run_once_per_transformer"),
        )

    def __str__(self) -> str:
        return f"{self.transformer} {self.run_id[:8]}"


class CheckResult(models.Model):
    """What one check of a transformer found in one run."""

    class Severity(models.TextChoices):
        ERROR = "error", _("error")
        WARNING = "warning", _("warning")

    run = models.ForeignKey(Run, models.CASCADE, related_name="checks")
    name = models.CharField(max_length=255)
    passed = models.BooleanField()
    severity = models.CharField(
        max_length=16, choices=Severity, help_text=_("what it means if it has not passed")
    )
    blocking = models.BooleanField(help_text=_("does an error stop what depends on the transformer?"))
    description = models.TextField()
    figures = models.JSONField(default=dict)
    samples = models.JSONField(default=list, help_text=_("rows at fault, sensitive values masked"))

    class Meta:
        verbose_name = _("check result")
        verbose_name_plural = _("check results")
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["run", "name"], name="etl_check_once_per_run"),)

    def __str__(self) -> str:
        return f"{self.name} {self.run}"


class Reject(models.Model):
    """A legacy row that was not loaded, and why."""

    run = models.ForeignKey(
        Run, models.CASCADE, related_name="rejects", help_text=_("the last run that met it")
    )
    first_run = models.ForeignKey(Run, models.CASCADE, related_name="+")
    resolved_run = models.ForeignKey(
        Run, models.SET_NULL, null=True, related_name="+", help_text=_("the run that loaded it after all")
    )
    transformer = models.CharField(max_length=255)
    legacy_key = models.CharField(max_length=KEY_LENGTH)
    field = models.CharField(max_length=255, blank=True)
    code = models.CharField(max_length=100)
    reason = models.TextField()
    raw = models.JSONField()
    digest = models.CharField(max_length=32, help_text=_("of the legacy key and the raw row"))

    class Meta:
        verbose_name = _("reject")
        verbose_name_plural = _("rejects")
        constraints = (
            # The digest covers the key, which is thereby unique too without a second wide index.
            models.UniqueConstraint(
                fields=["transformer", "digest", "field", "code"], name="etl_reject_once"
            ),
        )
        indexes = (models.Index(fields=["transformer", "legacy_key"], name="etl_reject_by_key"),)

    def __str__(self) -> str:
        return f"{self.transformer} {self.legacy_key}: {self.reason}"


class Checkpoint(models.Model):
    """How far a run without rollback has come, for the next one to go on from there."""

    transformer = models.CharField(max_length=255, unique=True)
    reading_order = models.JSONField(help_text=_("source and columns that the position refers to"))
    position = models.JSONField(help_text=_("the last committed row's values of these columns"))
    rows_read = models.BigIntegerField()
    window = models.JSONField(null=True, help_text=_("which watermarks the run that began was to read"))
    run_id = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")

    def __str__(self) -> str:
        return f"{self.transformer} after {self.rows_read} rows"


class ClaimedKey(models.Model):
    """A key that an unfinished run without rollback has loaded, so that the first row keeps it."""

    transformer = models.CharField(max_length=255)
    key = models.CharField(max_length=KEY_LENGTH)
    kept = models.CharField(max_length=KEY_LENGTH, help_text=_("names the row that was kept"))

    class Meta:
        verbose_name = _("claimed key")
        verbose_name_plural = _("claimed keys")
        constraints = (models.UniqueConstraint(fields=["transformer", "key"], name="etl_claimed_key_once"),)

    def __str__(self) -> str:
        return f"{self.transformer} {self.key}"


class Watermark(models.Model):
    """How far a transformer with `Meta.watermark` has read, for the next run to read only what is new."""

    transformer = models.CharField(max_length=255, unique=True)
    source = models.JSONField(help_text=_("what was read, and what into: the value holds for nothing else"))
    value = models.CharField(max_length=255, help_text=_("the largest that the last run has seen"))
    run_id = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")

    def __str__(self) -> str:
        return f"{self.transformer} up to {self.value}"


class KeyOwner(models.Model):
    """Which source row has a key, for transformers with a watermark: it alone may change what is loaded.

    Key and owner are texts, or digests of them where the database does not tell all texts apart. There is no
    number of its own, since a dry run may not draw one.
    """

    pk = models.CompositePrimaryKey("transformer", "key")
    transformer = models.CharField(max_length=255)
    key = models.CharField(max_length=KEY_LENGTH)
    owner = models.CharField(max_length=KEY_LENGTH, help_text=_("the source row, by its primary key"))
    name = models.CharField(max_length=KEY_LENGTH, help_text=_("the row's legacy key, for messages"))

    class Meta:
        verbose_name = _("key owner")
        verbose_name_plural = _("key owners")
        indexes = (models.Index(fields=["transformer", "owner"], name="etl_key_owner"),)

    def __str__(self) -> str:
        return f"{self.transformer} {self.name}"
