"""Imports to test with."""

from typing import Any

import factory
from django.core.files.base import ContentFile

from {{ cookiecutter.project_slug }}.orders.models import Import

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def csv(*rows: str) -> bytes:
    """Return a file of these rows."""
    return "\n".join([HEADER, *rows, ""]).encode()


def row(quantity: object = 6, date: str = "12/31/2010 8:26", price: str = "2.50", invoice: str = "536365") -> str:
    """Return a row of a file; month first, unless another date is given."""
    return f"{invoice},85123A,LANTERN,{quantity},{date},{price},17850,United Kingdom"


class ImportFactory(factory.django.DjangoModelFactory):
    """An import that was received, of a file with these bytes."""

    class Meta:
        model = Import
        skip_postgeneration_save = True

    class Params:
        content = csv(row(), row(quantity=1))

    name = factory.Sequence("orders-{}.csv".format)
    digest = factory.Sequence("{:064}".format)

    @factory.lazy_attribute
    def file(self: Any) -> "ContentFile[bytes]":
        """The file, as Django stores it."""
        return ContentFile(self.content, self.name)
