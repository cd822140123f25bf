"""The Celery app. What it is made of stands in `settings/celery.py`."""

import os

from django.conf import settings

from {{ cookiecutter.project_slug }}.tasking.app import App

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
# Celery would run Django's checks and drop what they find; `tasking/checks/worker_start.py` heeds it.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = App("{{ cookiecutter.project_slug }}", task_cls="{{ cookiecutter.project_slug }}.tasking.task:Task")
app.config_from_object("django.conf:settings", namespace="CELERY")
# RedBeat misses settings that have the prefix of a namespace: it warns of the URL and drops the options.
app.add_defaults(lambda: settings.REDBEAT)
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="workflows")
