import csv
import json
import tracemalloc
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from io import BytesIO, StringIO
from random import Random

import pytest

from {{ cookiecutter.project_slug }}.orders.services import csv_file
from {{ cookiecutter.project_slug }}.orders.services.csv_file import (
    DateOrder,
    FileRefused,
    Inspection,
    Piece,
    Row,
    RowError,
)

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
ORDER = "536365,85123A,T-LIGHT HOLDER,6,12/13/10 8:26,2.55,17850,United Kingdom"
EITHER_WAY = ORDER.replace("12/13/10", "12/1/10")
BROKEN_IN_TWO = ORDER.replace("T-LIGHT HOLDER", '"T-LIGHT\nHOLDER, ""RED"""')


def lines(*records: str, header: str = HEADER) -> bytes:
    return "".join(f"{record}\n" for record in (header, *records)).encode()


def inspect(content: bytes, date_order: DateOrder | None = None) -> Inspection:
    return csv_file.inspect(BytesIO(content), date_order)[0]


def read(content: bytes, inspection: Inspection, pieces: list[Piece]) -> list[Row | RowError]:
    file = BytesIO(content)
    return [item for piece in pieces for item in csv_file.read(file, inspection, piece.start, piece.end, piece.line)]


def read_all(content: bytes, rows_per_piece: int = 1_000) -> list[Row | RowError]:
    return read(content, *csv_file.inspect(BytesIO(content), rows_per_piece=rows_per_piece))


def only_error(record: str) -> RowError:
    good, error = read_all(lines(ORDER, record))
    assert isinstance(good, Row)
    assert isinstance(error, RowError)
    return error


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"\n \r\n\n", "The file is empty."),
        (lines(), "no rows"),
        (lines("", ",,,,,,,", "  "), "no rows"),
        (b"PK\x03\x04\x14\x00", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel workbook"),
        (lines(ORDER).decode().encode("utf-16"), "UTF-16"),
        (lines(ORDER).decode().encode("utf-16-le"), "Line 1 holds a zero byte"),
        (lines(ORDER, "\0"), "Line 3 holds a zero byte"),
        (lines(ORDER, ORDER.replace("T-", "\xa3")).decode().encode("cp1252"), "Line 3 is not UTF-8 (byte 0xA3)"),
        (lines(ORDER, header=HEADER + ",Gr\xf6\xdfe").decode().encode("cp1252"), "Line 1 is not UTF-8 (byte 0xF6)"),
        (lines(ORDER).replace(b"\n", b"\r"), "old Macintosh"),
        (lines(ORDER, header="InvoiceNo,StockCode"), "lacks Description, Quantity, InvoiceDate"),
        (lines(ORDER, header="InvoiceNo,StockCode"), "found: InvoiceNo, StockCode."),
        (lines(ORDER, ORDER, header=ORDER), "The first line must name the columns."),
        (b",,,\n1,2,3\n", "found: nothing."),
        (lines(ORDER, header=HEADER + ",Unit Price"), "names UnitPrice twice: UnitPrice and Unit Price"),
        (lines(ORDER, ORDER.replace("T-", '"T-'), ORDER), "The quoted field that line 3 opens is not closed."),
        (lines(ORDER, ORDER.replace("T-", '"T-'), *[ORDER] * 99), "The quoted field that line 3 opens is not closed."),
        (lines(ORDER, ORDER.replace("T-", '"T-'), *["x" * 9_999] * 9), "The quoted field that line 3 opens"),
        (lines(ORDER, "x" * 65_536), "Line 3 is longer than 64 KiB"),
        (lines(ORDER, "x" * 999_999), "Line 3 is longer than 64 KiB"),
        (b"x" * 999_999, "Line 1 is longer than 64 KiB"),
        (lines(ORDER.replace("12/13/10", "soon")), "No line has a date in the column InvoiceDate."),
        (lines(EITHER_WAY, ORDER, ORDER.replace("12/13", "13/12")), "line 3 has 12/13/10, line 4 has 13/12/10"),
        (lines(EITHER_WAY, ORDER.replace("12/13/10", "2010-12-13")), "line 2 has 12/1/10, line 3 has 2010-12-13"),
    ],
)
def test_refuses_with_one_sentence_that_names_the_place(content: bytes, said: str) -> None:
    with pytest.raises(FileRefused) as refused:
        inspect(content)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 400


