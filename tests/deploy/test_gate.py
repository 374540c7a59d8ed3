"""The view that a proxy asks: status, role, way to the login."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client, RequestFactory
from django.urls import reverse

from etl_assets.views import Gate

GATE = "/etl/gate/"


def log_in(client: Client, **user: Any) -> None:
    client.force_login(User.objects.create_user("someone", **user))


def test_it_is_where_the_proxy_asks() -> None:
    assert reverse("etl_assets:gate") == GATE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("user", "role"),
    [({"is_staff": True}, "staff"), ({"is_staff": False}, "viewer"), ({"is_superuser": True}, "viewer")],
)
def test_the_role_is_that_of_the_session(client: Client, user: dict[str, bool], role: str) -> None:
    log_in(client, **user)

    answer = client.get(GATE)

    assert (answer.status_code, answer.headers["X-ETL-Role"], answer.content) == (204, role, b"")


@pytest.mark.django_db
def test_nobody_is_told_where_to_log_in(client: Client) -> None:
    answer = client.get(GATE, headers={"X-Original-URI": "/dagster/runs?q=a&b=c"})

    assert answer.status_code == 401
    assert answer.headers["X-ETL-Login"] == "/accounts/login/?next=/dagster/runs%3Fq%3Da%26b%3Dc"
    assert "X-ETL-Role" not in answer.headers


@pytest.mark.django_db
def test_the_login_page_is_that_of_the_settings(client: Client, settings) -> None:
    settings.LOGIN_URL = "admin:login"

    assert client.get(GATE).headers["X-ETL-Login"] == "/admin/login/?next=/"


@pytest.mark.django_db
def test_no_header_gives_a_role(client: Client) -> None:
    spoofed = {"X-ETL-Role": "staff", "X-Forwarded-User": "someone", "Remote-User": "someone"}
    assert client.get(GATE, headers=spoofed).status_code == 401

    log_in(client)
    assert client.get(GATE, headers=spoofed).headers["X-ETL-Role"] == "viewer"


@pytest.mark.django_db
def test_who_is_deactivated_has_no_session(client: Client) -> None:
    log_in(client, is_staff=True)
    User.objects.update(is_active=False)

    assert client.get(GATE).status_code == 401


@pytest.mark.django_db
def test_who_is_deactivated_has_no_role_even_where_the_backend_logs_them_in(client: Client, settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    log_in(client, is_staff=True, is_active=False)

    answer = client.get(GATE)

    assert answer.status_code == 403
    assert "X-ETL-Role" not in answer.headers


class ForStaff(Gate):
    """As in its docstring: let fewer people in."""

    def role(self, user):
        return super().role(user) if user.is_staff else None


def test_a_project_may_let_fewer_people_in(rf: RequestFactory) -> None:
    request = rf.get(GATE)
    request.user = User(is_staff=False)
    assert ForStaff.as_view()(request).status_code == 403
    request.user = User(is_staff=True)
    assert ForStaff.as_view()(request).headers["X-ETL-Role"] == "staff"
    request.user = AnonymousUser()
    assert ForStaff.as_view()(request).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "head", "options"])
def test_it_answers_to_get_only(client: Client, method: str) -> None:
    log_in(client, is_staff=True)

    answer = getattr(client, method)(GATE)

    assert answer.status_code == 405
    assert "X-ETL-Role" not in answer.headers


@pytest.mark.django_db
@pytest.mark.parametrize("logged_in", [True, False])
def test_its_answer_is_never_kept(client: Client, logged_in: bool) -> None:
    if logged_in:
        log_in(client)

    control = client.get(GATE).headers["Cache-Control"]

    assert {"no-store", "no-cache", "private"} <= set(control.split(", "))


@pytest.mark.django_db
def test_one_signs_in_and_out(client: Client) -> None:
    User.objects.create_user("visitor", password="secret")
    assert "Sign in" in client.get("/accounts/").content.decode()

    answer = client.post(
        "/accounts/login/", {"username": "visitor", "password": "secret", "next": "/dagster/"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/dagster/")
    assert "Signed in as visitor." in client.get("/accounts/").content.decode()

    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/"
    assert client.get(GATE).status_code == 401
