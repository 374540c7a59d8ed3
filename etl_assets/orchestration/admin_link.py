"""The way back from a run in the Dagster UI to its page in Django's admin."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

import dagster as dg
from django.urls import reverse

from .. import conf

NAME = "admin"
"""Under which the link stands in the metadata."""

logger = logging.getLogger("migration")


def admin_metadata(run_id: str, transformer: str) -> dict[str, dg.UrlMetadataValue]:
    """Link to the record of one transformer in a run, where the settings say where the admin is."""
    site = conf.load().site_url
    if site is None:
        return {}
    try:
        path = reverse("admin:etl_assets_run_changelist")
    except Exception as error:  # of whatever the project's urls import: no reason to fail a run
        logger.warning("SITE_URL is set, but no page of the admin can be linked to: %s", error)
        return {}
    query = urlencode({"run_id": run_id, "transformer": transformer})
    return {NAME: dg.MetadataValue.url(f"{site}{path}?{query}")}
