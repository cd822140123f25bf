"""What the lessons' tasks change."""

from typing import ClassVar

from django.db import models


class Charge(models.Model):
    """Money taken from a customer for an order. Nothing stops a careless task from taking it twice."""

    objects: ClassVar[models.Manager["Charge"]] = models.Manager()

    order = models.IntegerField()
    charged_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"order {self.order}"


class Customer(models.Model):
    """Somebody to write to, at an address that may change."""

    objects: ClassVar[models.Manager["Customer"]] = models.Manager()

    email = models.EmailField()
    greeted = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.email


class Rate(models.Model):
    """A tax rate in percent, as the shop's owner sets it on a page. There is one row."""

    objects: ClassVar[models.Manager["Rate"]] = models.Manager()

    percent = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.percent} %"
