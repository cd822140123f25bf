"""What a CSV file of orders is: told from a file that is none, cut into pieces, read record by record.

`inspect` goes over a file once. It refuses the file with one sentence, or says how it is to be read and where it can be
cut. `read` then yields every record of such a piece as a `Row` or as a `RowError`, never as nothing: both take the
records from the same generator, so they cannot disagree on where one ends. Neither holds more of the file than a block.

The files are binary and seekable. Quotation marks are those of the csv module: one opens a field only as its first
character, and two within a field stand for one.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from io import BytesIO
from itertools import chain, pairwise
from operator import itemgetter
from typing import IO, NamedTuple

from . import cells
from .cells import CellError, Column, DateOrder

__all__ = ["DateOrder", "FileRefused", "Inspection", "Piece", "Row", "RowError", "inspect", "read"]

# The names by which the copies of the data set that circulate call a field, the original's first. Upper and lower case,
# spaces and underscores make no difference.
HEADERS = {
    "invoice_no": ("InvoiceNo", "Invoice"),
    "stock_code": ("StockCode",),
    "description": ("Description",),
    "quantity": ("Quantity",),
    "invoiced_at": ("InvoiceDate",),
    "unit_price": ("UnitPrice", "Price"),
    "customer_id": ("CustomerID",),
    "country": ("Country",),
}
MAX_COLUMN_NAME = 60

MAX_RECORD_BYTES = 64 * 1024
MAX_RECORD_LINES = 50

_DELIMITERS = ",;\t"
_BLOCK_BYTES = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_MAX_SHOWN = 200  # characters of a faulty text that are worth keeping

_BARE_CR = re.compile(rb"\r(?!\n)")
_LINE_END = re.compile(r"\r?\n")


class FileRefused(Exception):
    """The file cannot be imported; the message tells its owner what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """How to read a file. It survives JSON: `Inspection(**json.loads(json.dumps(asdict(inspection))))` equals it.

    `header` holds the names as the file spells them, `columns` the index in it of each field of a `Row`, `extra` the
    names that are passed over. Where nothing decides the order of the dates, `date_order` is None: ask, and `replace`
    it, for every date of the file can be read month first and day first. `evidence` names the line that decided it.
    `rows` counts the records, without blank ones; `lines` the physical lines, with the header; the records start at
    byte `data_start`.
    """

    delimiter: str
    header: list[str]
    columns: dict[str, int]
    extra: list[str]
    date_order: DateOrder | None
    evidence: str
    rows: int
    lines: int
    data_start: int
    sha256: str

    def __post_init__(self) -> None:
        """Make a member of what JSON gave back as text."""
        if self.date_order is not None:
            object.__setattr__(self, "date_order", DateOrder(self.date_order))


class Piece(NamedTuple):
    """Records that follow each other: the bytes from `start`, which is in the physical line `line`, up to `end`.

    The pieces of a file are numbered from 1. They hold each record once and whole: each starts where the one before
    ends, the first at the end of the header, and the last ends with the last record.
    """

    number: int
    start: int
    end: int
    line: int
    rows: int


class Row(NamedTuple):
    """One record that can be imported.

    `line`, the physical line it starts in, identifies it within its file. `read(file, inspection, row.next_start, end,
    row.next_line)` goes on after it.
    """

    line: int
    next_start: int
    next_line: int
    invoice_no: str
    stock_code: str
    description: str
    quantity: int
    invoiced_at: datetime
    unit_price: Decimal
    customer_id: str
    country: str

    @property
    def cancelled(self) -> bool:
        """Whether it takes an invoice back: those have a C before their number."""
        return self.invoice_no.startswith(("C", "c"))


class RowError(NamedTuple):
    """One record that cannot be imported, and its first fault.

    `column` is the name in the file's header, empty where the number of fields is at fault; `value` is the faulty text,
    at most 200 characters of it; `reason` is a sentence for the file's owner. The other fields are those of a `Row`.
    """

    line: int
    next_start: int
    next_line: int
    column: str
    value: str
    reason: str


