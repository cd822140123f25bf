"""What an operator sees in Django's admin."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from .arguments import ArgumentError
from .dead_letters.replay import NotWaitingError, discard, replay
from .models import DeadLetter, IdempotencyKey, OutboxMessage


class LookOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that come and go with the work itself, to look at."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Never: it would be lost."""
        return False


@admin.register(DeadLetter)
class DeadLetterAdmin(LookOnlyAdmin):
    """Tasks that failed for good, to be replayed or discarded."""

    list_display = ("state", "task_name", "reason", "attempts", "failed_at", "queue", "task_id")
    list_display_links = ("task_name",)
    list_filter = ("state", "queue", "task_name")
    search_fields = ("task_name", "task_id", "root_id", "group_id", "exception", "arguments", "replayed_as")
    date_hierarchy = "failed_at"
    actions = ("replay_selected", "discard_selected")
    # As a person reads them.
    exclude = ("arguments", "traceback")
    readonly_fields = ("call", "trace", "in_flower")

    @admin.display(description="in Flower")
    def in_flower(self, letter: DeadLetter) -> str:
        """Return a link to what Flower has seen of the task, if it is set up."""
        if not settings.FLOWER_URL:
            return ""
        return format_html('<a href="{0}/task/{1}">{1}</a>', settings.FLOWER_URL, letter.task_id)

    @admin.display(description="traceback")
    def trace(self, letter: DeadLetter) -> str:
        """Return the traceback with its indentation."""
        return format_html("<pre>{}</pre>", letter.traceback)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Whether this person may replay and discard: who may change dead letters, by Django's permissions."""
        return request.user.has_perm("tasking.change_deadletter")

    @admin.action(description="Replay the selected dead letters", permissions=["settle"])
    def replay_selected(self, request: HttpRequest, letters: QuerySet[DeadLetter]) -> None:
        """Send their tasks again."""
        self._each(request, letters, replay, "replayed")

    @admin.action(description="Discard the selected dead letters", permissions=["settle"])
    def discard_selected(self, request: HttpRequest, letters: QuerySet[DeadLetter]) -> None:
        """Put them aside."""
        self._each(request, letters, discard, "discarded")

    def _each(
        self, request: HttpRequest, letters: QuerySet[DeadLetter], do: Callable[[int], object], done: str
    ) -> None:
        count = 0
        for letter_id in letters.order_by("pk").values_list("pk", flat=True):
            try:
                do(letter_id)
            except (NotWaitingError, ArgumentError) as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                count += 1
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(LookOnlyAdmin):
    """Messages that the broker does not have yet."""

    list_display = ("task_name", "task_id", "created_at", "attempts", "next_try_at", "last_error")
    search_fields = ("task_name", "task_id", "last_error")
    actions = ("try_selected_now",)

    def has_hurry_permission(self, request: HttpRequest) -> bool:
        """Whether this person may hurry the relay: who may change these messages, by Django's permissions."""
        return request.user.has_perm("tasking.change_outboxmessage")

    @admin.action(description="Try the selected messages now", permissions=["hurry"])
    def try_selected_now(self, request: HttpRequest, selected: QuerySet[OutboxMessage]) -> None:
        """Make them due: the relay, which beat sends each ten seconds, takes them."""
        count = selected.update(next_try_at=timezone.now())
        self.message_user(request, f"{count} due now.", messages.SUCCESS)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(LookOnlyAdmin):
    """What was done once. Without its key it would be done again: so nobody deletes one here."""

    list_display = ("key", "created_at")
    search_fields = ("key",)
    date_hierarchy = "created_at"
