"""What is baked passes its own tests, which start the brokers and workers they need."""

from typing import Any

import pytest

from conftest import Bake

# Every project tests both brokers; the answer decides only with which of them its `.env` begins.
CHOSEN = [
    pytest.param({}, id="default"),
    pytest.param({"broker": "redis"}, id="redis", marks=pytest.mark.slow),
    pytest.param({"include_example": False}, id="bare"),
]


@pytest.mark.parametrize("chosen", CHOSEN)
def test_its_own_tests(bake: Bake, uv_on_path: dict[str, str], chosen: dict[str, Any]) -> None:
    bake(**chosen).run("make", "test", **uv_on_path)
