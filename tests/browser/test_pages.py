"""The example's pages, used as a person uses them."""

import re
from collections.abc import Callable
from csv import reader
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from conftest import TEMPLATE

pytestmark = pytest.mark.slow

Picture = Callable[..., None]

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
GOOD = "536365,85123A,WHITE HANGING HEART,6,12/31/2010 8:26,2.55,17850,United Kingdom"
BAD = "536366,71053,WHITE METAL LANTERN,six,12/31/2010 8:28,3.39,17850,United Kingdom"

SAMPLE = TEMPLATE / TEMPLATE.name / "orders/samples/online-retail.csv"


def send(page: Page, content: str | bytes, name: str = "orders.csv") -> None:
    """Choose a file and send it."""
    body = content.encode() if isinstance(content, str) else content
    page.goto("/")
    page.get_by_label("CSV file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": body})
    page.get_by_role("button", name="Import", exact=True).click()


def load_sample(page: Page, rows: str = "20,000") -> None:
    page.goto("/")
    page.get_by_role("button", name=f"{rows} rows", exact=True).click()


def expect_state(page: Page, words: str) -> None:
    expect(page.locator("h1 .state")).to_have_text(words)


def assert_accessible(page: Page) -> None:
    """Scan the page with axe-core, in both themes."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
    page.emulate_media(color_scheme="light")


def assert_no_sideways_scroll(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_from_an_upload_to_the_report_without_a_reload(page: Page) -> None:
    rows = [GOOD.replace("536365", str(536365 + number)) for number in range(3000)]
    send(page, "\n".join([HEADER, *rows[:1000], BAD, *rows[1000:], ""]), "december.csv")
    page.evaluate("window.unchanged = true")
    expect_state(page, "finished")
    assert page.evaluate("window.unchanged"), "the page was loaded again"
    expect(page.locator("body")).to_contain_text("3,000 of 3,001 rows imported, 1 refused.")
    expect(page.locator("#poll")).to_have_count(0)
    for figure in ("Revenue by month", "By country", "Top products"):
        chart = page.get_by_role("figure", name=figure)
        expect(chart.locator("svg .bar").first).to_be_visible()
        chart.get_by_text("As a table").click()
        expect(chart.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("row", name="1,002 Quantity six")).to_contain_text("must be a whole number")
    assert_accessible(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    lines = list(reader(Path(download.value.path()).read_text().splitlines()))
    assert lines[1][:3] == ["1002", "Quantity", "six"]


def test_an_import_is_watched_cancelled_and_resumed(page: Page, picture: Picture) -> None:
    load_sample(page)
    expect(page.get_by_text(re.compile(r"rows a second, \d+ s left"))).to_be_visible()
    expect(page.locator(".chunks path.done")).to_be_attached()
    page.evaluate("window.unchanged = true")
    before = page.locator(".progress strong").inner_text()
    expect(page.locator(".progress strong")).not_to_have_text(before)
    assert page.evaluate("window.unchanged"), "the page was loaded again"
    picture(page, "import-running")
    page.get_by_role("button", name="Cancel").click()
    expect_state(page, "cancelled")
    expect(page.locator(".chunks .running")).to_have_count(0)
    expect(page.locator(".chunks path.todo")).to_be_attached()
    picture(page, "import-cancelled")
    assert_accessible(page)
    page.reload()
    expect_state(page, "cancelled")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect_state(page, "finished")
    expect(page.locator("body")).to_contain_text("19,980 of 20,000 rows imported, 20 refused.")
    picture(page, "import-finished")


def test_home_shows_imports_as_they_run(page: Page, picture: Picture) -> None:
    load_sample(page)
    page.goto("/")
    latest = page.get_by_role("row").nth(1)
    expect(latest).to_contain_text("importing rows")
    picture(page, "home")
    assert_accessible(page)
    expect(latest).to_contain_text("finished")
    expect(page.locator("#poll")).to_have_count(0)


def test_a_killed_process_is_seen_to_heal(page: Page, picture: Picture) -> None:
    load_sample(page)
    page.get_by_role("button", name="Kill a worker's process").click()
    trouble = page.get_by_role("row", name=re.compile("import_chunk"))
    expect(trouble).to_contain_text("signal 9")
    picture(page, "import-healing")
    assert_accessible(page)
    expect_state(page, "finished")
    expect(trouble).to_contain_text("done")
    expect(page.locator("body")).to_contain_text("19,980 of 20,000 rows imported, 20 refused.")


def test_what_failed_is_shown_and_tried_again(page: Page, picture: Picture) -> None:
    load_sample(page)
    page.get_by_role("button", name="Poison a chunk").click()
    expect_state(page, "stopped")
    expect(page.locator(".chunks path.failed")).to_be_attached()
    told = page.get_by_role("alert").filter(has_text="failed for good")
    task_id = told.get_by_role("link").inner_text()
    expect(page.get_by_role("row", name=re.compile(task_id))).to_contain_text("failed")
    picture(page, "import-stopped")
    assert_accessible(page)
    page.get_by_role("button", name="End it").click()
    page.get_by_role("button", name="Retry what failed").click()
    expect_state(page, "finished")
    expect(page.locator("body")).to_contain_text("19,980 of 20,000 rows imported, 20 refused.")


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"", "empty.csv", "empty"),
        (b"PK\x03\x04 and so on", "orders.xlsx", "Excel"),
        ("a,b,c\n1,2,3\n", "other.csv", "column"),
    ],
    ids=["empty", "excel", "other-columns"],
)
def test_a_file_that_is_none_is_refused_in_words(
    page: Page, picture: Picture, content: str | bytes, name: str, why: str
) -> None:
    send(page, content, name)
    expect_state(page, "refused")
    expect(page.get_by_role("alert").filter(has_text="This file was not imported")).to_contain_text(why)
    if name == "orders.xlsx":
        picture(page, "import-refused")
        assert_accessible(page)


def test_without_a_file_nothing_is_sent(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("input[type=file]:invalid")).to_be_focused()


def test_dates_that_may_be_read_in_two_ways_are_asked_for(page: Page, picture: Picture) -> None:
    send(page, SAMPLE.read_bytes(), "online-retail.csv")
    expect_state(page, "waiting for an answer")
    picture(page, "import-asking")
    assert_accessible(page)
    page.get_by_label("The dates in this file are").select_option("month-first")
    page.get_by_role("button", name="Go on").click()
    expect_state(page, "finished")


def test_it_fits_a_phone(browser: Browser, site: str, picture: Picture) -> None:
    context = browser.new_context(base_url=site, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    load_sample(page, "1,000")
    assert_no_sideways_scroll(page)
    expect_state(page, "finished")
    assert_no_sideways_scroll(page)
    assert_accessible(page)
    picture(page, "phone", full=False)
    page.goto("/")
    assert_no_sideways_scroll(page)
    context.close()


def test_it_works_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    sample = page.get_by_role("button", name="1,000 rows", exact=True)
    for _ in range(12):
        page.keyboard.press("Tab")
        if sample.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect_state(page, "finished")


def test_the_focus_stays_where_it_is_while_the_page_changes(page: Page) -> None:
    load_sample(page)
    cancel = page.get_by_role("button", name="Cancel")
    cancel.focus()
    before = page.locator(".progress strong").inner_text()
    expect(page.locator(".progress strong")).not_to_have_text(before)
    expect(cancel).to_be_focused()
    expect_state(page, "finished")


def test_it_works_without_javascript(browser: Browser, site: str) -> None:
    context = browser.new_context(base_url=site, java_script_enabled=False)
    page = context.new_page()
    load_sample(page, "1,000")
    expect_state(page, "finished")
    context.close()


def test_a_server_that_does_not_answer_is_told(browser: Browser, site: str) -> None:
    context = browser.new_context(base_url=site)
    page = context.new_page()
    load_sample(page)
    note = page.get_by_text("The server does not answer")
    expect(note).to_be_hidden()
    context.set_offline(True)
    expect(note).to_be_visible()
    context.set_offline(False)
    expect(note).to_be_hidden()
    expect_state(page, "finished")
    context.close()


def test_the_admin_keeps_to_the_content_security_policy(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("browser")
    page.get_by_role("button", name="Log in").click()
    for model in ("orders/import", "orders/rowerror", "tasking/deadletter", "tasking/outboxmessage"):
        page.goto(f"/admin/{model}/")
        expect(page.locator("#changelist")).to_be_visible()
