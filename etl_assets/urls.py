"""Include these where the proxy looks for them: `path("etl/", include("etl_assets.urls"))`."""

from __future__ import annotations

from django.urls import path

from .views import Gate

app_name = "etl_assets"

urlpatterns = [
    path("gate/", Gate.as_view(), name="gate"),
]
