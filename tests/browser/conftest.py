"""A real browser on a baked project that runs: web, workers, and a Redis of its own."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from conftest import BakedProject, bake_into

SERVE = Path(__file__).with_name("serve.py")

#: Root has no sandbox, and a machine without a network is not to be asked for updates.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")

#: Small, so that an import takes its time and has many.
ROWS_PER_CHUNK = 50


#: Milliseconds within which a page shows what is expected, whatever else the machine does.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, help="a folder to write a picture of each state of the pages to")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium; skip where there is none, or fail with REQUIRE_BROWSER=1."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        why = "no Chromium is installed (Debian: chromium)"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(browser: Browser, baked_folder: Path, uv_on_path: dict[str, str]) -> Iterator[str]:  # noqa: ARG001 - skipped without
    """Return the address of a project that runs until the module's tests are through."""
    project = BakedProject(bake_into(baked_folder, lock=False))
    project.run("bin/uv", "sync", "--quiet", **uv_on_path)
    with subprocess.Popen(
        [str(project.path / ".venv/bin/python"), str(SERVE)],
        cwd=project.path,
        env=os.environ | {"ORDERS_ROWS_PER_CHUNK": str(ROWS_PER_CHUNK)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:  # which closes its input, and waits for its end
        assert server.stdout
        url = server.stdout.readline().strip()
        assert url, "the project did not start"
        yield url


@pytest.fixture
def context(browser: Browser, site: str) -> Iterator[BrowserContext]:
    """Return a browser that knows nobody, and fails the test for an error on its console or a request to another host."""
    context = browser.new_context(base_url=site, viewport={"width": 1180, "height": 860})
    context.set_default_timeout(PATIENCE)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # Django's admin has no icon, and browsers ask.
        if message.type in {"error", "warning"} and not message.location["url"].endswith("/favicon.ico"):
            complaints.append(message.text)

    def watch(page: Page) -> None:
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith((site, "data:")) else complaints.append(request.url))

    context.on("page", watch)
    yield context
    context.close()
    assert not complaints


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that writes a picture of a page, if pictures are wanted: in the light, and in the dark."""
    folder = request.config.getoption("--screenshots")

    def take(page: Page, name: str, *, full: bool = True) -> None:
        if folder is None:
            return
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=full)
        page.emulate_media(color_scheme="light")

    return take
