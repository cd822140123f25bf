"""The rows."""

from django.db import models


class OutboxMessage(models.Model):
    """A message that is committed and not yet known to be with the broker; deleted once it is."""

    #: The task's id, chosen here: a message published twice has the same. Of a Canvas, that of its first task.
    task_id = models.CharField(max_length=64, db_index=True)
    task_name = models.CharField(max_length=255)
    #: The signature as kombu's JSON, which keeps dates, decimals and UUIDs.
    signature = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    #: Before this, the relay leaves it alone: the sender, or another relay, is at it.
    next_try_at = models.DateTimeField(db_index=True)
    #: How often it was refused for a reason of its own; a broker that is away does not count.
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.task_name}[{self.task_id}]"
