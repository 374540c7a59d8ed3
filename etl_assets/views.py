"""Who may look at Dagster's UI: a view that a reverse proxy asks before it lets a request through.

Dagster's web server knows no users. Let it listen where only a proxy reaches it, and let the proxy ask
here for each request, with the browser's cookies (nginx: `auth_request`). deploy/nginx.conf does so.
"""

from __future__ import annotations

from typing import Literal

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

ROLE_HEADER = "X-ETL-Role"
LOGIN_HEADER = "X-ETL-Login"
ASKED_FOR_HEADER = "X-Original-URI"
"""The proxy puts the address here that the browser asked for. Nothing but the way back depends on it."""

Role = Literal["staff", "viewer"]


@method_decorator(never_cache, name="dispatch")
class Gate(View):
    """Answer with a status and headers; the body is always empty.

    | status | who asks | header |
    |---|---|---|
    | 204 | staff: may do everything; others who are logged in: may look | X-ETL-Role: staff, viewer |
    | 401 | nobody is logged in | X-ETL-Login: where to log in, and to come back from |
    | 403 | somebody who has no role | |

    The role depends on the session alone: no header that a client sends can change it.

    To let fewer people in, write a role of your own:

        class PermittedGate(Gate):
            def role(self, user):
                return super().role(user) if user.has_perm("etl_assets.view_run") else None
    """

    http_method_names = ["get"]

    def role(self, user: AbstractBaseUser) -> Role | None:
        """Return what a user who is logged in may do; None: nothing."""
        if not user.is_active:  # some authentication backends log these in
            return None
        return "staff" if getattr(user, "is_staff", False) else "viewer"

    def get(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if isinstance(user, AnonymousUser) or not user.is_authenticated:
            login = redirect_to_login(request.headers.get(ASKED_FOR_HEADER, "/")).url
            return HttpResponse(status=401, headers={LOGIN_HEADER: login})
        role = self.role(user)
        if role is None:
            return HttpResponse(status=403)
        return HttpResponse(status=204, headers={ROLE_HEADER: role})
