"""What may stand in the cells of a CSV file of orders, and what it means.

Every parser takes a text without white space around it, and raises `ValueError` with what follows the column's name in
a sentence: "must be a whole number, such as 6 or -1".
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

# Also the lengths of the columns in the database.
MAX_INVOICE_NO = 20
MAX_STOCK_CODE = 20
MAX_DESCRIPTION = 200
MAX_CUSTOMER_ID = 20
MAX_COUNTRY = 60
MAX_PRICE_DIGITS = 12
PRICE_DECIMALS = 4

MAX_REMEMBERED = 10_000  # texts of a column: bounds the memory that a file of ever new values takes

_MAX_PRICE = 10 ** (MAX_PRICE_DIGITS - PRICE_DECIMALS)
_PRICE_STEP = Decimal(1).scaleb(-PRICE_DECIMALS)
_MAX_QUANTITY = 2**31 - 1  # what an integer of the database holds
_MAX_QUANTITY_LENGTH = len(f"-{_MAX_QUANTITY}")
_YEARS = range(1900, 2101)  # others are slips, and a time zone would carry the ends of datetime beyond its range

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.(?P<decimals>[0-9]+))?")
_TWO_READINGS = re.compile(r"(?P<head>[+-]?[1-9][0-9]{0,2})[.,](?P<tail>[0-9]{3})")
_FLOAT_ID = re.compile(r"(?P<id>[0-9]+)\.0+")
_NO_CUSTOMER = frozenset({"", "na", "n/a", "nan", "null", "none"})
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class DateOrder(StrEnum):
    """In which order year, month and day stand in all dates of a file."""

    MONTH_FIRST = "month-first"
    DAY_FIRST = "day-first"
    ISO = "iso"

    @property
    def label(self) -> str:
        """The order in words that can follow "read": "month first"."""
        return {
            DateOrder.MONTH_FIRST: "month first",
            DateOrder.DAY_FIRST: "day first",
            DateOrder.ISO: "year first",
        }[self]

    @property
    def example(self) -> str:
        """A date and time in this order."""
        return {
            DateOrder.MONTH_FIRST: "12/31/2010 8:26",
            DateOrder.DAY_FIRST: "31/12/2010 8:26",
            DateOrder.ISO: "2010-12-31 08:26",
        }[self]


_CLOCK = r"(?:[ T]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.0+)?)?)?"
_MOMENTS = {
    order: re.compile(form + _CLOCK, re.ASCII)
    for order, form in {
        DateOrder.MONTH_FIRST: r"(?P<month>\d{1,2})([/.-])(?P<day>\d{1,2})\2(?P<year>\d{4}|\d\d)",
        DateOrder.DAY_FIRST: r"(?P<day>\d{1,2})([/.-])(?P<month>\d{1,2})\2(?P<year>\d{4}|\d\d)",
        DateOrder.ISO: r"(?P<year>\d{4})([/.-])(?P<month>\d{1,2})\2(?P<day>\d{1,2})",
    }.items()
}


class CellError(ValueError):
    """A text that its column cannot take; the message is a sentence for the file's owner."""

    def __init__(self, column: str, text: str, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.text = text


class Column[T](dict[str, T]):
    """The values of one column, by the text that stands for each; look one up to have it parsed. Raises `CellError`.

    Orders repeat themselves: nearly every text was met before, and a look-up costs a fraction of parsing it again.
    """

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        super().__init__()
        self._name = name
        self._parse = parse

    def __missing__(self, text: str) -> T:
        """Parse a text that was not met before."""
        try:
            value = self._parse(text.strip())
        except ValueError as error:
            raise CellError(self._name, text, f"{self._name} {error}") from None
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[text] = value
        return value


def parse_text(text: str, longest: int, *, required: bool = False) -> str:
    """Return the text, of at most `longest` characters and, if `required`, of at least one."""
    if required and not text:
        msg = "is empty"
        raise ValueError(msg)
    if len(text) > longest:
        msg = f"is longer than {longest} characters"
        raise ValueError(msg)
    return text


def parse_customer_id(text: str) -> str:
    """Return the id, empty where none is known."""
    if text.lower() in _NO_CUSTOMER:
        return ""
    if number := _FLOAT_ID.fullmatch(text):  # what pandas makes of whole numbers in a column with gaps
        text = number["id"]
    return parse_text(text, MAX_CUSTOMER_ID)


def parse_quantity(text: str) -> int:
    """Return a whole number of 32 bits, below zero for what came back."""
    if not _WHOLE_NUMBER.fullmatch(text):
        msg = "must be a whole number, such as 6 or -1"
        raise ValueError(msg)
    # By its length first: of thousands of digits int() complains in words of its own.
    if len(text) > _MAX_QUANTITY_LENGTH or abs(int(text)) > _MAX_QUANTITY:
        msg = f"is out of range: at most {_MAX_QUANTITY} fits"
        raise ValueError(msg)
    return int(text)


def parse_price(text: str, *, decimal_comma: bool) -> Decimal:
    """Return a price with the decimals it is written with, four at most. With `decimal_comma`, 2,55 is 2.55."""
    if decimal_comma:
        if two := _TWO_READINGS.fullmatch(text):
            msg = f"can be read in two ways: write {two['head']}{two['tail']} or {two['head']},{two['tail']}0"
            raise ValueError(msg)
        text = text.replace(",", ".")
    number = _NUMBER.fullmatch(text)
    if not number:
        msg = "must be a number without a mark for thousands, such as 2.55"
        raise ValueError(msg)
    price = Decimal(text)
    if abs(price) >= _MAX_PRICE:
        msg = f"is out of range: it must be below {_MAX_PRICE}"
        raise ValueError(msg)
    if len(number["decimals"] or "") <= PRICE_DECIMALS:
        return price
    rounded = price.quantize(_PRICE_STEP)
    if rounded != price:
        msg = f"has more than {PRICE_DECIMALS} decimals"
        raise ValueError(msg)
    return rounded


def parse_moment(text: str, order: DateOrder) -> datetime:
    """Return a date and time without a time zone, at midnight if only a date is given. The year 10 is 2010."""
    match = _MOMENTS[order].fullmatch(text)
    if not match:
        msg = f"must be a date and time, such as {order.example}"
        raise ValueError(msg)
    year, month, day = (int(match[part]) for part in ("year", "month", "day"))
    if len(match["year"]) == len("10"):
        year += 2000
    if not 1 <= month <= len(_MONTHS):
        msg = f"has month {month}: the file was read {order.label}"
        raise ValueError(msg)
    if year not in _YEARS:
        msg = f"has the year {year}"
        raise ValueError(msg)
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    try:
        the_date = date(year, month, day)
    except ValueError:
        msg = f"has {day} {_MONTHS[month - 1]} {year}, which is no date"
        raise ValueError(msg) from None
    try:
        the_time = time(hour, minute, second)
    except ValueError:
        msg = f"has the time {hour}:{minute:02}:{second:02}, which does not exist"
        raise ValueError(msg) from None
    return datetime.combine(the_date, the_time)


def orders_of(text: str) -> set[DateOrder]:
    """Return the orders in which a text is a date: none, one, or, as for 12/1/10, two."""
    orders = set()
    for order in DateOrder:
        try:
            parse_moment(text, order)
        except ValueError:
            continue
        orders.add(order)
    return orders
