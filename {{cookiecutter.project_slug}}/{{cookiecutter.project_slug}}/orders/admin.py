"""What an operator sees in Django's admin."""

from django.contrib import admin

from .models import ExchangeRate, Import, RowError


@admin.register(Import)
class ImportAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Imports, to look at: their state belongs to the workflow."""

    list_display = ("name", "state", "rows", "failure", "created_at", "finished_at")
    list_filter = ("state",)
    search_fields = ("name", "digest", "failed_task_id")
    readonly_fields = tuple(field.name for field in Import._meta.fields)


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
