"""The refused rows of an import as a file, for the person who sent it."""

import csv
from collections.abc import Iterator

from ..models import Import

COLUMNS = ("line", "column", "value", "reason")

#: What makes a spreadsheet take a cell for a formula: one that came from outside is not to be run.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Lines:
    """What `csv.writer` writes into: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def lines(import_file: Import) -> Iterator[str]:
    """Return the lines of the file, one by one, the header first."""
    writer = csv.writer(_Lines())
    yield writer.writerow(COLUMNS)
    for row in import_file.row_errors.values_list(*COLUMNS).iterator():
        yield writer.writerow([_harmless(str(cell)) for cell in row])


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
