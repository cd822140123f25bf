"""The pages, as a browser uses them."""

from csv import reader
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from {{ cookiecutter.project_slug }}.orders import conf
from {{ cookiecutter.project_slug }}.orders.models import Import
from {{ cookiecutter.project_slug }}.orders.services import samples

from .factories import ImportFactory, csv, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def send(client: Client, django_capture_on_commit_callbacks: Any) -> Any:
    """Post a form and return the page that it leads to, after what was sent at the commit has run."""

    def send(path: str, **fields: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            answer: Any = client.post(path, fields)
        return client.get(answer.url) if answer.status_code == 302 else answer

    return send


def file(content: bytes, name: str = "orders.csv") -> SimpleUploadedFile:
    """A file to upload."""
    return SimpleUploadedFile(name, content, "text/csv")


def test_an_empty_list(client: Client) -> None:
    assert "Nothing has been imported yet" in client.get("/").content.decode()


def test_a_page_loads_nothing_from_elsewhere(client: Client) -> None:
    answer = client.get("/")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "://" not in answer.content.decode()


def test_a_file_is_sent_and_its_report_shown(send: Any, client: Client) -> None:
    page = send(reverse("orders:upload"), file=file(csv(row(), row("six")))).content.decode()
    assert "finished" in page
    assert "1 of 2 rows imported, 1 refused" in page
    assert "2010-12" in page
    assert "six" in page
    assert "orders.csv" in client.get("/").content.decode()


def test_the_same_file_is_recognised(send: Any) -> None:
    send(reverse("orders:upload"), file=file(csv(row())))
    page = send(reverse("orders:upload"), file=file(csv(row()), "copy.csv")).content.decode()
    assert "This file was sent before, as orders.csv" in page
    assert Import.objects.count() == 1


def test_a_refusal_is_shown(send: Any) -> None:
    page = send(reverse("orders:upload"), file=file(b"PK\x03\x04...", "orders.xlsx")).content.decode()
    assert "This file was not imported" in page
    assert "Excel" in page


def test_no_file_is_said(send: Any) -> None:
    answer = send(reverse("orders:upload"))
    assert answer.status_code == 400
    assert "This field is required" in answer.content.decode()


def test_a_file_that_is_too_large_is_refused_unread(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "MAX_UPLOAD", 1024 * 1024)
    answer = send(reverse("orders:upload"), file=file(b"x" * 2 * 1024 * 1024))
    assert answer.status_code == 413
    assert "The file is larger than 1 MB" in answer.content.decode()
    assert not Import.objects.exists()


def test_a_length_that_is_no_number_is_refused(client: Client) -> None:
    assert client.post(reverse("orders:upload"), headers={"content-length": "abc"}).status_code == 400


def test_an_upload_from_another_site_is_refused() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("orders:upload"), {"file": file(csv(row()))})
    assert answer.status_code == 403


@pytest.mark.parametrize("name", ["<script>.csv", "a" * 300 + ".csv", "../../etc/passwd", "주문 🛒.csv"])
def test_any_file_name_will_do(send: Any, name: str) -> None:
    page = send(reverse("orders:upload"), file=file(csv(row()), name)).content.decode()
    assert "finished" in page
    assert "<script>" not in page


def test_the_real_sample_leaves_its_dates_open_and_the_page_asks(send: Any) -> None:
    sample = (Path(samples.__file__).parents[1] / "samples" / "online-retail.csv").read_bytes()
    page = send(reverse("orders:upload"), file=file(sample)).content.decode()
    assert "In which order are its dates?" in page
    page = send(reverse("orders:date-order", args=[Import.objects.get().pk]), date_order="month-first").content.decode()
    assert "999 of 999 rows imported" in page


def test_an_answer_that_is_none_is_not_taken(send: Any) -> None:
    asking = ImportFactory.create(state=Import.State.ASKING)
    send(reverse("orders:date-order", args=[asking.pk]), date_order="sideways")
    asking.refresh_from_db()
    assert asking.state == Import.State.ASKING


def test_a_sample_with_one_click_and_another(send: Any) -> None:
    for _ in range(2):
        page = send(reverse("orders:sample"), rows=1000).content.decode()
        assert "999 of 1,000 rows imported, 1 refused" in page
    assert Import.objects.count() == 2


@pytest.mark.parametrize("rows", ["0", "-1", "many", "99999999", ""])
def test_a_sample_of_an_odd_size_is_refused(send: Any, rows: str) -> None:
    assert send(reverse("orders:sample"), rows=rows).status_code == 400
    assert not Import.objects.exists()


