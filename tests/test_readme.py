"""The READMEs: a newcomer who reads nothing else gets to a task of their own; the recipes of a project do what they say."""

import re
from pathlib import Path

import pytest
from compose.stack import wait_for
from pages import commands, dev, section, snippets, write_files

from conftest import ROOT, TEMPLATE, Bake, BakedProject

# The files that name every queue of a project, beside the table.
NAMING_QUEUES = (
    "README.md",
    "Procfile",
    "compose.yaml",
    "compose.override.yaml",
    "compose.production.yaml",
    "deploy/rabbitmq/definitions.json",
    "deploy/monitoring/prometheus.yml",
)

README = (ROOT / "README.md").read_text(encoding="utf-8")


def with_a_worker_for(queue: str, text: str) -> str:
    """Return the text of a file with a queue beside `bulk`, wherever and in whatever form that is named."""
    # A row of a table, a process, or a service with all that is indented beneath it.
    text = re.sub(
        r"^(?:\| `bulk`|bulk:|  worker-bulk:).*\n(?:    .*\n)*",
        lambda found: found[0] + found[0].replace("bulk", queue),
        text,
        flags=re.MULTILINE,
    )
    return text.replace("|bulk)", f"|bulk|{queue})").replace('"worker-bulk:9802"', f'"worker-bulk:9802", "worker-{queue}:9803"')


def test_the_table_says_what_the_checklist_says() -> None:
    row = re.compile(r"^\| \[?(\d+)\. .+?\| \[?`(.+?)`.*? \| (.+?) \| \[?`(.+?)`", re.MULTILINE)
    checklist = (TEMPLATE / "docs/checklist.md").read_text(encoding="utf-8")
    ours = row.findall(section(README, "## What you get"))
    assert len(ours) == 20
    assert ours == row.findall(checklist)


@pytest.mark.slow
def test_from_nothing_to_a_task_of_ones_own(bake: Bake, uv_on_path: dict[str, str], tmp_path: Path) -> None:
    """As the page says, command by command, after the bake; the ports alone are others."""
    text = section(README, "## From nothing to a task of your own")
    before, _, after = text.partition("\n    make dev\n")
    assert "cd corner_shop" in before
    with dev(bake(), tmp_path, uv_on_path) as shop:
        for command in commands(after):
            if "tasks --lock" in command:
                with shop.reloading():
                    write_files(text, shop.project)
            printed = shop.run(command)
        assert "greet" in printed
        assert "default" in printed
        assert re.search(r"^greet Ada +every 1 h ", printed, re.MULTILINE)
        wait_for("the greeting", lambda: "hello, Ada" in shop.printed())


@pytest.mark.slow
def test_day_two(bake: Bake, uv_on_path: dict[str, str], tmp_path: Path) -> None:
    """The recipes of a project's README, one after the other; what it leaves to the reader is done here as a reader would."""
    project = bake()
    page = project.read("README.md")

    def recipe(heading: str) -> str:
        return section(page, f"### {heading}")

    # A queue: the test names the files that do not know it yet, until each has a worker like the others'.
    (policy,) = snippets(recipe("Add a queue"))
    (examine,) = commands(recipe("Add a queue"))
    table = project.path / project.package / "tasking/queues.py"
    table.write_text(table.read_text().replace("    }\n)\n", f"{policy}    }}\n)\n", 1))
    refused = project.run("bash", "-c", f"{examine} || true", **uv_on_path)
    for name in (
        "README.md",
        "Procfile",
        "compose.yaml",
        "compose.override.yaml",
        "compose.production.yaml",
        "deploy/rabbitmq/definitions.json",
        "deploy/monitoring/prometheus.yml",
    ):
        assert f"name each queue of tasking/queues.py in {name}," in refused
        path = project.path / name
        path.write_text(with_a_worker_for("mail", path.read_text()))
    project.run("bash", "-c", examine, **uv_on_path)

    with dev(project, tmp_path, uv_on_path) as shop:
        wait_for("the new queue's worker", lambda: shop.starts("mail"))

        # A task.
        for command in commands(recipe("Add a task")):
            if "tasks --lock" in command:
                with shop.reloading():
                    write_files(recipe("Add a task"), project)
            printed = shop.run(command)
        assert "send_invoice" in printed

        # It is sent after the commit. Any object with a key will do as an invoice.
        (snippet,) = snippets(recipe("Send it, once the change is committed"))
        imports = f"from {project.package}.invoices.tasks import send_invoice"
        imports += "; from django.db import transaction; from django.contrib.auth.models import Group as Invoice"
        shop.run(f"bin/uv run manage.py shell -v0 -c '{imports}; invoice = Invoice(name=\"one\")\n{snippet}'")
        wait_for("the mail", lambda: "Subject: Invoice 1" in shop.printed())

        # A schedule.
        write_files(recipe("Add a schedule"), project)
        assert "send the first invoice" in shop.run("bin/uv run manage.py tasks --task send_invoice")

        # A failure: a bug, what it leaves, its remedy, and the same message again.
        tasks = project.path / project.package / "invoices/tasks.py"
        good = tasks.read_text()
        with shop.reloading():
            tasks.write_text(good.replace("send_mail(f", "sendmail(f"))
        shop.run(f"bin/uv run manage.py shell -v0 -c '{imports}; send_invoice.delay(2)'")
        list_them, show, replay = commands(recipe("Read a failure, and replay it"))
        wait_for("a dead letter", lambda: "send_invoice" in shop.run(list_them))
        shown = shop.run(show)
        assert "NameError: name 'sendmail' is not defined" in shown
        assert "tasks.py" in shown
        with shop.reloading():
            tasks.write_text(good)
        assert "Subject: Invoice 2" not in shop.printed()
        shop.run(replay)
        wait_for("the mail", lambda: "Subject: Invoice 2" in shop.printed())


@pytest.mark.slow
def test_a_package_is_upgraded(bake: Bake, uv_on_path: dict[str, str]) -> None:
    """`make test` is left to test_projects."""
    project = bake()
    pins = project.path / "pyproject.toml"
    pins.write_text(pins.read_text().replace("factory-boy==3.3.3", "factory-boy==3.3.2"))
    lock, test = commands(section(project.read("README.md"), "### Upgrade a package"))
    project.run("bash", "-c", lock, **uv_on_path)
    assert test == "make test"
    assert 'name = "factory-boy"\nversion = "3.3.2"' in project.read("uv.lock")


def test_the_example_is_removed(bake: Bake) -> None:
    """Promise: what is left is the code of a project that never had it, whose own tests pass in test_projects."""
    project = bake()
    (remove,) = commands(section(project.read("README.md"), "### Remove the example"))
    project.run("bash", "-c", remove)
    bare = bake(folder="bare", include_example=False)

    def code(project: BakedProject) -> dict[str, str]:
        return {name: project.read(name) for name in project.files() if name.endswith(".py")}

    assert code(project) == code(bare)
