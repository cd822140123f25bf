"""What an operator sees in Django's admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .models import OutboxMessage


@admin.register(OutboxMessage)
class OutboxMessageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Messages that the broker does not have yet, to look at."""

    list_display = ("task_name", "task_id", "created_at", "attempts", "next_try_at", "last_error")
    search_fields = ("task_name", "task_id", "last_error")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Never: a message is written with the change that it belongs to."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never: it would be lost."""
        return False
