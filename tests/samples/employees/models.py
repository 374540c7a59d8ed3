"""The new personnel system, and two of the old tables as unmanaged models.

The app has no migrations: nobody upgrades it, so `migrate --run-syncdb` makes its tables.
"""

from __future__ import annotations

from django.db import models


class Department(models.Model):
    number = models.CharField(max_length=4, unique=True)
    name = models.CharField(max_length=40, unique=True)


class Employee(models.Model):
    class Sex(models.TextChoices):
        FEMALE = "female"
        MALE = "male"

    number = models.PositiveIntegerField(unique=True)
    full_name = models.CharField(max_length=31)
    sex = models.CharField(max_length=6, choices=Sex)
    birth_date = models.DateField()
    hired_on = models.DateField(db_index=True)
    departments = models.ManyToManyField(Department, through="Membership")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(hired_on__gt=models.F("birth_date")), name="hired_when_born"
            ),
        )


class Period(models.Model):
    """Something that was so from one day to another, or still is."""

    employee = models.ForeignKey(Employee, models.PROTECT)
    since = models.DateField()
    until = models.DateField(null=True)

    class Meta:
        abstract = True


class Membership(Period):
    department = models.ForeignKey(Department, models.PROTECT)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["employee", "department", "since"], name="member_once_a_day"),
        )


class Leadership(Period):
    department = models.ForeignKey(Department, models.PROTECT, related_name="leaders")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["employee", "department"], name="leads_once"),)


class Position(Period):
    title = models.CharField(max_length=50)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["employee", "title", "since"], name="same_title_once_a_day"),
        )


class Pay(Period):
    yearly = models.DecimalField(max_digits=9, decimal_places=2)
    currency = models.CharField(max_length=3)

    class Meta:
        verbose_name_plural = "pay"
        constraints = (models.UniqueConstraint(fields=["employee", "since"], name="one_pay_a_day"),)


class OldDepartment(models.Model):
    number = models.CharField(max_length=4, primary_key=True, db_column="dept_no")
    name = models.CharField(max_length=40, db_column="dept_name")

    class Meta:
        managed = False
        db_table = "department"


class OldSalary(models.Model):
    pk = models.CompositePrimaryKey("emp_no", "from_date")
    emp_no = models.IntegerField()
    dollars = models.IntegerField(db_column="amount")
    from_date = models.DateField()
    to_date = models.DateField()

    class Meta:
        managed = False
        db_table = "salary"
