"""The new film rental. Like the employees' app, it has no migrations."""

from __future__ import annotations

from django.db import models


class Actor(models.Model):
    legacy_id = models.IntegerField(unique=True)
    name = models.CharField(max_length=91)
    updated_at = models.DateTimeField()


class Film(models.Model):
    class Rating(models.TextChoices):
        G = "G"
        PG = "PG"
        PG_13 = "PG-13"
        R = "R"
        NC_17 = "NC-17"

    legacy_id = models.IntegerField(unique=True)
    title = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    year = models.SmallIntegerField(null=True)
    rate = models.DecimalField(max_digits=4, decimal_places=2)
    minutes = models.PositiveSmallIntegerField(null=True)
    rating = models.CharField(max_length=5, choices=Rating)
    features = models.CharField(max_length=60, blank=True)
    actors = models.ManyToManyField(Actor, through="Role")


class Role(models.Model):
    film = models.ForeignKey(Film, models.CASCADE)
    actor = models.ForeignKey(Actor, models.CASCADE)

    class Meta:
        unique_together = (("film", "actor"),)


class Staff(models.Model):
    legacy_id = models.IntegerField(unique=True)
    user = models.CharField(max_length=16)
    picture = models.BinaryField(null=True)
    is_active = models.BooleanField()


class Address(models.Model):
    legacy_id = models.IntegerField(unique=True)
    street = models.CharField(max_length=50)
    place = models.BinaryField()


class Payment(models.Model):
    legacy_id = models.IntegerField(unique=True)
    amount = models.DecimalField(max_digits=7, decimal_places=2)
    paid_at = models.DateTimeField()
