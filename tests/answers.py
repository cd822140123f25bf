"""The sets of answers that the tests bake, and which files each answer is about."""

from itertools import combinations, product
from typing import Any

# The first is the default.
CHOICES: dict[str, tuple[Any, ...]] = {
    "broker": ("rabbitmq", "redis"),
    "ci": ("github", "gitlab", "none"),
    "include_example": (True, False),
    "include_workshop": (False, True),
}

Answers = dict[str, Any]


def answers(broker: str, ci: str, *, example: bool, workshop: bool) -> Answers:
    return {"broker": broker, "ci": ci, "include_example": example, "include_workshop": workshop}


DEFAULT = answers("rabbitmq", "github", example=True, workshop=False)

# Any two answers that may go together do so in one of these; test_bake holds the list to it.
PAIRWISE = (
    DEFAULT,
    answers("rabbitmq", "gitlab", example=True, workshop=True),
    answers("rabbitmq", "none", example=False, workshop=False),
    answers("redis", "github", example=True, workshop=True),
    answers("redis", "github", example=False, workshop=False),
    answers("redis", "gitlab", example=False, workshop=False),
    answers("redis", "none", example=True, workshop=True),
)

# What is there because of one answer only, written down a second time on purpose: the first is in the hook.
BECAUSE_OF: dict[tuple[str, Any], tuple[str, ...]] = {
    ("include_example", True): ("{package}/orders", "tests/unit/orders", "tests/durability/orders", "sandbox/demo.py"),
    ("include_workshop", True): ("workshop", "docs/workshop"),
    ("ci", "github"): (".github",),
    ("ci", "gitlab"): (".gitlab-ci.yml",),
}


def label(chosen: Answers) -> str:
    example = "example" if chosen["include_example"] else "bare"
    workshop = ["workshop"] if chosen["include_workshop"] else []
    return "-".join([chosen["broker"], chosen["ci"], example, *workshop])


def possible_pairs() -> set[frozenset[tuple[str, Any]]]:
    """Return each two answers to different questions which may go together."""
    impossible = frozenset({("include_example", False), ("include_workshop", True)})
    return {
        pair
        for (one, its_choices), (other, other_choices) in combinations(CHOICES.items(), 2)
        for mine, yours in product(its_choices, other_choices)
        if (pair := frozenset({(one, mine), (other, yours)})) != impossible
    }