def test_does_not_read_on_in_a_line_without_end() -> None:
    file = BytesIO(b"x" * 10_000_000)
    with pytest.raises(FileRefused):
        csv_file.inspect(file)
    assert file.tell() < 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        lines(ORDER),
        lines(ORDER).removesuffix(b"\n"),
        lines(ORDER).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + lines(ORDER),
        lines(ORDER).replace(b",", b"\t"),
        lines(ORDER.replace(".", ",").replace(",", ";").replace("2;55", "2,55"), header=HEADER.replace(",", ";")),
        lines(ORDER.replace(",", ";"), header=HEADER.replace(",", ";")),
        lines(ORDER, header=HEADER.lower()),
        lines(ORDER, header='"Invoice","Stock Code",description," QUANTITY",Invoice_Date,Price,Customer ID,Country'),
        lines(ORDER + ",,", header=HEADER + ",,"),
        lines(ORDER + ", ,", header=HEADER),
        lines(ORDER.replace("17850", "17850.0").replace("8:26", " 08:26:00.000 ")),
    ],
)
def test_reads_the_copies_that_circulate_alike(content: bytes) -> None:
    [row] = read_all(content)
    assert row == Row(
        line=2,
        next_start=len(content),
        next_line=3,
        invoice_no="536365",
        stock_code="85123A",
        description="T-LIGHT HOLDER",
        quantity=6,
        invoiced_at=datetime(2010, 12, 13, 8, 26),  # noqa: DTZ001 - the file names no time zone
        unit_price=Decimal("2.55"),
        customer_id="17850",
        country="United Kingdom",
    )


def test_columns_stand_in_any_order_among_others() -> None:
    names = ["Notes", *reversed(HEADER.split(",")), "", "Paid"]
    fields = ["a;b", *reversed(ORDER.split(",")), "", "yes"]
    content = lines(",".join(fields), header=",".join(names))
    inspection = inspect(content)
    assert inspection.extra == ["Notes", "", "Paid"]
    assert inspection.columns["country"] == 1
    [row] = read_all(content)
    assert isinstance(row, Row)
    assert (row.invoice_no, row.country) == ("536365", "United Kingdom")


def test_inspection_counts_and_survives_json() -> None:
    content = lines("", ORDER, ",,,,,,,", BROKEN_IN_TWO, ORDER, "")
    inspection = inspect(content)
    assert (inspection.rows, inspection.lines, inspection.data_start) == (3, 8, len(HEADER) + 1)
    assert inspection.evidence == "line 3: 12/13/10 can only be read month first"
    stored = Inspection(**json.loads(json.dumps(asdict(inspection))))
    assert stored == inspection
    assert stored.date_order is DateOrder.MONTH_FIRST


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["12/1/10", "12/13/10"], DateOrder.MONTH_FIRST),
        (["12/1/10", "13/12/2010"], DateOrder.DAY_FIRST),
        (["1.12.2010", "31.12.2010 8:26"], DateOrder.DAY_FIRST),
        (["2010-12-01", "2010-12-13T08:26:00"], DateOrder.ISO),
        (["12/1/10", "1/12/10"], None),
        (["31/31/10", "13/0/10", "12/1/10", "30/2/10", "13/12/1066"], None),  # slips decide nothing
    ],
)
def test_order_of_the_dates_is_decided_for_the_whole_file(dates: list[str], order: DateOrder | None) -> None:
    assert inspect(lines(*(ORDER.replace("12/13/10 8:26", date) for date in dates))).date_order == order


