"""The addresses: Django's admin, and what each app of the project brings."""

from importlib.util import find_spec

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from .health import health

urlpatterns = [
    path("health/", health),
    path("admin/", admin.site.urls),
    *(path("", include(f"{app}.urls")) for app in settings.PROJECT_APPS if find_spec(f"{app}.urls")),
]
