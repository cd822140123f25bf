"""Files of orders to try the import with, at any size: real lines of invoices, moved over a year and some countries."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from io import TextIOWrapper
from itertools import cycle, groupby, islice
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import IO

SOURCE = Path(__file__).resolve().parent.parent / "samples" / "online-retail.csv"
BROKEN_EVERY = 1_000  # rows

# Columns of the source.
_INVOICE_NO, _QUANTITY, _DATE, _PRICE, _CUSTOMER, _COUNTRY = 0, 3, 4, 5, 6, 7

_FIRST_NUMBER = 600_000  # beyond the numbers of the source
_FIRST_DAY = date(2011, 1, 13)  # no month is the 13th, so the first row already decides the order of the dates
_DAYS = 353  # up to 31 December
_OPENS, _MINUTES_OPEN = 8 * 60, 10 * 60
_ABROAD_EVERY = 5  # invoices
_CUSTOMER_UNKNOWN_EVERY = 8  # invoices
_CUSTOMERS_PER_COUNTRY = 10
_FIRST_CUSTOMER_ABROAD = 20_000
_COUNTRIES = (
    *("Germany", "France", "EIRE", "Spain", "Netherlands", "Belgium"),
    *("Switzerland", "Portugal", "Australia", "Norway", "Italy", "Finland"),
)
# What people type into a column; None for a row that breaks off before it.
_SLIPS = ((_QUANTITY, "six"), (_DATE, "31/31/11 8:26"), (_PRICE, "free"), (_CUSTOMER, None))


def write_sample(target: IO[bytes], rows: int, seed: int = 0) -> None:
    """Write a header and exactly `rows` records, always the same for the same `rows` and `seed`; leave `target` open.

    The lines of an invoice stay together, those of cancelled invoices and those that stand twice among them. Its number
    is new and its day in the year 2011, which the records fill from January to December whatever their number. Some of
    the customers are abroad, some unknown. About one row in a thousand is broken as people break them. Raises
    `ValueError` for less than one row.
    """
    if rows < 1:
        msg = "a sample has at least one row"
        raise ValueError(msg)
    with SOURCE.open(encoding="utf-8", newline="") as source:
        header, *lines = csv.reader(source)
    records = _records(lines, rows, Random(seed))  # noqa: S311 - nothing here is secret
    text = TextIOWrapper(target, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(_with_slips(islice(records, rows)))
    finally:
        text.detach()  # a wrapper that is collected closes its file


def _records(lines: list[list[str]], rows: int, random: Random) -> Iterator[list[str]]:
    """Yield the records of ever new invoices; the first `rows` of them fill the year."""
    invoices = [list(invoice) for _, invoice in groupby(lines, key=itemgetter(_INVOICE_NO))]
    random.shuffle(invoices)
    written = 0
    for index, invoice in enumerate(cycle(invoices), 1):
        mark = "C" if invoice[0][_INVOICE_NO].startswith("C") else ""
        number = f"{mark}{_FIRST_NUMBER + index}"
        day = _FIRST_DAY + timedelta(days=_DAYS * written // rows)
        hour, minute = divmod(_OPENS + random.randrange(_MINUTES_OPEN), 60)
        moment = f"{day.month}/{day.day}/{day:%y} {hour}:{minute:02}"
        customer, country = invoice[0][_CUSTOMER], invoice[0][_COUNTRY]
        if index % _ABROAD_EVERY == 0:
            abroad = random.randrange(len(_COUNTRIES))
            country = _COUNTRIES[abroad]
            first = _FIRST_CUSTOMER_ABROAD + abroad * _CUSTOMERS_PER_COUNTRY
            customer = str(first + random.randrange(_CUSTOMERS_PER_COUNTRY))
        if index % _CUSTOMER_UNKNOWN_EVERY == 0:
            customer = ""
        for _, stock_code, description, quantity, _, price, _, _ in invoice:
            yield [number, stock_code, description, quantity, moment, price, customer, country]
        written += len(invoice)


def _with_slips(records: Iterator[list[str]]) -> Iterator[list[str]]:
    slips = cycle(_SLIPS)
    for index, record in enumerate(records):
        if index % BROKEN_EVERY == BROKEN_EVERY // 2:
            column, text = next(slips)
            record[column:] = [] if text is None else [text, *record[column + 1 :]]
        yield record
