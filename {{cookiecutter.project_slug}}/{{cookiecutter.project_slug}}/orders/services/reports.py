"""The report of an import: what it comes to, by month, product and country."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Count, DecimalField, ExpressionWrapper, F, Q, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from ...tasking.errors import TransientError
from .. import conf
from ..models import ExchangeRate, Import
from .rates import BASE, CURRENCIES

TOP = 10

#: Pounds sterling of one line; negative where goods came back.
REVENUE = ExpressionWrapper(F("quantity") * F("unit_price"), DecimalField(max_digits=20, decimal_places=4))


def confirm_rates(import_id: int) -> None:
    """Move an import on once the exchange rates of all its months are known."""
    Import.objects.not_cancelled().filter(pk=import_id, state=Import.State.IMPORTED).update(
        state=Import.State.RATED,
        updated_at=timezone.now(),
    )


def build(import_id: int) -> None:
    """Compute the report of an import and keep it with the import. Amounts are text, with two decimals."""
    waiting = Import.objects.not_cancelled().filter(pk=import_id, state=Import.State.RATED, report__isnull=True)
    rated = waiting.first()
    if rated is None:
        return
    lines = rated.order_lines.all()
    totals = lines.aggregate(
        invoices=Count("invoice_no", distinct=True),
        customers=Count("customer_id", distinct=True, filter=~Q(customer_id="")),
        cancelled=Count("pk", filter=Q(cancelled=True)),
    )
    months = _months(lines)
    rated.report = {
        **totals,
        "revenue": {code: str(sum(Decimal(month[code]) for month in months)) for code in (BASE, *CURRENCIES)},
        "months": months,
        "products": _top(lines, "stock_code", "description"),
        "countries": _top(lines, "country"),
    }
    rated.save(update_fields=["report", "updated_at"])


def mail_summary(import_id: int) -> None:
    """Send the summary of an import, once: that it was sent is committed only if the mail server took it.

    Raises TransientError if it did not; a server that refuses for good is soon out of retries.
    """
    with transaction.atomic():
        waiting = Import.objects.not_cancelled().filter(pk=import_id, state=Import.State.RATED, mailed_at=None)
        if not waiting.update(mailed_at=timezone.now(), updated_at=timezone.now()):
            return
        done = Import.objects.get(pk=import_id)
        progress = done.progress()
        message = (
            f"{progress.imported:,} of {progress.rows:,} rows of {done.name} are in.\n"
            f"{progress.refused:,} could not be read; the page of import {import_id} says why.\n"
        )
        try:
            send_mail(f"Imported: {done.name}", message, None, conf.SUMMARY_RECIPIENTS)
        except OSError as error:  # what smtplib and sockets raise
            msg = f"The summary of import {import_id} could not be sent: {error}"
            raise TransientError(msg) from error


def _months(lines: Any) -> list[dict[str, str]]:
    rates: dict[tuple[date, str], Decimal] = {
        (rate.month, rate.currency): rate.rate for rate in ExchangeRate.objects.filter(currency__in=CURRENCIES)
    }
    months = lines.annotate(month=TruncMonth("invoiced_at")).values("month").annotate(revenue=Sum(REVENUE))
    return [
        {
            "month": f"{row['month']:%Y-%m}",
            BASE: _money(row["revenue"]),
            **{code: _money(row["revenue"] * rates[row["month"].date(), code]) for code in CURRENCIES},
        }
        for row in months.order_by("month")
    ]


def _top(lines: Any, *fields: str) -> list[dict[str, Any]]:
    groups = lines.values(*fields).annotate(lines=Count("pk"), revenue=Sum(REVENUE)).order_by("-revenue", *fields)
    return [{**row, "revenue": _money(row["revenue"])} for row in groups[:TOP]]


def _money(amount: Decimal) -> str:
    return str(Decimal(amount).quantize(Decimal("0.01")))
