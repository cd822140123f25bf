"""The pages: send a file, see what became of it. A view calls a service and sends the workflow; it never waits."""

from tempfile import TemporaryFile
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files import File
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from . import conf, workflows
from .forms import DateOrderForm, SampleForm, UploadForm
from .models import Import, with_progress
from .page.live import live
from .services import imports as service
from .services import row_errors as row_errors_file
from .services.csv_file import DateOrder
from .services.samples import write_sample

IMPORTS_SHOWN = 20
ERRORS_PER_PAGE = 20
SAMPLE_SIZES = (1_000, 20_000, 100_000)
#: What the multipart form around a file adds to its size, at most.
FORM_OVERHEAD = 16 * 1024


@require_GET
def imports(request: HttpRequest) -> HttpResponse:
    """Show the upload form and the latest imports."""
    return _imports_page(request, UploadForm())


@require_GET
def live_imports(request: HttpRequest) -> HttpResponse:
    """Return the latest imports: the page puts them in place of those it has, while one of them runs."""
    return render(request, "orders/live/imports.html", _latest_imports())


@csrf_exempt  # the check would read the body, and with it the file, before its size has been looked at
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file, unless it is too large to be read at all."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal():
        return HttpResponseBadRequest("Content-Length must be a number.")
    if int(length) > conf.MAX_UPLOAD + FORM_OVERHEAD:
        form = UploadForm()
        form.cleaned_data = {}
        limit = conf.MAX_UPLOAD // (1024 * 1024)
        form.errors["file"] = form.error_class([f"The file is larger than {limit} MB. Divide it and send the parts."])
        return _imports_page(request, form, status=413)
    return _upload(request)


@csrf_protect
def _upload(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _imports_page(request, form, status=400)
    file = form.cleaned_data["file"]
    return _receive(request, file, file.name)


@require_POST
def sample(request: HttpRequest) -> HttpResponse:
    """Import a sample of the asked number of rows."""
    form = SampleForm(request.POST)
    if not form.is_valid():
        return _imports_page(request, UploadForm(), status=400)
    rows = form.cleaned_data["rows"]
    # Every sample is another file: the same one would be recognised.
    seed = Import.objects.aggregate(last=Max("pk", default=0))["last"]
    with TemporaryFile() as file:
        write_sample(file, rows, seed=seed)
        file.seek(0)
        return _receive(request, File(file), f"sample-{rows}-{seed}.csv")


@require_GET
def import_page(request: HttpRequest, import_id: int) -> HttpResponse:
    """Show an import: how far it is, which rows were refused, the report."""
    return render(request, "orders/import.html", _live_context(request, import_id))


@require_GET
def live_import(request: HttpRequest, import_id: int) -> HttpResponse:
    """Return what changes on the page of an import while it runs: the page puts it in place of what it has."""
    return render(request, "orders/live/import.html", _live_context(request, import_id))


@require_GET
def import_status(_request: HttpRequest, import_id: int) -> JsonResponse:
    """Return how far an import is, for a program."""
    shown = get_object_or_404(Import, pk=import_id)
    progress = shown.progress()
    return JsonResponse(
        {
            "id": shown.pk,
            "name": shown.name,
            "state": shown.state,
            "running": shown.is_running,
            "cancelled": bool(shown.cancelled_at),
            "rows": progress.rows,
            "imported": progress.imported,
            "refused": progress.refused,
            "refusal": shown.refusal,
            "failure": shown.failure,
            "failed_task_id": shown.failed_task_id,
            "report": shown.report,
        }
    )


@require_POST
def date_order(request: HttpRequest, import_id: int) -> HttpResponse:
    """Take the answer to the question in which order the dates of the file stand, and go on."""
    asking = get_object_or_404(Import, pk=import_id)
    form = DateOrderForm(request.POST)
    if form.is_valid():
        with transaction.atomic():
            if service.answer_date_order(import_id, DateOrder(form.cleaned_data["date_order"])):
                workflows.run_on_commit(import_id)
    return redirect(asking)


@require_GET
def row_errors(_request: HttpRequest, import_id: int) -> StreamingHttpResponse:
    """Return all rows that were refused, and why, as a CSV file."""
    lines = row_errors_file.lines(get_object_or_404(Import, pk=import_id))
    name = f"import-{import_id}-row-errors.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
def cancel(request: HttpRequest, import_id: int) -> HttpResponse:
    """Have nothing more done for a running import."""
    running = get_object_or_404(Import, pk=import_id)
    if not service.cancel(import_id):
        messages.info(request, "There was nothing left to cancel.")
    return redirect(running)


@require_POST
def resume(request: HttpRequest, import_id: int) -> HttpResponse:
    """Go on with an import that failed or was cancelled."""
    stopped = get_object_or_404(Import, pk=import_id)
    if stopped.is_stopped:
        workflows.run_on_commit(import_id)
    else:
        messages.info(request, "There was nothing to go on with.")
    return redirect(stopped)


def _live_context(request: HttpRequest, import_id: int) -> dict[str, Any]:
    shown = get_object_or_404(Import, pk=import_id)
    errors = Paginator(shown.row_errors.all(), ERRORS_PER_PAGE).get_page(request.GET.get("page"))
    return {**live(shown), "errors": errors, "form": DateOrderForm(), "flower_url": settings.FLOWER_URL}


def _receive(request: HttpRequest, file: "File[bytes]", name: str) -> HttpResponse:
    received, is_new = service.receive(file, name, then=workflows.run_on_commit)
    if not is_new:
        messages.info(request, f"This file was sent before, as {received.name}. Here is that import.")
    return redirect(received)


def _imports_page(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    context = {**_latest_imports(), "form": form, "sample_sizes": SAMPLE_SIZES, "flower_url": settings.FLOWER_URL}
    return render(request, "orders/imports.html", context, status=status)


def _latest_imports() -> dict[str, Any]:
    latest = with_progress(Import.objects.defer("inspection", "report")[:IMPORTS_SHOWN])
    return {"imports": latest, "is_running": any(one.is_running for one, _ in latest)}
