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
