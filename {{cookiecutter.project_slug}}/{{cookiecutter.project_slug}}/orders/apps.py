"""The Django app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = f"{__package__}"
    label = "orders"
