"""The admin of what waits and of what was done once; that of the dead letters is with their tests."""

from datetime import timedelta

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from {{ cookiecutter.project_slug }}.tasking.models import IdempotencyKey, OutboxMessage

pytestmark = pytest.mark.django_db


def test_a_message_of_the_outbox_is_found_and_tried_now(admin_client: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    message = OutboxMessage.objects.create(task_id="abc", task_name="shop.pay", signature="{}", next_try_at=later)
    address = reverse("admin:tasking_outboxmessage_changelist")
    assert "shop.pay" in admin_client.get(address, {"q": "abc"}).content.decode()
    chosen = {"action": "try_selected_now", ACTION_CHECKBOX_NAME: [message.pk]}
    assert "1 due now." in admin_client.post(address, chosen, follow=True).content.decode()
    message.refresh_from_db()
    assert message.next_try_at <= timezone.now()


def test_a_key_is_found_and_nobody_deletes_it(admin_client: Client) -> None:
    key = IdempotencyKey.objects.create(key="refund:7")
    assert (
        "refund:7"
        in admin_client.get(reverse("admin:tasking_idempotencykey_changelist"), {"q": "refund"}).content.decode()
    )
    assert (
        admin_client.post(reverse("admin:tasking_idempotencykey_delete", args=[key.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert IdempotencyKey.objects.exists()
