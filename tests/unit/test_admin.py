"""Staff look at runs and rejects, and change nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from django.utils import timezone

from etl_assets.models import Reject, Run

pytestmark = pytest.mark.django_db

RAW = {"patient_id": 7, "ssn": "943 476 5919", "name": "Ada"}


@pytest.fixture
def reject() -> Reject:
    run = Run.objects.create(
        run_id="r1", transformer="patients", status="success", started_at=timezone.now(), read=2, rejected=1
    )
    return Reject.objects.create(
        run=run,
        first_run=run,
        transformer="patients",
        legacy_key="7",
        field="name",
        code="matches",
        reason="name: 'Ada' fails matches('[A-Z]+')",
        raw=RAW,
        digest="d",
    )


@pytest.fixture
def staff(client: Client) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="etl_assets"))
    client.force_login(user)
    return client


def test_runs_lead_to_their_rejects(staff: Client, reject: Reject) -> None:
    address = f"/admin/etl_assets/reject/?run__id__exact={reject.run.pk}"
    assert f'href="{address}"' in staff.get("/admin/etl_assets/run/").content.decode()
    page = staff.get(address)
    assert page.status_code == 200
    assert "fails matches" in page.content.decode()


@pytest.mark.parametrize(("resolved", "shown"), [("no", True), ("yes", False)])
def test_open_rejects_can_be_told_from_resolved_ones(
    staff: Client, reject: Reject, resolved: str, shown: bool
) -> None:
    page = staff.get(f"/admin/etl_assets/reject/?resolved={resolved}").content.decode()
    assert ("fails matches" in page) is shown


@override_settings(ETL_CONFIG={"SENSITIVE_COLUMNS": ["ssn"]})
def test_a_reject_shows_its_raw_row_masked(staff: Client, reject: Reject) -> None:
    page = staff.get(f"/admin/etl_assets/reject/{reject.pk}/change/").content.decode()
    assert "patient_id" in page
    assert "***" in page
    assert str(RAW["ssn"]) not in page


@pytest.mark.parametrize("model", ["run", "reject"])
def test_nothing_can_be_changed(staff: Client, reject: Reject, model: str) -> None:
    pk = {"run": reject.run.pk, "reject": reject.pk}[model]
    assert staff.get(f"/admin/etl_assets/{model}/add/").status_code == 403
    assert staff.post(f"/admin/etl_assets/{model}/{pk}/change/", {}).status_code == 403
    assert staff.post(f"/admin/etl_assets/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_staff_without_the_permission_see_nothing(client: Client, reject: Reject) -> None:
    client.force_login(User.objects.create_user("other", is_staff=True))
    assert client.get("/admin/etl_assets/run/").status_code == 403
