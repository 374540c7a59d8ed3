"""The front desk's pages, opened as a browser would."""

from __future__ import annotations

import datetime as dt

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_project.hospital.models import Appointment, Department, Patient

pytestmark = pytest.mark.django_db

MODELS = ("department", "patient", "appointment")


@pytest.fixture
def records() -> None:
    """Two departments with ten patients each, who come once."""
    for code, name in (("ENT", "Ear, Nose and Throat"), ("ONC", "Oncology")):
        department = Department.objects.create(code=code, name=name)
        for number in range(10):
            add_patient(department, number)


def add_patient(department: Department, number: int) -> None:
    start = dt.datetime(2024, 5, 1 + number, 9, tzinfo=dt.UTC)
    patient = Patient.objects.create(
        number=f"{department.code[:2]}{number:06}",
        first_name="Siân",
        last_name=f"Müller-{department.code}{number}",
        department=department,
        registered_at=start,
    )
    Appointment.objects.create(
        patient=patient, department=department, starts_at=start, ends_at=start + dt.timedelta(hours=1)
    )


def listing(model: str, **query: str) -> tuple[str, dict[str, str]]:
    return reverse(f"admin:hospital_{model}_changelist"), query


@pytest.mark.parametrize("model", MODELS)
def test_lists_open(admin_client: Client, records: None, model: str) -> None:
    response = admin_client.get(*listing(model))

    assert response.status_code == 200
    assert response.context["cl"].result_count == (2 if model == "department" else 20)


@pytest.mark.parametrize("model", MODELS)
def test_records_can_be_opened_and_added(admin_client: Client, records: None, model: str) -> None:
    first = apps.get_model("hospital", model)._default_manager.first()
    assert first is not None

    assert admin_client.get(reverse(f"admin:hospital_{model}_change", args=[first.pk])).status_code == 200
    assert admin_client.get(reverse(f"admin:hospital_{model}_add")).status_code == 200


@pytest.mark.parametrize(
    ("model", "query", "found"),
    [
        ("department", {"q": "onc"}, 1),
        ("department", {"is_active__exact": "0"}, 0),
        ("patient", {"q": "EN000003"}, 1),
        ("patient", {"q": "Müller-ONC"}, 10),
        ("patient", {"sex__exact": "unknown", "registered_at__day": "1"}, 2),
        ("appointment", {"q": "Müller-ENT7"}, 1),
        ("appointment", {"status__exact": "cancelled"}, 0),
    ],
)
def test_lists_can_be_searched_and_filtered(
    admin_client: Client, records: None, model: str, query: dict[str, str], found: int
) -> None:
    response = admin_client.get(*listing(model, **query))

    assert response.status_code == 200
    assert response.context["cl"].result_count == found


@pytest.mark.parametrize("model", ["patient", "appointment"])
def test_a_longer_list_asks_no_more_queries(admin_client: Client, records: None, model: str) -> None:
    with CaptureQueriesContext(connection) as before:
        admin_client.get(*listing(model))
    for number in range(10, 20):
        add_patient(Department.objects.get(code="ENT"), number)
    with CaptureQueriesContext(connection) as after:
        admin_client.get(*listing(model))

    assert len(after) == len(before)


def test_a_patient_can_be_registered(admin_client: Client, records: None) -> None:
    """One who was never in the old system, and so has no number of it."""
    response = admin_client.post(
        reverse("admin:hospital_patient_add"),
        {
            "number": "ZA000001",
            "first_name": "Aisha",
            "last_name": "Khan",
            "sex": "female",
            "department": str(Department.objects.get(code="ONC").pk),
            "registered_at_0": "2025-01-02",
            "registered_at_1": "09:30:00",
        },
    )

    assert response.status_code == 302
    assert Patient.objects.get(number="ZA000001").legacy_id is None


def test_the_front_page_leads_to_the_records(admin_client: Client) -> None:
    response = admin_client.get("/", follow=True)

    assert response.redirect_chain == [("/admin/", 302)]
    assert b"Appointments" in response.content