def test_a_running_import_is_cancelled_and_resumed(send: Any, client: Client) -> None:
    running = ImportFactory.create()
    page = send(reverse("orders:cancel", args=[running.pk])).content.decode()
    assert "cancelled" in page
    assert 'id="cancel"' not in page
    assert client.get(reverse("orders:status", args=[running.pk])).json()["cancelled"]
    page = send(reverse("orders:resume", args=[running.pk])).content.decode()
    assert "finished" in page


def test_what_is_finished_can_be_neither_cancelled_nor_resumed(send: Any) -> None:
    send(reverse("orders:upload"), file=file(csv(row())))
    done = Import.objects.get()
    assert "nothing left to cancel" in send(reverse("orders:cancel", args=[done.pk])).content.decode()
    assert "nothing to go on with" in send(reverse("orders:resume", args=[done.pk])).content.decode()
    done.refresh_from_db()
    assert (done.attempt, done.cancelled_at) == (1, None)


def test_the_refused_rows_as_a_file(send: Any, client: Client) -> None:
    send(reverse("orders:upload"), file=file(csv(row("six"), row("=1+1"))))
    answer: Any = client.get(reverse("orders:row-errors", args=[Import.objects.get().pk]))
    lines = list(reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert lines[0] == ["line", "column", "value", "reason"]
    assert [line[:3] for line in lines[1:]] == [["2", "Quantity", "six"], ["3", "Quantity", "'=1+1"]]
    assert "attachment" in answer.headers["Content-Disposition"]


def test_an_import_that_stopped_is_resumed(send: Any) -> None:
    stopped = ImportFactory.create(failure="It broke.", failed_task_id="abc")
    page = send(reverse("orders:resume", args=[stopped.pk])).content.decode()
    assert "finished" in page


def test_an_import_that_stopped_says_so(client: Client) -> None:
    stopped = ImportFactory.create(failure="It broke.", failed_task_id="abc")
    page = client.get(stopped.get_absolute_url()).content.decode()
    assert "It broke." in page
    assert "abc" in page
    assert 'id="poll"' not in page, "a page that will not change need not be asked for again"
    assert "http-equiv" not in page


def test_the_status_for_a_program(send: Any, client: Client) -> None:
    send(reverse("orders:upload"), file=file(csv(row(), row("six"))))
    status = client.get(reverse("orders:status", args=[Import.objects.get().pk])).json()
    assert (status["state"], status["running"]) == ("finished", False)
    assert (status["rows"], status["imported"], status["refused"]) == (2, 1, 1)


@pytest.mark.parametrize("name", ["orders:import", "orders:live-import", "orders:status", "orders:row-errors"])
def test_an_import_that_is_not_there(client: Client, name: str) -> None:
    assert client.get(reverse(name, args=[7])).status_code == 404


def test_many_errors_are_shown_in_pages(send: Any, client: Client) -> None:
    send(reverse("orders:upload"), file=file(csv(*(row("six") for _ in range(60)))))
    url = Import.objects.get().get_absolute_url()
    assert "Page 1 of 3" in client.get(url).content.decode()
    assert "Page 2 of 3" in client.get(url, {"page": 2}).content.decode()


def test_what_the_admin_deletes_takes_its_file_along(admin_client: Client) -> None:
    old = ImportFactory.create()
    name, storage = str(old.file.name), old.file.storage
    admin_client.post(reverse("admin:orders_import_delete", args=[old.pk]), {"post": "yes"})
    assert not Import.objects.exists()
    assert not storage.exists(name)


def test_the_admin_shows_it_all(admin_client: Client, send: Any) -> None:
    send(reverse("orders:upload"), file=file(csv(row(), row("six"))))
    for model in ("import", "chunk", "step", "rowerror", "exchangerate"):
        assert admin_client.get(reverse(f"admin:orders_{model}_changelist"), {"q": "orders"}).status_code == 200
    assert admin_client.get(reverse("admin:orders_import_change", args=[Import.objects.get().pk])).status_code == 200


@pytest.mark.parametrize("may_change", [True, False])
def test_the_admin_cancels_and_resumes(
    client: Client, django_user_model: Any, django_capture_on_commit_callbacks: Any, may_change: bool
) -> None:
    person = django_user_model.objects.create_user("operator", is_staff=True)
    names = ["view_import", *(["change_import"] if may_change else [])]
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(person)
    running = ImportFactory.create()

    def act(action: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(
                reverse("admin:orders_import_changelist"), {"action": action, ACTION_CHECKBOX_NAME: [running.pk]}
            )
        running.refresh_from_db()

    act("cancel_selected")
    assert bool(running.cancelled_at) == may_change
    if may_change:
        act("resume_selected")
        assert running.state == Import.State.FINISHED
