"""One field of each kind, and a key of any length. Like the other samples, the app has no migrations."""

from __future__ import annotations

from django.db import models


class Find(models.Model):
    label = models.TextField(unique=True)
    number = models.IntegerField(null=True)
    amount = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    name = models.CharField(max_length=20, null=True)
    found_on = models.DateField(null=True)
    is_old = models.BooleanField(null=True)
    size = models.FloatField(null=True)


class OldThing(models.Model):
    """A legacy table whose names need quoting; Django itself breaks at a % or a double quote in one."""

    label = models.TextField(primary_key=True, db_column="what is it?")
    number = models.IntegerField(db_column="order")
    name = models.TextField(db_column="näme, {0} it's :x ?")

    class Meta:
        managed = False
        db_table = "old things it's"
