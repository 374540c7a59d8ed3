"""The new system's records."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import F, Q


class Record(models.Model):
    """What every record has that came, or may have come, from the old system."""

    legacy_id = models.PositiveIntegerField(
        unique=True,
        null=True,
        blank=True,
        help_text="Number in the old system; empty for records that were born in this one.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When the record came into this system.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When the record last changed here.")

    class Meta:
        abstract = True


class Department(Record):
    code = models.CharField(max_length=8, unique=True, help_text="Short code on forms and door plates.")
    name = models.CharField(max_length=80, unique=True, help_text="Name as patients know it.")
    building = models.CharField(max_length=60, blank=True, help_text="Building and floor.")
    phone = models.CharField(max_length=16, blank=True, help_text="Reception's number, as E.164.")
    email = models.EmailField("e-mail", blank=True, help_text="Shared mailbox of the department.")
    opened_on = models.DateField(null=True, blank=True, help_text="Day of the first patient.")
    is_active = models.BooleanField("active", default=True, help_text="Whether it takes appointments.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Patient(Record):
    class Sex(models.TextChoices):
        FEMALE = "female", "Female"
        MALE = "male", "Male"
        OTHER = "other", "Other"
        UNKNOWN = "unknown", "Unknown"

    number = models.CharField(
        "hospital number", max_length=12, unique=True, help_text="Two letters and six digits, on every label."
    )
    national_id = models.CharField(
        "NHS number",
        max_length=10,
        unique=True,
        null=True,
        blank=True,
        help_text="Ten digits; the last one is a check digit. Empty until it has been traced.",
    )
    first_name = models.CharField(max_length=60, help_text="Given names.")
    last_name = models.CharField(max_length=60, help_text="Family name.")
    date_of_birth = models.DateField(null=True, blank=True, help_text="Empty where nobody knows it.")
    sex = models.CharField(max_length=7, choices=Sex, default=Sex.UNKNOWN, help_text="As registered.")
    email = models.EmailField("e-mail", blank=True, help_text="Families may share one.")
    phone = models.CharField(max_length=16, blank=True, help_text="As E.164: +441134960123.")
    address = models.CharField(max_length=200, blank=True, help_text="House, street and town.")
    postcode = models.CharField(max_length=10, blank=True, help_text="In capitals, with the space.")
    department = models.ForeignKey(
        Department, models.PROTECT, related_name="patients", help_text="Department that keeps the file."
    )
    registered_at = models.DateTimeField(help_text="When the front desk opened the file.")
    notes = models.TextField(blank=True, help_text="What the front desk should know.")

    class Meta:
        ordering = ["last_name", "first_name", "number"]
        indexes = [
            models.Index(fields=["last_name", "first_name"], name="patient_by_name"),
            models.Index(fields=["date_of_birth"], name="patient_by_birth"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(date_of_birth__isnull=True) | Q(date_of_birth__gte=dt.date(1900, 1, 1)),
                name="patient_born_since_1900",
                violation_error_message="A date of birth before 1900 is a typing error.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.last_name}, {self.first_name} ({self.number})"


class Appointment(Record):
    class Status(models.TextChoices):
        BOOKED = "booked", "Booked"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        MISSED = "missed", "Missed"

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="appointments", help_text="Who comes.")
    department = models.ForeignKey(
        Department,
        models.PROTECT,
        related_name="appointments",
        null=True,
        blank=True,
        help_text="Where to; empty for departments that were closed before this system.",
    )
    starts_at = models.DateTimeField(help_text="Agreed beginning.")
    ends_at = models.DateTimeField(help_text="Planned end.")
    status = models.CharField(
        max_length=9, choices=Status, default=Status.BOOKED, help_text="What became of it."
    )
    clinician = models.CharField(
        max_length=80, blank=True, help_text="Title and name of who sees the patient."
    )
    room = models.CharField(max_length=20, blank=True, help_text="Room number, with the building's letter.")
    fee = models.DecimalField(
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Pounds charged; empty where the visit costs nothing.",
    )
    reason = models.TextField(blank=True, help_text="Why the patient comes, in the words of the referral.")

    class Meta:
        ordering = ["-starts_at"]
        indexes = [
            models.Index(fields=["starts_at"], name="appointment_by_start"),
            models.Index(fields=["department", "starts_at"], name="appointment_by_department"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="appointment_ends_after_start",
                violation_error_message="An appointment must end after it starts.",
            ),
            models.CheckConstraint(
                condition=Q(fee__isnull=True) | Q(fee__gte=0),
                name="appointment_fee_not_negative",
                violation_error_message="A fee cannot be negative.",
            ),
            models.UniqueConstraint(
                fields=["patient", "starts_at"],
                condition=~Q(status="cancelled"),
                name="appointment_once_per_patient_and_start",
                violation_error_message="This patient already has an appointment at that time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.patient} on {self.starts_at:%d %B %Y, %H:%M}"
