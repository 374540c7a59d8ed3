"""The new music shop. Like the employees' app, it has no migrations."""

from __future__ import annotations

from django.db import models


class Artist(models.Model):
    legacy_id = models.IntegerField(unique=True)
    name = models.CharField(max_length=120)


class Genre(models.Model):
    name = models.CharField(max_length=120, unique=True)


class Album(models.Model):
    legacy_id = models.IntegerField(unique=True)
    title = models.CharField(max_length=160)
    artist = models.ForeignKey(Artist, models.CASCADE)


class Track(models.Model):
    class Medium(models.TextChoices):
        AUDIO = "audio"
        VIDEO = "video"

    legacy_id = models.BigIntegerField(primary_key=True)
    name = models.CharField(max_length=200)
    album = models.ForeignKey(Album, models.SET_NULL, null=True)
    genre = models.ForeignKey(Genre, models.SET_NULL, null=True)
    medium = models.CharField(max_length=5, choices=Medium)
    composer = models.CharField(max_length=220, blank=True)
    seconds = models.DecimalField(max_digits=9, decimal_places=3)
    size = models.PositiveBigIntegerField(null=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    plays = models.PositiveIntegerField(default=0)
    """Not in the legacy table."""


class Playlist(models.Model):
    number = models.SmallIntegerField(unique=True)
    name = models.CharField(max_length=120)
    tracks = models.ManyToManyField(Track)


class Customer(models.Model):
    email = models.EmailField(unique=True)
    legacy_id = models.IntegerField(unique=True)
    name = models.CharField(max_length=61)
    company = models.CharField(max_length=80, null=True)
    phone = models.CharField(max_length=24, blank=True)


class Invoice(models.Model):
    legacy_id = models.IntegerField(unique=True)
    customer = models.ForeignKey(Customer, models.PROTECT)
    issued_at = models.DateTimeField()
    country = models.CharField(max_length=40)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    changed_at = models.DateTimeField(auto_now=True)
