"""What is baked passes its own lint, format and types, whatever the answers and however long the package's name."""

import json

import pytest

from answers import PAIRWISE, Answers, label
from conftest import Bake, MistakesInSlug

# A name moves imports up and down and makes lines longer: the first in the alphabet, the last, and the longest allowed.
SLUGS = ("a", "zz", "m" * 30)


@pytest.mark.parametrize("chosen", PAIRWISE, ids=label)
def test_all_answers(bake: Bake, shared_environment: dict[str, str], chosen: Answers) -> None:
    bake(**chosen).run("make", "lint", **shared_environment)


@pytest.mark.parametrize("slug", SLUGS)
def test_all_names(bake: Bake, shared_environment: dict[str, str], slug: str) -> None:
    bake(project_slug=slug).run("make", "lint", **shared_environment)


def test_the_hook_refuses_every_name_that_is_installed(
    bake: Bake, shared_environment: dict[str, str], mistakes_in_slug: MistakesInSlug
) -> None:
    code = "import importlib.metadata, json; print(json.dumps(sorted(importlib.metadata.packages_distributions())))"
    installed = json.loads(bake().run("bin/uv", "run", "--quiet", "python", "-c", code, **shared_environment))
    assert "celery" in installed
    assert [name for name in installed if not mistakes_in_slug(name)] == []
