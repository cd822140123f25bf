"""What the benchmarks make of their figures: goals met or not, and a warning where a ratio has become a fifth worse."""

import json
from typing import Any

import pytest
from goals import MEASURES, is_met, losses, markdown, print_table

from conftest import ROOT


def found(**ours: float) -> dict[str, Any]:
    """Return figures that are all 1, but for some of ours on RabbitMQ."""
    before = {measure.name: 1.0 for measure in MEASURES}
    return {"redis": [[before, before]], "rabbitmq": [[before, before | ours]]}


@pytest.mark.parametrize(
    ("goal", "ratio", "value", "met"),
    [("<= 0.65 x", 0.6, 9, True), ("<= 0.65 x", 0.7, 0.1, False), ("<= 50", 9, 50, True), (">= 1.5 x", 1.4, 9, False)],
)
def test_a_goal_is_of_the_ratio_or_of_ours(goal: str, ratio: float, value: float, *, met: bool) -> None:
    assert is_met(goal, ratio, value) is met


def test_a_loss_of_a_fifth_is_told_and_neither_a_gain_nor_chance() -> None:
    now = found(drained=0.5, **{"worker CPU": 1.3, "a chord of 200": 1.1, "published": 2, "idle, to start, p99": 3})
    assert list(losses(now, found())) == [
        "rabbitmq, drained: 0.50 of bare, and was 1.00",
        "rabbitmq, worker CPU: 1.30 of bare, and was 1.00",
    ]


def test_a_measure_that_one_run_left_out_is_no_loss() -> None:
    short = found()
    for figures in short["rabbitmq"][0]:
        del figures["a chord of 10,000"]
    assert list(losses(found(), short)) == list(losses(short, found(drained=1))) == []


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_the_page_says_what_the_last_run_measured(broker: str) -> None:
    last = json.loads((ROOT / "benchmarks/last.json").read_text())["measured"]
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    table = markdown(broker, last[broker])
    assert table in page, f"put this into docs/performance.md:\n{table}"


def test_the_table_says_what_is_not_met(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("rabbitmq", found(**{"worker CPU": 0.4})["rabbitmq"])
    lines = {line[:30].rstrip(): line for line in capsys.readouterr().out.splitlines()}
    assert "met" in lines["worker CPU"]
    assert "NOT" not in lines["worker CPU"]
    assert "NOT MET" in lines["drained"]
