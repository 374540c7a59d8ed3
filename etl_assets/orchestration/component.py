"""The transformers as a Dagster Component, for projects that are laid out with `dg`.

Dagster imports this module to list what there is, so it must not need Django's settings to be imported.
"""

from __future__ import annotations

import os

import dagster as dg
import django
from django.apps import apps
from pydantic import Field

SETTINGS = "DJANGO_SETTINGS_MODULE"


class DjangoTransformersComponent(dg.Component, dg.Model, dg.Resolvable):
    """The transformers of a Django project: an asset for each, their legacy tables, and their jobs."""

    settings_module: str | None = Field(
        default=None,
        description="Django's settings, such as mysite.settings. The variable DJANGO_SETTINGS_MODULE wins.",
        examples=["mysite.settings"],
    )
    only: list[str] | None = Field(
        default=None,
        description="Names of the transformers that become assets. Left out: all of them.",
        examples=[["departments", "patients"]],
    )
    jobs: bool = Field(
        default=True,
        description="Also the jobs, schedules and sensors. Of several components one may have them.",
    )

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(
            description="Assets that move a legacy database into Django models.",
            produces=["asset", "job"],
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        if not apps.ready:
            if self.settings_module:
                os.environ.setdefault(SETTINGS, self.settings_module)
            if not os.environ.get(SETTINGS):
                raise dg.DagsterInvalidDefinitionError(
                    f"Django's settings are not known: write settings_module in defs.yaml, or set {SETTINGS}."
                )
            django.setup()
        from .location import load_definitions

        return load_definitions(self.only, jobs=self.jobs)
