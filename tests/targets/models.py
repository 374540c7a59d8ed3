"""Models with every field type, key and constraint that a target may have.

The app has no migrations on purpose: the tables are always those of the models.
"""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Lower


def nobody() -> str:
    """A default that is called, for each row by itself."""
    return "nobody"


class Place(models.Model):
    """A parent: linked to by its number, referred to by its code in places."""

    legacy_id = models.IntegerField(unique=True)
    code = models.CharField(max_length=8, unique=True)
    name = models.CharField(max_length=20, blank=True)


class Visitor(models.Model):
    """A child with each kind of foreign key."""

    legacy_id = models.IntegerField(unique=True)
    place = models.ForeignKey(Place, models.PROTECT, null=True)
    by_code = models.ForeignKey(Place, models.PROTECT, to_field="code", null=True, related_name="+")


class Badge(models.Model):
    """At most one for each visitor."""

    legacy_id = models.IntegerField(unique=True)
    visitor = models.OneToOneField(Visitor, models.CASCADE)


class Everything(models.Model):
    """One field of every type that a column can have."""

    class Colour(models.TextChoices):
        RED = "red"
        BLUE = "blue"

    legacy_id = models.CharField(max_length=30, unique=True)
    text = models.TextField(null=True)
    slug = models.SlugField(null=True)
    email = models.EmailField(null=True)
    url = models.URLField(null=True)
    colour = models.CharField(max_length=10, choices=Colour, null=True)
    small = models.SmallIntegerField(null=True)
    whole = models.IntegerField(null=True)
    large = models.BigIntegerField(null=True)
    positive = models.PositiveIntegerField(null=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    ratio = models.FloatField(null=True)
    flag = models.BooleanField(null=True)
    day = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    clock = models.TimeField(null=True)
    span = models.DurationField(null=True)
    token = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    data = models.JSONField(null=True)
    blob = models.BinaryField(null=True)
    file = models.FileField(null=True)


class Member(models.Model):
    """Values that no two rows may share, in every way that Django can say it."""

    legacy_id = models.IntegerField(unique=True)
    number = models.IntegerField(null=True, unique=True)
    email = models.CharField(max_length=40, null=True)
    team = models.CharField(max_length=10, null=True)
    seat = models.IntegerField(null=True)
    leads = models.BooleanField(default=False)
    age = models.IntegerField(null=True)
    place = models.ForeignKey(Place, models.PROTECT, null=True)

    class Meta:
        constraints = (
            UniqueConstraint(Lower("email"), name="member_email"),
            UniqueConstraint(fields=["team", "seat"], name="member_seat"),
            UniqueConstraint(fields=["team"], condition=Q(leads=True), name="member_leader"),
            CheckConstraint(condition=Q(age__gte=0) & ~Q(age=13), name="member_age"),
        )


class Locker(models.Model):
    """Nulls count as equal where the database can say so."""

    legacy_id = models.IntegerField(unique=True)
    room = models.IntegerField(null=True)
    door = models.IntegerField(null=True)

    class Meta:
        constraints = (UniqueConstraint(fields=["room", "door"], nulls_distinct=False, name="locker_place"),)


class Shift(models.Model):
    """Several sets of unique values, all of which a row itself tells."""

    legacy_id = models.IntegerField(unique=True)
    room = models.IntegerField(null=True)
    hour = models.IntegerField(null=True)
    nurse = models.IntegerField(null=True)
    day = models.IntegerField(null=True)
    leads = models.BooleanField(default=False)
    badge = models.CharField(max_length=10, null=True)

    class Meta:
        unique_together = (("room", "hour"), ("nurse", "day"))
        constraints = (UniqueConstraint(fields=["day"], condition=Q(leads=True), name="shift_leader"),)


class Document(models.Model):
    """A primary key that Python draws."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    legacy_id = models.IntegerField(unique=True)
    title = models.CharField(max_length=20)


class Country(models.Model):
    """A primary key that is text and is the legacy key too."""

    code = models.CharField(max_length=4, primary_key=True)
    name = models.CharField(max_length=20)


class City(models.Model):
    """Refers to a text."""

    legacy_id = models.IntegerField(unique=True)
    country = models.ForeignKey(Country, models.PROTECT)


class Ticket(models.Model):
    """Its automatic primary key is mapped."""

    title = models.CharField(max_length=20)


class Priced(models.Model):
    """Columns that the database itself fills, with constraints that look at them."""

    legacy_id = models.IntegerField(unique=True)
    net = models.IntegerField()
    factor = models.IntegerField(db_default=2)
    gross = models.GeneratedField(
        expression=F("net") * F("factor"), output_field=models.IntegerField(), db_persist=True
    )

    class Meta:
        constraints = (
            CheckConstraint(condition=Q(gross__lte=100), name="priced_gross"),
            UniqueConstraint(fields=["net", "factor"], name="priced_once"),
        )


class Node(models.Model):
    """A constraint that looks at the primary key."""

    legacy_id = models.IntegerField(unique=True)
    rank = models.BigIntegerField(null=True)

    class Meta:
        constraints = (CheckConstraint(condition=~Q(rank=F("id")), name="node_rank"),)


class Filled(models.Model):
    """Defaults of every kind, for fields that no transformer maps."""

    legacy_id = models.IntegerField(unique=True)
    name = models.CharField(max_length=20)
    status = models.CharField(max_length=20, default="new")
    owner = models.CharField(max_length=20, default=nobody)
    fee = models.DecimalField(max_digits=6, decimal_places=2, default=Decimal("1.50"))
    since = models.DateField(default=date(2020, 1, 2))
    note = models.TextField(blank=True)
    maybe = models.IntegerField(null=True)
    stars = models.IntegerField(db_default=3)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)


class Housed(models.Model):
    """A foreign key that no transformer maps, and whose default may dangle."""

    legacy_id = models.IntegerField(unique=True)
    place = models.ForeignKey(Place, models.PROTECT, default=1)


class Odd(models.Model):
    """Names that need quoting."""

    legacy_id = models.IntegerField(unique=True, db_column="Legacy Id")
    order = models.CharField(max_length=10, db_column="the order", unique=True)
    group = models.IntegerField(null=True, db_column="group")
    rate = models.IntegerField(null=True, db_column="it's 5 %s")

    class Meta:
        db_table = "targets odd table"
        constraints = (UniqueConstraint(fields=["order", "group"], name="odd_once"),)


class Percented(models.Model):
    """Column names that read like places for parameters."""

    legacy_id = models.IntegerField(unique=True)
    grade = models.UUIDField(null=True, db_column="50% %s")
    # DO_NOTHING: for any other, a deletion of places would look here, by the ORM.
    place = models.ForeignKey(Place, models.DO_NOTHING, null=True, db_column="%(place)s")


class Plain(models.Model):
    """A key and a few values, for whatever needs no more."""

    legacy_id = models.CharField(max_length=30, unique=True)
    name = models.CharField(max_length=30, null=True)
    value = models.IntegerField(null=True)


class Pairwise(models.Model):
    """Two fields identify a row together."""

    first = models.CharField(max_length=10)
    second = models.CharField(max_length=10)
    value = models.IntegerField(null=True)

    class Meta:
        unique_together = (("first", "second"),)


class Strict(models.Model):
    """What the model itself asks of a value."""

    legacy_id = models.IntegerField(unique=True)
    title = models.CharField(max_length=5)
    note = models.CharField(max_length=5, blank=True)
    colour = models.CharField(max_length=5, choices=[("red", "Red"), ("blue", "Blue")])
    score = models.SmallIntegerField(null=True)
    fee = models.DecimalField(max_digits=4, decimal_places=2, null=True)


class OldPlain(models.Model):
    """A legacy table as a model that Django does not manage."""

    ident = models.CharField(max_length=20, db_column="id", primary_key=True)
    label = models.CharField(max_length=20, db_column="name", null=True)
    value = models.IntegerField(null=True)

    class Meta:
        managed = False
        db_table = "old"
