"""What `docs/checklist.md` says of the example is there. These tests go with it; what the page says harms nobody."""

import pytest

from tests.unit.references import ROOT, follow
from tests.unit.test_checklist import PACKAGE, references


@pytest.mark.parametrize(("number", "name"), references("Example"))
def test_what_the_example_shows_is_there(number: str, name: str) -> None:
    follow(name, ROOT, PACKAGE)


def test_two_practices_have_an_example() -> None:
    assert {number for number, _ in references("Example")} == {"12", "15"}
