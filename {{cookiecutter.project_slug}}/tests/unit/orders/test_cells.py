from datetime import datetime
from decimal import Decimal

import pytest

from {{ cookiecutter.project_slug }}.orders.services import cells
from {{ cookiecutter.project_slug }}.orders.services.cells import (
    CellError,
    Column,
    DateOrder,
)


@pytest.mark.parametrize(
    ("text", "quantity"),
    [("6", 6), ("+6", 6), ("-1", -1), ("007", 7), ("2147483647", 2**31 - 1), ("-2147483647", 1 - 2**31)],
)
def test_quantity(text: str, quantity: int) -> None:
    assert cells.parse_quantity(text) == quantity


@pytest.mark.parametrize(
    "text",
    ["", "six", "6.0", "1,000", "1_000", "1e3", "0x6", "\u0666", "--1", "2147483648", "-2147483648", "9" * 9_999],
)
def test_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be a whole number, such as 6 or -1|is out of range: .*)$"):
        cells.parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("2.55", "2.55"),
        ("0.001", "0.001"),
        ("-11062.06", "-11062.06"),
        ("99999999.9999", "99999999.9999"),
        ("2.550000", "2.5500"),
        ("0", "0"),
    ],
)
def test_price(text: str, price: str) -> None:
    assert str(cells.parse_price(text, decimal_comma=False)) == price


@pytest.mark.parametrize(
    "text",
    [
        "",
        "free",
        "NaN",
        "Infinity",
        "1e3",
        ".5",
        "5.",
        "\xa32.55",
        "2,55",
        "1,062.06",
        "1 062.06",
        "100000000",
        "0.00001",
    ],
)
def test_no_price(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be a number|is out of range|has more than 4 decimals)"):
        cells.parse_price(text, decimal_comma=False)


def test_price_with_a_decimal_comma() -> None:
    assert cells.parse_price("2,55", decimal_comma=True) == Decimal("2.55")
    assert cells.parse_price("2.55", decimal_comma=True) == Decimal("2.55")
    assert cells.parse_price("0,001", decimal_comma=True) == Decimal("0.001")
    with pytest.raises(ValueError, match=r"^can be read in two ways: write 1062 or 1,0620$"):
        cells.parse_price("1.062", decimal_comma=True)
    with pytest.raises(ValueError, match=r"^must be a number"):
        cells.parse_price("1.062,06", decimal_comma=True)


@pytest.mark.parametrize(
    ("text", "customer_id"),
    [("17850", "17850"), ("17850.0", "17850"), ("", ""), ("NA", ""), ("nan", ""), ("NULL", ""), ("A.0", "A.0")],
)
def test_customer_id(text: str, customer_id: str) -> None:
    assert cells.parse_customer_id(text) == customer_id


def test_text_has_a_length() -> None:
    assert cells.parse_text("x" * 20, 20) == "x" * 20
    assert cells.parse_text("", 20) == ""
    with pytest.raises(ValueError, match=r"^is longer than 20 characters$"):
        cells.parse_text("x" * 21, 20)
    with pytest.raises(ValueError, match=r"^is empty$"):
        cells.parse_text("", 20, required=True)


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("12/1/10 8:26", DateOrder.MONTH_FIRST, "2010-12-01 08:26:00"),
        ("12/1/10 8:26", DateOrder.DAY_FIRST, "2010-01-12 08:26:00"),
        ("01.12.2010", DateOrder.DAY_FIRST, "2010-12-01 00:00:00"),
        ("2010-12-01T08:26:09.000", DateOrder.ISO, "2010-12-01 08:26:09"),
        ("2/29/2012 23:59:59", DateOrder.MONTH_FIRST, "2012-02-29 23:59:59"),
    ],
)
def test_moment(text: str, order: DateOrder, moment: str) -> None:
    assert cells.parse_moment(text, order) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be a date and time, such as 12/31/2010 8:26"),
        ("2010-12-01", "must be a date and time, such as 12/31/2010 8:26"),
        ("12/1-10", "must be a date and time, such as 12/31/2010 8:26"),
        ("12/1/10 8:26 PM", "must be a date and time, such as 12/31/2010 8:26"),
        ("13/1/10", "has month 13: the file was read month first"),
        ("2/29/11", "has 29 February 2011, which is no date"),
        ("12/0/10", "has 0 December 2010, which is no date"),
        ("12/1/0201", "has the year 201"),
        ("12/1/10 24:00", "has the time 24:00:00, which does not exist"),
    ],
)
def test_no_moment(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        cells.parse_moment(text, DateOrder.MONTH_FIRST)


@pytest.mark.parametrize("order", DateOrder)
def test_example_of_an_order_is_in_that_order_and_in_no_other(order: DateOrder) -> None:
    assert cells.orders_of(order.example) == {order}


def test_column_parses_a_text_once_and_names_itself_in_errors() -> None:
    parsed: list[str] = []

    def parse(text: str) -> int:
        parsed.append(text)
        return cells.parse_quantity(text)

    column = Column("Pieces", parse)
    assert [column[" 6"], column[" 6"], column["7"]] == [6, 6, 7]
    assert parsed == ["6", "7"]
    with pytest.raises(CellError, match=r"^Pieces must be a whole number") as error:
        column[" six"]
    assert (error.value.column, error.value.text) == ("Pieces", " six")


def test_column_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_REMEMBERED", 10)
    column = Column("Quantity", cells.parse_quantity)
    assert [column[str(number)] for number in range(100)] == list(range(100))
    assert len(column) <= 10
