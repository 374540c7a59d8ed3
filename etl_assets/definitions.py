"""The code location: what workspace.yaml names, and Dagster's web server and daemon load."""

from __future__ import annotations

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from .orchestration.jobs import build_definitions
from .registry import discover

defs = build_definitions(discover())
