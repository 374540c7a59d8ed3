from __future__ import annotations

from django.db import models

from . import NUMBER


class Small(models.Model):
    key = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=60)

    class Meta:
        abstract = True


MODELS = [type(f"Small{number}", (Small,), {"__module__": __name__}) for number in range(NUMBER)]