def inspect(
    file: IO[bytes],
    date_order: DateOrder | None = None,
    rows_per_piece: int = 1_000,
) -> tuple[Inspection, list[Piece]]:
    """Go over the whole file once: how to read it, and pieces of `rows_per_piece` records, the last one with the rest.

    A `date_order` that is given is used. Raises `FileRefused`, also if a date of the file contradicts that order.
    """
    census = _Census()
    blocks = census.blocks(file)
    first = next(blocks, b"")
    header_line, data_start, line = _header_line(first)
    delimiter, header = _split_header(header_line)
    columns = _find_columns(header)
    date_column = columns["invoiced_at"]
    dates = _DateEvidence()

    rows = 0
    position = (data_start, line)
    cuts = []
    records = _records(chain([first[data_start:]], blocks), delimiter, *position)
    for fields, row_line, next_start, next_line in records:
        if rows % rows_per_piece == 0:
            cuts.append(position)
        rows += 1
        position = (next_start, next_line)
        if len(fields) > date_column:
            dates.add(fields[date_column], row_line)
    if not rows:
        msg = "The file has a header but no rows. Check that it is the right file."
        raise FileRefused(msg)
    cuts.append(position)

    order, evidence = dates.decide(date_order)
    inspection = Inspection(
        delimiter=delimiter,
        header=header,
        columns=columns,
        extra=[name for index, name in enumerate(header) if index not in columns.values()],
        date_order=order,
        evidence=evidence,
        rows=rows,
        lines=census.lines,
        data_start=data_start,
        sha256=census.digest.hexdigest(),
    )
    pieces = [
        Piece(number, start, end, line, min(rows_per_piece, rows - (number - 1) * rows_per_piece))
        for number, ((start, line), (end, _)) in enumerate(pairwise(cuts), 1)
    ]
    return inspection, pieces


def read(file: IO[bytes], inspection: Inspection, start: int, end: int, line: int) -> Iterator[Row | RowError]:
    """Yield every record in the bytes from `start` up to `end`, in order, as a `Row` or as a `RowError`.

    The record at `start` is in the physical line `line`: the three are those of a `Piece`, or of a record to go on
    after. Raises `ValueError` if the inspection leaves the order of the dates open.
    """
    if inspection.date_order is None:
        msg = "nothing has decided the order of the dates"
        raise ValueError(msg)

    def column[T](field: str, parse: Callable[[str], T]) -> Column[T]:
        return Column(inspection.header[inspection.columns[field]], parse)

    invoice_no = column("invoice_no", partial(cells.parse_text, longest=cells.MAX_INVOICE_NO, required=True))
    stock_code = column("stock_code", partial(cells.parse_text, longest=cells.MAX_STOCK_CODE, required=True))
    description = column("description", partial(cells.parse_text, longest=cells.MAX_DESCRIPTION))
    quantity = column("quantity", cells.parse_quantity)
    invoiced_at = column("invoiced_at", partial(cells.parse_moment, order=inspection.date_order))
    unit_price = column("unit_price", partial(cells.parse_price, decimal_comma=inspection.delimiter == ";"))
    customer_id = column("customer_id", cells.parse_customer_id)
    country = column("country", partial(cells.parse_text, longest=cells.MAX_COUNTRY))

    width = len(inspection.header)
    pick = itemgetter(*(inspection.columns[field] for field in HEADERS))
    records = _records(_blocks(file, start, end), inspection.delimiter, start, line)
    for fields, row_line, next_start, next_line in records:
        if len(fields) != width or next_line - row_line > 1:
            reason = _misfit(fields, width, inspection.delimiter, row_line, next_line - 1)
            if reason:
                value = inspection.delimiter.join(fields)[:_MAX_SHOWN]
                yield RowError(row_line, next_start, next_line, "", value, reason)
                continue
        invoice, stock, text, count, moment, price, customer, land = pick(fields)
        try:
            row = Row(
                row_line,
                next_start,
                next_line,
                invoice_no[invoice],
                stock_code[stock],
                description[text],
                quantity[count],
                invoiced_at[moment],
                unit_price[price],
                customer_id[customer],
                country[land],
            )
        except CellError as error:
            yield RowError(row_line, next_start, next_line, error.column, error.text[:_MAX_SHOWN], str(error))
        else:
            yield row


