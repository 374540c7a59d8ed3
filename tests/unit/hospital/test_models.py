"""What the new system refuses, whoever writes to it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connections
from django.db.models import ProtectedError

from django_project.hospital.models import Appointment, Department, Patient
from tests.databases import Databases, Vendor

NINE = dt.datetime(2024, 5, 6, 9, tzinfo=dt.UTC)
TEN = dt.datetime(2024, 5, 6, 10, tzinfo=dt.UTC)


def department(**values: Any) -> Department:
    return Department.objects.create(**{"code": "ENT", "name": "Ear, Nose and Throat", **values})


def patient(**values: Any) -> Patient:
    values = {
        "number": "AB123456",
        "first_name": "Zoë",
        "last_name": "O'Connor",
        "registered_at": NINE,
        **values,
    }
    if "department" not in values:
        values["department"] = Department.objects.first() or department()
    return Patient.objects.create(**values)


def appointment(**values: Any) -> Appointment:
    if "patient" not in values:
        values["patient"] = Patient.objects.first() or patient()
    return Appointment.objects.create(**{"starts_at": NINE, "ends_at": TEN, **values})


@pytest.mark.django_db
def test_records_name_themselves() -> None:
    visit = appointment()

    assert str(visit.patient.department) == "Ear, Nose and Throat"
    assert str(visit.patient) == "O'Connor, Zoë (AB123456)"
    assert str(visit) == "O'Connor, Zoë (AB123456) on 06 May 2024, 09:00"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "values"),
    [
        (patient, {"number": "AB123456"}),
        (patient, {"number": "AB000001", "national_id": "9434765919"}),
        (patient, {"number": "AB000001", "legacy_id": 1}),
        (patient, {"number": "AB000001", "date_of_birth": dt.date(1899, 12, 31)}),
        (department, {"name": "Another"}),
        (department, {"code": "ENT2"}),
        (appointment, {"starts_at": TEN, "ends_at": TEN}),
        (appointment, {"starts_at": TEN, "ends_at": NINE}),
        (appointment, {"fee": Decimal("-0.01")}),
        (appointment, {}),
    ],
    ids=[
        "number given twice",
        "NHS number given twice",
        "legacy id given twice",
        "born before 1900",
        "department code given twice",
        "department name given twice",
        "ends as it starts",
        "ends before it starts",
        "negative fee",
        "booked twice",
    ],
)
def test_the_database_refuses(make: Any, values: dict[str, Any]) -> None:
    patient(legacy_id=1, national_id="9434765919")
    appointment(starts_at=NINE)

    with pytest.raises(IntegrityError):
        make(**values)


@pytest.mark.django_db
def test_what_is_not_known_may_be_missing_more_than_once() -> None:
    for number in ("AB000001", "AB000002"):
        patient(number=number, legacy_id=None, national_id=None, date_of_birth=None)

    assert Patient.objects.filter(legacy_id=None, national_id=None, date_of_birth=None).count() == 2


@pytest.mark.django_db
def test_a_cancelled_appointment_frees_its_time() -> None:
    appointment(status=Appointment.Status.CANCELLED)
    appointment(status=Appointment.Status.CANCELLED)
    appointment(status=Appointment.Status.BOOKED)

    with pytest.raises(IntegrityError):
        appointment(status=Appointment.Status.COMPLETED)


@pytest.mark.django_db
def test_what_others_refer_to_cannot_be_deleted() -> None:
    visit = appointment(department=department(code="TB", name="Tuberculosis"))

    with pytest.raises(ProtectedError):
        visit.patient.delete()
    with pytest.raises(ProtectedError):
        Department.objects.get(code="TB").delete()


@pytest.mark.django_db
def test_forms_explain_what_the_database_would_refuse() -> None:
    visit = appointment()
    visit.ends_at = visit.starts_at

    with pytest.raises(ValidationError) as refusal:
        visit.full_clean()

    assert refusal.value.messages == ["An appointment must end after it starts."]


def test_every_column_is_explained() -> None:
    """The explanations become the column docs of the assets."""
    unexplained = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("hospital").get_models()
        for field in model._meta.concrete_fields
        if field.name != "id" and not field.help_text
    ]

    assert unexplained == []


@pytest.mark.django_db
def test_the_migrations_are_those_of_the_models() -> None:
    call_command("makemigrations", "hospital", check=True, dry_run=True, verbosity=0)


def test_nothing_is_migrated_to_the_legacy_database(databases: Databases, vendor: Vendor) -> None:
    databases.fresh("legacy", vendor)

    call_command("migrate", database="legacy", verbosity=0)

    # Django writes its list of migrations down wherever it is asked to migrate to.
    assert connections["legacy"].introspection.table_names() == ["django_migrations"]
