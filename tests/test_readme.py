"""The READMEs: a newcomer who reads nothing else gets to a task of their own; the recipes of a project do what they say."""

import re
from pathlib import Path

import pytest
from compose.stack import wait_for
from pages import Dev, commands, dev, section, snippets, write_files

from conftest import ROOT, TEMPLATE, Bake, BakedProject, run

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
                    write_files(text, shop.project.path)
            printed = shop.run(command)
        assert "greet" in printed
        assert "default" in printed
        assert re.search(r"^greet Ada +every 1 h ", printed, re.MULTILINE)
        wait_for("the greeting", lambda: "hello, Ada" in shop.printed())


@pytest.mark.slow
def test_the_demo(uv_on_path: dict[str, str]) -> None:
    """Of the template, which bakes a project for it and has it run its own."""
    done = run("make", "demo", "KEEP=0", cwd=ROOT, **uv_on_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  all +[\d,]+", done.stdout, re.MULTILINE), "the report of the import"


@pytest.mark.slow
def test_day_two(bake: Bake, uv_on_path: dict[str, str], tmp_path: Path) -> None:
    """The recipes of a project's README, one after the other; what it leaves to the reader is done here as a reader would."""
    project = bake(include_workshop=True)
    page = project.read("README.md")

    def recipe(heading: str) -> str:
        return section(page, f"### {heading}")

    add_a_queue(project, recipe("Add a queue"), uv_on_path)
    with dev(project, tmp_path, uv_on_path) as shop:
        wait_for("the new queue's worker", lambda: shop.starts("mail"))
        for command in commands(recipe("Add a task")):
            if "tasks --lock" in command:
                with shop.reloading():
                    write_files(recipe("Add a task"), project.path)
            printed = shop.run(command)
        assert "send_invoice" in printed
        (snippet,) = snippets(recipe("Send it, once the change is committed"))
        # Any object with a key will do as an invoice.
        shop.run(in_a_shell(project, f'invoice = Group(name=\\"one\\")\n{snippet}'))
        wait_for("the mail", lambda: "Subject: Invoice 1" in shop.printed())
        write_files(recipe("Add a schedule"), project.path)
        assert "send the first invoice" in shop.run("bin/uv run manage.py tasks --task send_invoice")
        fail_and_replay(shop, recipe("Read a failure, and replay it"))
        ask_how_it_is(shop, page)
        kill_a_child(shop)
        # What removing the example begins with, where it ran.
        assert "`manage.py migrate orders zero`" in recipe("Remove the example")
        assert "Unapplying orders." in shop.run("bin/uv run manage.py migrate orders zero")


def in_a_shell(project: BakedProject, code: str) -> str:
    """Return the command that runs code with a task at hand."""
    imports = f"from {project.package}.invoices.tasks import send_invoice"
    imports += "; from django.db import transaction; from django.contrib.auth.models import Group"
    return f'bin/uv run manage.py shell --no-imports --command "{imports}\n{code}"'


def add_a_queue(project: BakedProject, recipe: str, variables: dict[str, str]) -> None:
    """Do as the recipe says: its test names the files that do not know the queue, until each has a worker like the others'."""
    (policy,) = snippets(recipe)
    (examine,) = commands(recipe)
    table = project.path / project.package / "tasking/queues.py"
    table.write_text(table.read_text().replace("    }\n)\n", f"{policy}    }}\n)\n", 1))
    refused = project.run("bash", "-c", f"{examine} || true", **variables)
    for name in NAMING_QUEUES:
        assert f"name each queue of tasking/queues.py in {name}," in refused
        path = project.path / name
        path.write_text(with_a_worker_for("mail", path.read_text()))
    project.run("bash", "-c", examine, **variables)


def fail_and_replay(shop: Dev, recipe: str) -> None:
    """Have a bug, read what it leaves, mend it, and send the same message again."""
    list_them, show, replay = commands(recipe)
    tasks = shop.project.path / shop.project.package / "invoices/tasks.py"
    good = tasks.read_text()
    with shop.reloading():
        tasks.write_text(good.replace("send_mail(f", "sendmail(f"))
    shop.run(in_a_shell(shop.project, "send_invoice.delay(2)"))
    wait_for("a dead letter", lambda: "send_invoice" in shop.run(list_them))
    shown = shop.run(show)
    assert "NameError: name 'sendmail' is not defined" in shown
    assert "invoices/tasks.py" in shown
    with shop.reloading():
        tasks.write_text(good)
    assert "Subject: Invoice 2" not in shop.printed()
    shop.run(replay)
    wait_for("the mail", lambda: "Subject: Invoice 2" in shop.printed())


def ask_how_it_is(shop: Dev, page: str) -> None:
    """Run what the page names for when something seems wrong."""
    for command in ("health worker bulk", "health beat", "outbox", "check --tag tasking"):
        assert f"manage.py {command}" in page
        shop.run(f"bin/uv run manage.py {command}")
    wait_for("a canary through each queue", lambda: "none" not in shop.run("bin/uv run manage.py health queues || true"))
    assert " ok" in shop.run("bin/uv run manage.py doctor || true")
    (check,) = (one for one in commands(shop.project.read("docs/workshop/lesson09.md")) if "sqla" in one)
    assert "'sqla+sqlite' is a relational database" in shop.run(f"{check} 2>&1 || true")


def kill_a_child(shop: Dev) -> None:
    """Take the workshop's first look."""
    start, kill = commands(shop.project.read("docs/workshop/first-look.md"))
    assert start == "make dev"

    def children() -> list[str]:
        return shop.run("pgrep -P $(pgrep -of queues=bulk)").split()

    before = children()
    shop.run(kill)
    wait_for("another child", lambda: set(children()) - set(before))


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