def _misfit(fields: list[str], width: int, delimiter: str, first_line: int, last_line: int) -> str:
    """Say why a record does not have the form of a row, empty if it has. Empty fields too many are no reason."""
    several = last_line > first_line
    if len(fields) < width or any(map(str.strip, fields[width:])):
        reason = f"expected {width} fields, found {len(fields)}"
        return f"{reason} in lines {first_line} to {last_line}" if several else reason
    # A stray mark swallows all up to the next one. Where that leaves the right number of fields, one of them holds the
    # delimiters of at least a whole line. Taken for a row, it would hide the rows that it swallowed.
    if several and any(field.count(delimiter) >= width - 1 for field in fields):
        return f"lines {first_line} to {last_line} run together: a quotation mark is not closed where its field ends"
    return ""


def _blocks(file: IO[bytes], start: int, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes from `start` to `end` in blocks of whole lines, up to the first line too long for a record."""
    file.seek(start)
    position = start
    rest = b""
    while data := file.read(_BLOCK_BYTES if end is None else min(_BLOCK_BYTES, end - position)):
        position += len(data)
        cut = data.rfind(b"\n") + 1
        if cut:
            yield rest + data[:cut]
            rest = data[cut:]
        else:
            rest += data
        if len(rest) > MAX_RECORD_BYTES:
            break
    if rest:
        yield rest


def _records(
    blocks: Iterator[bytes], delimiter: str, start: int, line: int
) -> Iterator[tuple[list[str], int, int, int]]:
    """Yield the fields of each record, the line it starts in, and the byte and the line at which the next one starts.

    `start` and `line` are those of the first byte in `blocks`. Records of nothing but white space are passed over. A
    line end within a field becomes a space.
    """
    next_start, next_line = start, line
    exhausted = False

    def physical_lines() -> Iterator[str]:
        nonlocal next_start, next_line, exhausted
        for block in blocks:
            # csv.reader fails at a carriage return that ends no line; a space leaves every offset as it is.
            bare = block.count(b"\r") > block.count(b"\r\n")
            for raw in BytesIO(_BARE_CR.sub(b" ", block) if bare else block):
                next_start += len(raw)
                next_line += 1
                if next_start - start > MAX_RECORD_BYTES or next_line - line > MAX_RECORD_LINES:
                    raise FileRefused(_too_long(line) if next_line - line == 1 else _unclosed(line))
                try:
                    text = raw.decode()
                except UnicodeDecodeError as error:
                    raise FileRefused(_not_utf8(next_line - 1, error)) from None
                yield text
        exhausted = True

    for fields in csv.reader(physical_lines(), delimiter=delimiter):
        if exhausted:  # the reader asked for a line more, so it was still within a quoted field
            raise FileRefused(_unclosed(line))
        record = fields if next_line - line == 1 else [_LINE_END.sub(" ", field) for field in fields]
        if any(map(str.strip, record)):
            yield record, line, next_start, next_line
        start, line = next_start, next_line


class _Census:
    """What is known of a file from all of its bytes."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.lines = 0

    def blocks(self, file: IO[bytes]) -> Iterator[bytes]:
        """Yield the file block by block, each once it is counted. Raises `FileRefused` if it is no text."""
        for block in _blocks(file, 0):
            if not self.lines:
                _refuse_other_formats(block)
            if b"\0" in block:
                line = self.lines + block.count(b"\n", 0, block.index(b"\0")) + 1
                msg = f"Line {line} holds a zero byte, so this is no text file. Save the orders as CSV UTF-8."
                raise FileRefused(msg)
            self.digest.update(block)
            self.lines += block.count(b"\n") + (not block.endswith(b"\n"))
            yield block


def _refuse_other_formats(head: bytes) -> None:
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        msg = "This is an Excel workbook, or another packed file, and no CSV. Open it and save it as CSV UTF-8."
        raise FileRefused(msg)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        msg = "This is UTF-16, which Excel calls Unicode Text. Save the file as CSV UTF-8."
        raise FileRefused(msg)


def _header_line(head: bytes) -> tuple[str, int, int]:
    """Return the first line that is not blank, and the byte and the line after it."""
    end = len(_BOM) if head.startswith(_BOM) else 0
    for line, raw in enumerate(BytesIO(head[end:]), 1):
        end += len(raw)
        if not raw.strip():
            continue
        if b"\r" in raw.rstrip(b"\r\n"):
            msg = "Its lines end as on an old Macintosh, with a carriage return alone. Save the file as CSV UTF-8."
            raise FileRefused(msg)
        if len(raw) > MAX_RECORD_BYTES:
            raise FileRefused(_too_long(line))
        try:
            return raw.decode(), end, line + 1
        except UnicodeDecodeError as error:
            raise FileRefused(_not_utf8(line, error)) from None
    msg = "The file is empty. Check that it is the right file."
    raise FileRefused(msg)


def _split_header(text: str) -> tuple[str, list[str]]:
    """Return the delimiter that brings out most of the columns, and the names, without empty ones at the end."""

    def names(delimiter: str) -> list[str]:
        return [name.strip()[:MAX_COLUMN_NAME] for name in next(csv.reader([text], delimiter=delimiter))]

    def known(delimiter: str) -> int:
        return sum(_key(name) in _FIELDS for name in names(delimiter))

    delimiter = max(_DELIMITERS, key=known)
    header = names(delimiter)
    while header and not header[-1]:
        header.pop()
    return delimiter, header


def _find_columns(header: list[str]) -> dict[str, int]:
    """Return the index of each field. Raises `FileRefused` if one is missing or stands twice."""
    columns: dict[str, int] = {}
    for index, name in enumerate(header):
        field = _FIELDS.get(_key(name))
        if field is None:
            continue
        if field in columns:
            msg = f"The header names {HEADERS[field][0]} twice: {header[columns[field]]} and {name}. Remove one column."
            raise FileRefused(msg)
        columns[field] = index
    missing = [names[0] for field, names in HEADERS.items() if field not in columns]
    if missing:
        found = ", ".join(header)[:_MAX_SHOWN] or "nothing"
        msg = f"The first line must name the columns. It lacks {', '.join(missing)}; found: {found}."
        raise FileRefused(msg)
    return columns


def _key(name: str) -> str:
    return re.sub(r"[\s_]+", "", name).lower()


_FIELDS = {_key(name): field for field, names in HEADERS.items() for name in names}


class _DateEvidence:
    """Which orders the dates of a file allow. What is no date in any order is an error of its row and no evidence."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._against: dict[DateOrder, tuple[int, str]] = {}  # the first line to rule an order out, and its date

    def add(self, text: str, line: int) -> None:
        """Weigh a date. Raises `FileRefused` if no order suits both it and those before."""
        date = text.lstrip().partition(" ")[0]
        if date in self._seen:
            return
        if len(self._seen) >= cells.MAX_REMEMBERED:
            self._seen.clear()
        self._seen.add(date)
        allowed = cells.orders_of(date)
        if not allowed:
            return
        for order in DateOrder:
            if order not in allowed:
                self._against.setdefault(order, (line, date))
        if allowed <= self._against.keys():
            other_line, other = min(self._against[order] for order in allowed)
            msg = (
                f"The dates are written in different orders: line {other_line} has {other}, line {line} has {date}. "
                "Write all of them in one order, best as 2010-12-31."
            )
            raise FileRefused(msg)

    def decide(self, wanted: DateOrder | None) -> tuple[DateOrder | None, str]:
        """Return the order, `wanted` if several are open, and why. Raises `FileRefused` if `wanted` is ruled out."""
        if not self._against:  # every date rules out some order
            msg = f"No line has a date in the column InvoiceDate. Write it as {DateOrder.ISO.example}."
            raise FileRefused(msg)
        if wanted in self._against:
            line, date = self._against[wanted]
            msg = f"Line {line} has {date}, which cannot be read {wanted.label}. Choose another order or correct it."
            raise FileRefused(msg)
        line, date = max(self._against.values())  # the line that ruled out the last order to go
        open_orders = [order for order in DateOrder if order not in self._against]
        labels = " or ".join(order.label for order in open_orders)
        if len(open_orders) > 1:
            return wanted, f"line {line}: {date} can be read {labels}, and no other line decides it"
        return open_orders[0], f"line {line}: {date} can only be read {labels}"


def _unclosed(line: int) -> str:
    return (
        f"The quoted field that line {line} opens is not closed. "
        'Close it with a quotation mark ("), or write the mark twice where it belongs to the text.'
    )


def _too_long(line: int) -> str:
    return f"Line {line} is longer than {MAX_RECORD_BYTES // 1024} KiB, so this is no CSV file of orders."


def _not_utf8(line: int, error: UnicodeDecodeError) -> str:
    return (
        f"Line {line} is not UTF-8 (byte 0x{error.object[error.start]:02X}). Save the file as CSV UTF-8. "
        "The usual reason is a pound sign or an accent written as Windows-1252."
    )