def test_order_of_the_dates_is_asked_for_and_given() -> None:
    content = lines(EITHER_WAY)
    open_inspection, pieces = csv_file.inspect(BytesIO(content))
    assert (
        open_inspection.evidence == "line 2: 12/1/10 can be read month first or day first, and no other line decides it"
    )
    with pytest.raises(ValueError, match="nothing has decided"):
        read(content, open_inspection, pieces)
    for order, month in ((DateOrder.MONTH_FIRST, 12), (DateOrder.DAY_FIRST, 1)):
        inspection = inspect(content, order)
        assert inspection == replace(open_inspection, date_order=order)
        [row] = read(content, inspection, pieces)
        assert isinstance(row, Row)
        assert row.invoiced_at.month == month
    with pytest.raises(FileRefused, match="Line 2 has 12/1/10, which cannot be read year first"):
        inspect(content, DateOrder.ISO)
    with pytest.raises(FileRefused, match="Line 3 has 12/13/10, which cannot be read day first"):
        inspect(lines(EITHER_WAY, ORDER), DateOrder.DAY_FIRST)


@pytest.mark.parametrize(
    ("record", "column", "value", "reason"),
    [
        (ORDER + ",x", "", ORDER + ",x", "expected 8 fields, found 9"),
        ("536365,85123A", "", "536365,85123A", "expected 8 fields, found 2"),
        (ORDER.replace(",6,", ",six,"), "Quantity", "six", "Quantity must be a whole number, such as 6 or -1"),
        (ORDER.replace("13/10", "13/1O"), "InvoiceDate", "12/13/1O 8:26", "such as 12/31/2010 8:26"),
        (ORDER.replace("12/13", "2/31"), "InvoiceDate", "2/31/10 8:26", "has 31 February 2010, which is no date"),
        (
            ORDER.replace("12/13", "31/31"),
            "InvoiceDate",
            "31/31/10 8:26",
            "has month 31: the file was read month first",
        ),
        (ORDER.replace("2.55", "NaN"), "UnitPrice", "NaN", "UnitPrice must be a number"),
        (ORDER.replace("536365", " "), "InvoiceNo", " ", "InvoiceNo is empty"),
        (ORDER.replace("T-LIGHT", "x" * 999), "Description", "x" * 200, "Description is longer than 200 characters"),
    ],
)
def test_row_error_says_what_is_wrong_with_the_first_faulty_cell(
    record: str, column: str, value: str, reason: str
) -> None:
    error = only_error(record)
    assert (error.line, error.next_line) == (3, 4)
    assert (error.column, error.value) == (column, value)
    assert reason in error.reason


def test_row_error_uses_the_name_that_the_file_uses() -> None:
    content = lines(ORDER.replace("2.55", "free"), header=HEADER.replace("UnitPrice", "Price"))
    [error] = read_all(content)
    assert isinstance(error, RowError)
    assert error.column == "Price"
    assert error.reason.startswith("Price must be")


def test_cancelled_invoices_and_lines_that_stand_twice_are_rows() -> None:
    cancelled = ORDER.replace("536365", "C536365").replace(",6,", ",-6,")
    rows = [row for row in read_all(lines(ORDER, ORDER, cancelled)) if isinstance(row, Row)]
    assert [row.line for row in rows] == [2, 3, 4]
    assert [row.cancelled for row in rows] == [False, False, True]


def test_line_ends_and_quotation_marks_within_a_field() -> None:
    content = lines(
        BROKEN_IN_TWO.replace("\n", "\r\n"),
        ORDER.replace("T-LIGHT", 'T-"LIGHT"'),
        ORDER.replace("T-LIGHT", "T-\rLIGHT"),
    )
    rows = [row for row in read_all(content) if isinstance(row, Row)]
    assert [(row.line, row.description) for row in rows] == [
        (2, 'T-LIGHT HOLDER, "RED"'),
        (4, 'T-"LIGHT" HOLDER'),
        (5, "T- LIGHT HOLDER"),
    ]


@pytest.mark.parametrize(
    ("stray", "closing"),
    [
        (ORDER.replace("T-", '"T-'), ORDER.replace("HOLDER", 'HOLDER 10"')),
        (ORDER.replace("T-", '"T-'), ORDER.replace("T-LIGHT HOLDER", '"RED"')),
        (f'"{ORDER}', f'"{ORDER}'),
    ],
)
def test_stray_quotation_mark_does_not_hide_the_rows_that_it_swallows(stray: str, closing: str) -> None:
    first, swallowed, last = read_all(lines(ORDER, stray, ORDER, closing, ORDER))
    assert isinstance(first, Row)
    assert isinstance(swallowed, RowError)
    assert swallowed.reason.startswith("lines 3 to 5 run together")
    assert isinstance(last, Row)
    assert last.line == 6


