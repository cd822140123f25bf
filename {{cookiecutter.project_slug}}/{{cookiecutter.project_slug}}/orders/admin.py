"""What an operator sees in Django's admin: to look at, since the state of an import belongs to its workflow."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from ..tasking.admin import LookOnlyAdmin
from . import workflows
from .models import Chunk, ExchangeRate, Import, RowError, Step
from .services import imports, retention


@admin.register(Import)
class ImportAdmin(LookOnlyAdmin):
    """Imports: they can be cancelled, resumed, and deleted with their files."""

    list_display = ("name", "state", "rows", "attempt", "failure", "cancelled_at", "created_at", "finished_at", "page")
    list_filter = ("state",)
    search_fields = ("name", "digest", "failed_task_id", "steps__task_id")
    date_hierarchy = "created_at"
    actions = ("cancel_selected", "resume_selected")

    @admin.display(description="its page")
    def page(self, one: Import) -> str:
        """Return a link."""
        return format_html('<a href="{}">see it run</a>', one.get_absolute_url())

    def has_delete_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whoever may, by Django's permissions."""
        return request.user.has_perm("orders.delete_import")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Whether this person may cancel and resume: who may change imports, by Django's permissions."""
        return request.user.has_perm("orders.change_import")

    @admin.action(description="Cancel the selected imports", permissions=["steer"])
    def cancel_selected(self, request: HttpRequest, selected: QuerySet[Import]) -> None:
        """Have nothing more done for those that run."""
        count = sum(imports.cancel(one.pk) for one in selected)
        self.message_user(request, f"{count} cancelled.", messages.SUCCESS)

    @admin.action(description="Resume the selected imports", permissions=["steer"])
    def resume_selected(self, request: HttpRequest, selected: QuerySet[Import]) -> None:
        """Go on with those that failed or were cancelled."""
        stopped = [one for one in selected if one.is_stopped]
        for one in stopped:
            workflows.run_on_commit(one.pk)
        self.message_user(request, f"{len(stopped)} resumed.", messages.SUCCESS)

    def delete_model(self, _request: HttpRequest, obj: Import) -> None:
        """Delete an import with its file."""
        retention.delete(obj.pk)

    def delete_queryset(self, _request: HttpRequest, queryset: QuerySet[Import]) -> None:
        """Delete the selected imports with their files."""
        for import_id in queryset.values_list("pk", flat=True):
            retention.delete(import_id)


@admin.register(Chunk)
class ChunkAdmin(LookOnlyAdmin):
    """Chunks."""

    list_display = ("import_file", "number", "rows", "imported", "refused", "updated_at")
    search_fields = ("import_file__name", "steps__task_id")
    list_select_related = ("import_file",)


@admin.register(Step)
class StepAdmin(LookOnlyAdmin):
    """Tasks of workflows."""

    list_display = ("import_file", "name", "state", "runs", "note", "attempt", "began_at", "task_id")
    list_filter = ("state", "name")
    search_fields = ("task_id", "note", "import_file__name")
    list_select_related = ("import_file",)


@admin.register(RowError)
class RowErrorAdmin(LookOnlyAdmin):
    """Rows that were refused."""

    list_display = ("import_file", "line", "column", "value", "reason")
    search_fields = ("reason", "value", "import_file__name")
    list_select_related = ("import_file",)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Exchange rates by month."""

    list_display = ("month", "currency", "rate")
    list_filter = ("currency",)
