"""What a pound cost in other currencies, month by month: from a service on the web, or from a bundled table."""

import json
from datetime import date
from decimal import Decimal, InvalidOperation
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from django.db.models.functions import TruncMonth

from ...tasking.errors import PermanentError, TransientError
from .. import conf
from ..models import ExchangeRate, OrderLine

BASE = "GBP"
CURRENCIES = ("EUR", "USD")
#: Seconds to wait for the service.
TIMEOUT = 5

#: Annual averages, rounded: enough for a demonstration without a network, not for accounts.
BUNDLED = {
    2009: {"EUR": Decimal("1.12"), "USD": Decimal("1.57")},
    2010: {"EUR": Decimal("1.17"), "USD": Decimal("1.55")},
    2011: {"EUR": Decimal("1.15"), "USD": Decimal("1.60")},
}


def missing_months(import_id: int) -> list[date]:
    """Return the first day of each month in which an import has orders and for which a rate is not known yet."""
    lines = OrderLine.objects.filter(import_file=import_id, import_file__cancelled_at=None)
    months = lines.annotate(month=TruncMonth("invoiced_at")).values_list("month", flat=True).distinct()
    wanted = {moment.date() for moment in months}
    known = ExchangeRate.objects.filter(month__in=wanted, currency__in=CURRENCIES)
    counted = [month for month, _ in known.values_list("month", "currency")]
    return sorted(month for month in wanted if counted.count(month) < len(CURRENCIES))


def fetch(month: date) -> None:
    """Store the rates of a month. Doing it again overwrites them with the same.

    Raises TransientError if the service does not answer or asks for patience, PermanentError if it cannot be used.
    """
    rates = _ask_service(month) if conf.RATES_URL else _look_up(month)
    ExchangeRate.objects.bulk_create(
        [ExchangeRate(month=month, currency=currency, rate=rates[currency]) for currency in CURRENCIES],
        update_conflicts=True,
        unique_fields=["month", "currency"],
        update_fields=["rate"],
    )


def _look_up(month: date) -> dict[str, Decimal]:
    nearest = min(BUNDLED, key=lambda year: abs(year - month.year))
    return BUNDLED[nearest]


def _ask_service(month: date) -> dict[str, Decimal]:
    query = urlencode({"base": BASE, "symbols": ",".join(CURRENCIES)})
    url = f"{conf.RATES_URL.rstrip('/')}/{month:%Y-%m-%d}?{query}"
    if not url.startswith(("https://", "http://")):
        msg = f"ORDERS_RATES_URL is {conf.RATES_URL!r}: it must begin with https:// or http://."
        raise PermanentError(msg)
    try:
        with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=TIMEOUT) as response:  # noqa: S310
            answer = json.load(response, parse_float=Decimal, parse_int=Decimal)
    except HTTPError as error:
        # Too many requests, or a fault on their side, may pass. Anything else in the 400s says that we asked wrongly.
        kind = TransientError if error.code == 429 or error.code >= 500 else PermanentError
        msg = f"The exchange rate service answered {error.code} to {url}."
        raise kind(msg) from error
    except (URLError, TimeoutError, ConnectionError, ValueError) as error:
        msg = f"The exchange rate service gave no usable answer to {url}: {error}"
        raise TransientError(msg) from error
    try:
        return {currency: Decimal(answer["rates"][currency]) for currency in CURRENCIES}
    except (KeyError, TypeError, InvalidOperation) as error:
        msg = f"The exchange rate service's answer to {url} has no rates for {', '.join(CURRENCIES)}."
        raise PermanentError(msg) from error
