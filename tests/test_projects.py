"""What is baked passes its own tests, which start the brokers and workers they need."""

from typing import Any

import pytest

from conftest import Bake

# Every project tests both brokers; the answer decides only with which of them its `.env` begins.
CHOSEN = [
    pytest.param({}, ["test"], id="default", marks=pytest.mark.quick),
    pytest.param({}, ["lint", "test-unit", "test-durability"], id="default-durability", marks=pytest.mark.slow),
    pytest.param({"include_example": False}, ["lint", "test-unit"], id="bare"),
]


@pytest.mark.parametrize(("chosen", "targets"), CHOSEN)
def test_its_own_tests(
    bake: Bake, uv_on_path: dict[str, str], capsys: pytest.CaptureFixture[str], chosen: dict[str, Any], targets: list[str]
) -> None:
    printed = bake(**chosen).run("make", *targets, **uv_on_path)
    _, _, proven = printed.partition(" proven ===")
    with capsys.disabled():
        print("", *[line for line in proven.splitlines() if line.startswith("|")], sep="\n")
