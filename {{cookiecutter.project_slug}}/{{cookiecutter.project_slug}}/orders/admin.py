"""What an operator sees in Django's admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import ExchangeRate, Import, RowError
from .services import retention


@admin.register(Import)
class ImportAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Imports, to look at: their state belongs to the workflow."""

    list_display = ("name", "state", "rows", "failure", "created_at", "finished_at")
    list_filter = ("state",)
    search_fields = ("name", "digest", "failed_task_id")
    readonly_fields = tuple(field.name for field in Import._meta.fields)

    def delete_model(self, _request: HttpRequest, obj: Import) -> None:
        """Delete an import with its file."""
        retention.delete(obj.pk)

    def delete_queryset(self, _request: HttpRequest, queryset: QuerySet[Import]) -> None:
        """Delete the selected imports with their files."""
        for import_id in queryset.values_list("pk", flat=True):
            retention.delete(import_id)


@admin.register(RowError)
class RowErrorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that were refused."""

    list_display = ("import_file", "line", "column", "value", "reason")
    search_fields = ("reason", "value")
    list_select_related = ("import_file",)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Exchange rates by month."""

    list_display = ("month", "currency", "rate")
    list_filter = ("currency",)
