"""Targets of the jobs."""

from __future__ import annotations

from django.db import models


class Department(models.Model):
    legacy_id = models.PositiveIntegerField(unique=True)
    code = models.CharField(max_length=8, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class Patient(models.Model):
    """Fourteen columns, a foreign key, two unique columns, an index by name.

    On PostgreSQL these are six indexes, with the one that Django adds for LIKE on a unique text.
    """

    legacy_id = models.PositiveIntegerField(unique=True)
    number = models.CharField(max_length=12, unique=True)
    first_name = models.CharField(max_length=60)
    last_name = models.CharField(max_length=60)
    date_of_birth = models.DateField(null=True, blank=True)
    sex = models.CharField(
        max_length=7, choices=[(sex, sex) for sex in ("female", "male", "other", "unknown")]
    )
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=16, blank=True)
    address = models.CharField(max_length=200, blank=True)
    postcode = models.CharField(max_length=10, blank=True)
    national_id = models.CharField(max_length=10, null=True, blank=True)
    department = models.ForeignKey(Department, models.PROTECT, related_name="patients")
    registered_at = models.DateTimeField()
    notes = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["last_name", "first_name"], name="bench_patient_by_name")]

    def __str__(self) -> str:
        return self.number


class PlainPatient(models.Model):
    """The legacy table as it is, column by column: what a tool can fill that only copies."""

    patient_id = models.IntegerField(primary_key=True)
    hosp_no = models.CharField(max_length=20, null=True)
    first_name = models.CharField(max_length=250, null=True)
    last_name = models.CharField(max_length=250, null=True)
    date_of_birth = models.CharField(max_length=10, null=True)
    gender = models.CharField(max_length=1, null=True)
    email = models.CharField(max_length=254, null=True)
    phone = models.CharField(max_length=40, null=True)
    address = models.CharField(max_length=250, null=True)
    postcode = models.CharField(max_length=12, null=True)
    ssn = models.CharField(max_length=20, null=True)
    dept_id = models.IntegerField(null=True)
    registered_at = models.CharField(max_length=19, null=True)
    notes = models.TextField(null=True)

    class Meta:
        db_table = "plain_patients"

    def __str__(self) -> str:
        return str(self.patient_id)
