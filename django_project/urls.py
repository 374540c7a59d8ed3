"""The hospital's only pages are the admin's, and those to sign in and out.

The admin's own login page is for staff alone. Others who may look at Dagster's UI sign in on `login`.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

HEADER = "Hospital"

admin.site.site_header = HEADER
admin.site.site_title = HEADER
admin.site.index_title = "Records"

sign_in = LoginView.as_view(
    template_name="admin/login.html",
    next_page="/",
    extra_context={"site_header": HEADER, "site_title": HEADER, "title": "Sign in"},
)
sign_out = TemplateView.as_view(
    template_name="hospital/sign_out.html",
    extra_context={"site_header": HEADER, "site_title": HEADER, "title": "Sign out"},
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("accounts/login/", sign_in, name="login"),
    path("accounts/", sign_out, name="account"),
    path("accounts/logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("admin/", admin.site.urls),
    # What a proxy asks before it lets somebody see Dagster's UI; see deploy/README.md.
    path("etl/", include("etl_assets.urls")),
]
