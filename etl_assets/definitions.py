"""The code location: what workspace.yaml names, and Dagster's web server and daemon load."""

from __future__ import annotations

import dagster as dg
import django
from django.apps import apps

if not apps.ready:
    django.setup()

from .orchestration.location import load_definitions

defs = dg.Definitions.merge(
    load_definitions(),
    # For assets that are materialized without a job; the jobs have it already.
    dg.Definitions(executor=dg.in_process_executor),
)
