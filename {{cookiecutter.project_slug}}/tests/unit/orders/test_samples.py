from collections import Counter
from io import BytesIO

import pytest

from {{ cookiecutter.project_slug }}.orders.services import csv_file, samples
from {{ cookiecutter.project_slug }}.orders.services.csv_file import (
    DateOrder,
    FileRefused,
    Row,
    RowError,
)


def sample(rows: int, seed: int = 0) -> bytes:
    target = BytesIO()
    samples.write_sample(target, rows, seed)
    return target.getvalue()  # fails if the target was closed


def read(content: bytes) -> list[Row | RowError]:
    file = BytesIO(content)
    inspection, [piece] = csv_file.inspect(file, rows_per_piece=1_000_000)
    return list(csv_file.read(file, inspection, piece.start, piece.end, piece.line))


def test_source_is_read_without_an_error_once_the_order_of_its_dates_is_given() -> None:
    with samples.SOURCE.open("rb") as file:
        assert csv_file.inspect(file)[0].date_order is None
        inspection, [piece] = csv_file.inspect(file, DateOrder.MONTH_FIRST)
        rows = [*csv_file.read(file, inspection, piece.start, piece.end, piece.line)]
    assert len(rows) == 999
    assert all(isinstance(row, Row) for row in rows)


@pytest.mark.parametrize("rows", [1, 2, 500, 1_000, 12_345])
def test_has_exactly_the_rows_asked_for_and_decides_the_order_of_its_dates(rows: int) -> None:
    inspection, _ = csv_file.inspect(BytesIO(sample(rows)))
    assert inspection.rows == rows
    assert inspection.date_order is DateOrder.MONTH_FIRST


def test_is_the_same_for_the_same_seed_only() -> None:
    assert sample(2_000, seed=1) == sample(2_000, seed=1)
    assert sample(2_000, seed=1) != sample(2_000, seed=2)


def test_is_like_a_year_of_real_orders() -> None:
    items = read(sample(20_000))
    rows = [item for item in items if isinstance(item, Row)]
    assert {row.invoiced_at.month for row in rows} == set(range(1, 13))
    assert {row.invoiced_at.year for row in rows} == {2011}
    days = [row.invoiced_at.date() for row in rows]
    assert days == sorted(days)
    countries = Counter(row.country for row in rows)
    assert len(countries) == 13
    assert countries["United Kingdom"] > len(rows) / 2
    assert any(row.cancelled and row.quantity < 0 for row in rows)
    assert any(not row.customer_id for row in rows)
    assert len({row[3:] for row in rows}) < len(rows)  # lines that stand twice

    invoices = Counter(row.invoice_no for row in rows)
    assert max(invoices.values()) > 1
    assert len({(row.invoice_no, row.customer_id, row.invoiced_at) for row in rows}) == len(invoices)

    errors = [item for item in items if isinstance(item, RowError)]
    assert len(errors) == 20
    assert {error.column for error in errors} == {"Quantity", "InvoiceDate", "UnitPrice", ""}


def test_has_at_least_one_row() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        sample(0)
    with pytest.raises(FileRefused):
        csv_file.inspect(BytesIO())