def test_wrong_number_of_fields_over_several_lines_names_them() -> None:
    [error] = read_all(lines(BROKEN_IN_TWO + ",x", ORDER))[:1]
    assert isinstance(error, RowError)
    assert error.reason == "expected 8 fields, found 9 in lines 2 to 3"


@pytest.mark.parametrize("rows_per_piece", [1, 2, 3, 7, 1_000])
def test_pieces_hold_each_record_once_and_whole(rows_per_piece: int) -> None:
    content = lines("", ORDER, BROKEN_IN_TWO, "536365", "", BROKEN_IN_TWO, "\xa3 5", ORDER, BROKEN_IN_TWO, "", "")
    inspection, pieces = csv_file.inspect(BytesIO(content), rows_per_piece=rows_per_piece)
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert [piece.start for piece in pieces] == [inspection.data_start, *(piece.end for piece in pieces[:-1])]
    assert [len(read(content, inspection, [piece])) for piece in pieces] == [piece.rows for piece in pieces]
    items = read(content, inspection, pieces)
    assert [item.line for item in items] == [3, 4, 6, 8, 10, 11, 12]
    assert items[-1].next_start == pieces[-1].end


def test_goes_on_after_any_record() -> None:
    content = lines(ORDER, BROKEN_IN_TWO, "", "536365", BROKEN_IN_TWO, "\xa3 5", ORDER)
    inspection, [piece] = csv_file.inspect(BytesIO(content))
    items = read(content, inspection, [piece])
    for index, item in enumerate(items, 1):
        rest = csv_file.read(BytesIO(content), inspection, item.next_start, piece.end, item.next_line)
        assert list(rest) == items[index:]


def mutated(content: str, random: Random) -> str:
    """Return the content after some random insertions, deletions and repetitions."""
    for _ in range(random.randrange(1, 8)):
        start = random.randrange(len(content))
        end = start + random.randrange(12)
        inserted = random.choice(
            ['"', '""', ",", ";", "\n", "\r", "\r\n", "\n\n", '"\n"', " ", "\xa3", "\u2028", "9" * 12]
        )
        content = content[:start] + random.choice([inserted, "", content[start:end] * 2]) + content[end:]
    return content


@pytest.mark.parametrize("block", [64, 256 * 1024])
def test_no_row_is_lost_whatever_the_file(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK_BYTES", block)
    random = Random(block)
    accepted = errors = 0
    for _ in range(2_000):
        body = "\n".join(random.choices([ORDER, BROKEN_IN_TWO, ORDER.replace(",6,", ',"6",'), ""], k=8))
        body = mutated(body, random)
        content = f"{HEADER}\n{body}".encode()
        try:
            inspection, pieces = csv_file.inspect(BytesIO(content), DateOrder.MONTH_FIRST, random.randrange(1, 9))
        except FileRefused:
            continue
        items = read(content, inspection, pieces)
        # What the csv module finds in the text as a whole, in one go.
        text = body.replace("\r\n", "\n").replace("\r", " ")
        found = [record for record in csv.reader(StringIO(text, newline="")) if any(map(str.strip, record))]
        assert inspection.rows == len(items) == len(found)
        assert [item.line for item in items] == sorted({item.line for item in items})
        accepted += 1
        errors += sum(isinstance(item, RowError) for item in items)
    assert accepted > 1_000
    assert errors > 1_000


def test_holds_a_block_of_the_file_and_no_more() -> None:
    rest_of_line = ORDER.removeprefix("536365").replace("T-LIGHT HOLDER", "T-LIGHT HOLDER " * 13)
    content = lines(*(f"{number}{rest_of_line}" for number in range(40_000)))
    file = BytesIO(content)
    tracemalloc.start()
    try:
        inspection, [piece] = csv_file.inspect(file, rows_per_piece=40_000)
        rows = sum(1 for _ in csv_file.read(file, inspection, piece.start, piece.end, piece.line))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 40_000
    assert peak < len(content) / 2
